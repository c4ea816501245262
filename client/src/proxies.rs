//! The next proxy whenever one is needed, and spares with `-max` above 1.

use crate::attempt::Attempts;
use crate::timers::{SPARE_INTERVAL, SPARE_LIFE};
use crate::{AttemptError, Events};
use bytes::Bytes;
use futures_util::{FutureExt, SinkExt, StreamExt};
use snowflake_turbotunnel::{CarrierEnd, Dial};
use snowflake_webrtc::DataChannel;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::task::AbortOnDropHandle;

/// Dials proxies for one session.
///
/// With `-max N`, up to N - 1 open data channels wait as spares, so that the next proxy is there at once when one dies.
/// A task keeps them; it ends with this value.
pub(crate) struct Proxies {
    attempts: Attempts,
    spares: Option<(Spares, AbortOnDropHandle<()>)>,
}

/// Open data channels without a preamble, the freshest last.
#[derive(Clone, Default)]
struct Spares(Arc<Mutex<VecDeque<(Instant, DataChannel)>>>);

impl Proxies {
    pub(crate) fn new(attempts: Attempts) -> Self {
        let wanted = attempts.settings.max - 1;
        let spares = (wanted > 0).then(|| {
            let spares = Spares::default();
            let task = tokio::spawn(spares.clone().keep(wanted, attempts.clone()));
            (spares, AbortOnDropHandle::new(task))
        });
        Self { attempts, spares }
    }

    /// A spare that is still open, with the preamble sent.
    async fn spare(&self, preamble: &Bytes) -> Option<DataChannel> {
        let (spares, _) = self.spares.as_ref()?;
        loop {
            let mut channel = spares.take()?;
            if channel.send(preamble.clone()).await.is_ok() {
                return Some(channel);
            }
        }
    }

    fn events(&self) -> &Events {
        &self.attempts.events
    }
}

impl Dial for Proxies {
    type Carrier = DataChannel;
    type Error = AttemptError;

    async fn dial(&mut self, preamble: Bytes) -> Result<DataChannel, AttemptError> {
        if let Some(channel) = self.spare(&preamble).await {
            return Ok(channel);
        }
        self.attempts.make(preamble).await
    }

    fn ended(&mut self, why: &CarrierEnd) {
        self.events().trying_a_new_proxy(why);
    }
}

impl Spares {
    /// Keeps up to `wanted` spares, asking for one at a time and not too often.
    async fn keep(self, wanted: usize, mut attempts: Attempts) {
        // The first proxy is dialed by the session itself.
        sleep(SPARE_INTERVAL).await;
        loop {
            let next = Instant::now() + SPARE_INTERVAL;
            self.forget_stale();
            if self.len() < wanted
                && let Ok(channel) = attempts.make(Bytes::new()).await
            {
                self.put(channel);
            }
            sleep_until(next).await;
        }
    }

    fn put(&self, channel: DataChannel) {
        self.lock().push_back((Instant::now(), channel));
    }

    /// The freshest spare that is not known to be dead.
    fn take(&self) -> Option<DataChannel> {
        self.forget_stale();
        loop {
            let (_, mut channel) = self.lock().pop_back()?;
            // A server says nothing before the preamble, so whatever comes now is the end.
            if channel.next().now_or_never().is_none() {
                return Some(channel);
            }
        }
    }

    fn forget_stale(&self) {
        let now = Instant::now();
        self.lock().retain(|(since, _)| now - *since < SPARE_LIFE);
    }

    fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<(Instant, DataChannel)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

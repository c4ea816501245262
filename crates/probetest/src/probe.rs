//! One question: an answer from behind a NAT, and the data channel that follows or not.

use std::sync::Arc;

use futures_util::StreamExt;
use snowflake_messages::{SessionDescription, probe};
use snowflake_webrtc::{Answerer, SetupError, answer};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tracing::{debug, warn};

use crate::{Config, Timers, limits};

/// The NAT from behind which a proxy is to be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Simulation {
    Strict,
    Moderate,
}

/// Why a question has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It is none.
    BadQuestion,
    /// There are [`limits::PROBES`] others.
    Busy,
    /// We cannot answer; the log says why.
    Failed,
}

/// Answers questions, so many at a time.
#[derive(Debug)]
pub(crate) struct Prober {
    strict: snowflake_webrtc::Config,
    moderate: snowflake_webrtc::Config,
    timers: Timers,
    places: Arc<Semaphore>,
}

/// An answered question, whose data channel is to be waited for.
pub(crate) struct Pending {
    answerer: Answerer,
    timers: Timers,
    _place: OwnedSemaphorePermit,
}

impl Prober {
    pub(crate) fn new(config: &Config) -> Self {
        let through = |proxy: &snowflake_socks5::Proxy| snowflake_webrtc::Config {
            upstream: Some(proxy.clone()),
            gathering_deadline: config.timers.gathering,
            ..snowflake_webrtc::Config::default()
        };
        Self {
            // Nobody who knows no candidate of ours can send first, so none are looked for.
            strict: snowflake_webrtc::Config { hide_candidates: true, ..through(&config.strict) },
            moderate: snowflake_webrtc::Config {
                stun_servers: config.stun_servers.clone(),
                ..through(&config.moderate)
            },
            timers: config.timers,
            places: Arc::new(Semaphore::new(limits::PROBES)),
        }
    }

    /// The body of the reply, and what is left to be done.
    pub(crate) async fn answer(
        &self,
        simulation: Simulation,
        question: &[u8],
    ) -> Result<(String, Pending), Refusal> {
        let place = self.places.clone().try_acquire_owned().map_err(|_| Refusal::Busy)?;
        let offer = probe::decode_offer(question).map_err(|error| {
            debug!(%error, "a bad question");
            Refusal::BadQuestion
        })?;
        let offer = offer.parse().map_err(|error| {
            debug!(%error, "a bad offer");
            Refusal::BadQuestion
        })?;
        let config = match simulation {
            Simulation::Strict => &self.strict,
            Simulation::Moderate => &self.moderate,
        };
        let answerer = answer(config, &offer.sdp).await.map_err(refusal)?;
        let body = probe::encode_answer(SessionDescription::answer(answerer.sdp()).to_text());
        Ok((body, Pending { answerer, timers: self.timers, _place: place }))
    }
}

/// Who is to blame.
fn refusal(error: SetupError) -> Refusal {
    match error {
        SetupError::PeerDescription(error) => {
            debug!(%error, "an unusable offer");
            Refusal::BadQuestion
        }
        SetupError::Upstream(why) => {
            warn!(%why, "no way out through the SOCKS5 proxy");
            Refusal::Failed
        }
        error => {
            warn!(%error, "cannot answer");
            Refusal::Failed
        }
    }
}

impl Pending {
    /// Waits for the data channel, and then until the proxy closes it, which it does as soon as it is open.
    pub(crate) async fn wait(self) {
        match self.answerer.open(self.timers.open).await {
            Ok(mut channel) => {
                let ended = async { while let Some(Ok(_)) = channel.next().await {} };
                let closed = timeout(self.timers.linger, ended).await.is_ok();
                debug!(closed, "a proxy was reached");
            }
            Err(error) => debug!(%error, "a proxy was not reached"),
        }
    }
}

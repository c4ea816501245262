//! What our NAT lets through, and when that is checked.

mod probe;
mod schedule;

use std::{net::IpAddr, sync::Arc, time::Duration};

use snowflake_messages::NatType;
use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until, timeout},
};
use tracing::{debug, warn};

pub(crate) use self::probe::Probe;
use self::schedule::Schedule;
use crate::{
    error::{ProbeError, chain},
    event::Event,
    events::Events,
    timers::{ADDRESS_LOOK, ADDRESS_PAUSE},
};

/// The probe server, and what it found.
#[derive(Debug)]
pub(crate) struct Nat {
    probe: Probe,
    events: Arc<Events>,
    /// `None` until the first check is over, however it went.
    nat: watch::Sender<Option<NatType>>,
}

impl Nat {
    pub(crate) fn new(probe: Probe, events: Arc<Events>) -> Self {
        Self { probe, events, nat: watch::Sender::new(None) }
    }

    /// The type, once the first check is over; that takes two minutes at most, and usually 40 s.
    pub(crate) async fn nat_type(&self) -> NatType {
        let mut nat = self.nat.subscribe();
        // The sender is ours, so the wait ends only with a value.
        let known = nat.wait_for(Option::is_some).await;
        known.ok().and_then(|nat| *nat).unwrap_or_default()
    }

    /// Checks now, after each interval, and when we have other addresses; without an interval, until it is known once.
    /// Does not return.
    ///
    /// A check that fails leaves the type as it is, at the start unknown, and is soon repeated.
    pub(crate) async fn watch(&self, interval: Option<Duration>) {
        self.watch_with(interval, || self.probe.check(), || self.probe.local_addresses()).await;
    }

    async fn watch_with<F>(
        &self,
        interval: Option<Duration>,
        check: impl Fn() -> F,
        addresses: impl Fn() -> Option<Vec<IpAddr>>,
    ) where
        F: Future<Output = Result<NatType, ProbeError>>,
    {
        let mut schedule = Schedule::new(interval);
        let mut earliest = Instant::now();
        loop {
            let here = addresses();
            let is_known = self.take(check().await);
            let pause = schedule.after(is_known).unwrap_or(Duration::MAX);
            let moved = async {
                match interval {
                    Some(_) => wait_until_moved(&addresses, here, earliest).await,
                    None => std::future::pending().await,
                }
            };
            if timeout(pause, moved).await.is_ok() {
                debug!("other addresses: checking the NAT");
                schedule = Schedule::new(interval);
                earliest = Instant::now() + ADDRESS_PAUSE;
            }
        }
    }

    /// Takes the result of a check; returns whether it told anything.
    fn take(&self, checked: Result<NatType, ProbeError>) -> bool {
        let before = *self.nat.borrow();
        let now = checked.as_ref().copied().unwrap_or_else(|error| {
            warn!(error = chain(error), "the NAT type could not be checked");
            before.unwrap_or_default()
        });
        if before != Some(now) {
            self.events.tell(Event::NatType(now));
        }
        self.nat.send_replace(Some(now));
        checked.is_ok()
    }
}

/// Returns when our addresses are others than `here`, not before `earliest`. Not to know them is no change.
async fn wait_until_moved(
    addresses: impl Fn() -> Option<Vec<IpAddr>>,
    here: Option<Vec<IpAddr>>,
    earliest: Instant,
) {
    sleep_until(earliest).await;
    loop {
        sleep(ADDRESS_LOOK).await;
        if let (Some(here), Some(now)) = (&here, addresses())
            && *here != now
        {
            return;
        }
    }
}

#[cfg(test)]
mod tests;

//! When to ask the broker for a client.

use std::{sync::Arc, time::Duration};

use snowflake_messages::{PollOutcome, ProxyPollResponse, Sid};
use tokio::time::sleep;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, warn};

use crate::{
    capacity::Place,
    error::chain,
    proxy::Proxy,
    serve::Match,
    timers::{MAX_POLL_BACKOFF, MAX_POLL_INTERVAL},
};

impl Proxy {
    /// Asks for clients, one poll at a time, and has each served in a task of `clients`; does not return.
    ///
    /// A poll is sent only with a place for the client that may come of it, when the NAT has been checked and while the
    /// relay can be reached. Clients are answered while further polls go on.
    pub(crate) async fn poll(self: &Arc<Self>, clients: &TaskTracker, stop: &CancellationToken) {
        let own = self.config.poll_interval;
        let shortest = self.config.timers.min_poll_interval;
        let mut failures = 0;
        loop {
            let nat = self.nat.nat_type().await;
            self.reachability.reachable().await;
            let place = self.capacity.place().await;
            let pause = match self.broker.poll(nat, self.capacity.clients()).await {
                Ok((sid, response)) => {
                    failures = 0;
                    let pause = pause(response.next_poll.unwrap_or(own), shortest);
                    self.take(sid, response, place, clients, stop);
                    pause
                }
                Err(error) => {
                    drop(place);
                    failures += 1;
                    let pause = backoff(own, failures, random());
                    warn!(error = chain(&error), ?pause, "poll failed");
                    pause
                }
            };
            sleep(pause).await;
        }
    }

    /// Does what the broker's response asks for.
    fn take(
        self: &Arc<Self>,
        sid: Sid,
        response: ProxyPollResponse,
        place: Place,
        clients: &TaskTracker,
        stop: &CancellationToken,
    ) {
        match response.outcome {
            PollOutcome::Match { offer, relay_url, nat: _ } => {
                let (proxy, stop) = (self.clone(), stop.clone());
                let place = self.capacity.take(place);
                clients.spawn(async move {
                    proxy.serve(Match { sid, offer, relay_url }, &stop).await;
                    drop(place);
                });
            }
            PollOutcome::NoMatch => debug!("no client"),
            PollOutcome::Refused(reason) => {
                warn!(reason, next_poll = ?response.next_poll, "the broker refused the poll");
            }
        }
    }
}

/// The broker's wish or our own interval, within sane bounds. A refusal's wish counts as well.
fn pause(wish: Duration, shortest: Duration) -> Duration {
    wish.min(MAX_POLL_INTERVAL).max(shortest)
}

/// Our own interval after the first failure, doubled by each further one up to [`MAX_POLL_BACKOFF`]; the last half of it
/// at random, so that proxies do not come back together.
fn backoff(own: Duration, failures: u32, random: u32) -> Duration {
    let doubled = own.saturating_mul(1 << (failures - 1).min(16));
    let pause = doubled.min(MAX_POLL_BACKOFF.max(own));
    pause / 2 + (pause / 2).mul_f64(f64::from(random) / f64::from(u32::MAX))
}

/// Jitter is not worth failing for.
fn random() -> u32 {
    getrandom::u32().unwrap_or(u32::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: Duration = Duration::from_secs(5);

    #[test]
    fn the_brokers_wish_is_obeyed_within_bounds() {
        let second = Duration::from_secs(1);
        for wish in [OWN, 20 * second, 3600 * second] {
            assert_eq!(pause(wish, second), wish);
        }
        assert_eq!(pause(Duration::from_millis(1), second), second);
        assert_eq!(pause(Duration::MAX, second), MAX_POLL_INTERVAL);
    }

    #[test]
    fn failures_back_off_with_jitter() {
        let range = |failures| (backoff(OWN, failures, 0), backoff(OWN, failures, u32::MAX));
        assert_eq!(range(1), (OWN / 2, OWN));
        assert_eq!(range(2), (OWN, 2 * OWN));
        assert_eq!(range(u32::MAX), (MAX_POLL_BACKOFF / 2, MAX_POLL_BACKOFF));
        let day = Duration::from_secs(86400);
        assert_eq!(backoff(day, 9, u32::MAX), day, "never sooner than the operator wants");
    }
}

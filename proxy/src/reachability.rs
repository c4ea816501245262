//! Whether our own relay can be reached: a proxy that cannot take a client anywhere does not ask for one.

use std::time::Duration;

use futures_util::SinkExt;
use snowflake_websocket::limits;
use tokio::{sync::watch, time::sleep};
use tracing::{debug, warn};
use url::Url;

use crate::{
    dialer::Dialer,
    error::{RelayError, chain},
    timers::{RELAY_RECHECK, RELAY_RETRY},
};

/// The relay, and what is known about it.
#[derive(Debug)]
pub(crate) struct Reachability {
    relay: Url,
    dialer: Dialer,
    reachable: watch::Sender<bool>,
}

impl Reachability {
    pub(crate) fn new(relay: Url, dialer: Dialer) -> Self {
        Self { relay, dialer, reachable: watch::Sender::new(false) }
    }

    /// Returns at once while the relay is reachable, else when it is again.
    pub(crate) async fn reachable(&self) {
        // The sender is ours, so the wait ends only with a `true`.
        let _ = self.reachable.subscribe().wait_for(|reachable| *reachable).await;
    }

    /// Checks now and then, for ever.
    pub(crate) async fn watch(&self) {
        let mut pause = Pause::default();
        loop {
            let result = self.check().await;
            match &result {
                Ok(()) => debug!("the relay is reachable"),
                Err(error) => {
                    warn!(
                        error = chain(error),
                        "the relay is not reachable: not asking for clients"
                    );
                }
            }
            self.reachable.send_replace(result.is_ok());
            sleep(pause.after(result.is_ok())).await;
        }
    }

    /// Opens a WebSocket without a client's address and closes it at once.
    async fn check(&self) -> Result<(), RelayError> {
        let mut websocket = self.dialer.dial(&self.relay, None, limits::DIAL).await?;
        // The relay answered; how the goodbye ends does not matter.
        let _ = websocket.close().await;
        Ok(())
    }
}

/// How long until the next check.
#[derive(Debug)]
struct Pause {
    retry: Duration,
}

impl Default for Pause {
    fn default() -> Self {
        Self { retry: RELAY_RETRY }
    }
}

impl Pause {
    /// A day after a success; after failures 5 min, doubling up to a day. A success forgets the failures.
    fn after(&mut self, success: bool) -> Duration {
        if success {
            self.retry = RELAY_RETRY;
            return RELAY_RECHECK;
        }
        let pause = self.retry;
        self.retry = (pause * 2).min(RELAY_RECHECK);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Go stays at its last back-off after a success that follows failures.
    #[test]
    fn failures_double_the_pause_and_a_success_forgets_them() {
        let mut pause = Pause::default();
        assert_eq!(pause.after(true), RELAY_RECHECK);
        let minutes: Vec<u64> = (0..11).map(|_| pause.after(false).as_secs() / 60).collect();
        assert_eq!(minutes, [5, 10, 20, 40, 80, 160, 320, 640, 1280, 1440, 1440]);
        assert_eq!(pause.after(true), RELAY_RECHECK);
        assert_eq!(pause.after(false), RELAY_RETRY);
    }
}

//! Where a session's proxies come from.

use crate::attempt::attempt;
use crate::{AttemptError, Events, Settings};
use bytes::Bytes;
use snowflake_messages::NatType;
use snowflake_turbotunnel::{CarrierEnd, Dial};
use snowflake_webrtc::{DataChannel, SetupError};
use std::sync::atomic::{AtomicBool, Ordering};

/// Dials proxies for one session, and tells tor what comes of it.
#[derive(Debug)]
pub(crate) struct Proxies {
    settings: Settings,
    events: Events,
    nat: NatPolicy,
}

impl Proxies {
    pub(crate) fn new(settings: Settings, events: Events) -> Self {
        Self { settings, events, nat: NatPolicy::default() }
    }
}

impl Dial for Proxies {
    type Carrier = DataChannel;
    type Error = AttemptError;

    async fn dial(&self, preamble: Bytes) -> Result<DataChannel, AttemptError> {
        let result = attempt(&self.settings, &self.events, self.nat.word(), preamble).await;
        match &result {
            Ok(_) => self.events.connected(),
            Err(error) => {
                self.nat.learn(error);
                self.events.attempt_failed(error);
            }
        }
        result
    }

    fn ended(&self, why: &CarrierEnd) {
        self.events.trying_a_new_proxy(why);
    }
}

/// What the broker is told about our NAT, which is not measured here.
///
/// Go's client, too, begins by claiming to be unrestricted, because most are and because proxies that serve such
/// clients are plentiful; when a data channel does not open, it says that it does not know. All dials of a session learn
/// from each other.
#[derive(Debug, Default)]
struct NatPolicy {
    optimism_failed: AtomicBool,
}

impl NatPolicy {
    fn word(&self) -> NatType {
        match self.optimism_failed.load(Ordering::Relaxed) {
            true => NatType::Unknown,
            false => NatType::Unrestricted,
        }
    }

    fn learn(&self, error: &AttemptError) {
        if matches!(error, AttemptError::Open(SetupError::Timeout(_))) {
            self.optimism_failed.store(true, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timers::OPEN_LIMIT;

    #[test]
    fn only_a_data_channel_that_does_not_open_casts_doubt_on_our_nat() {
        let nat = NatPolicy::default();
        nat.learn(&AttemptError::Refused("no proxies".to_owned()));
        assert_eq!(nat.word(), NatType::Unrestricted);
        nat.learn(&AttemptError::Open(SetupError::Timeout(OPEN_LIMIT)));
        assert_eq!(nat.word(), NatType::Unknown);
    }
}

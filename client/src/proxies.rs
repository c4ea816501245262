//! Where a session's proxies come from.

use crate::attempt::attempt;
use crate::nat::Policy;
use crate::{AttemptError, Events, Nat, Settings};
use bytes::Bytes;
use snowflake_turbotunnel::{CarrierEnd, Dial};
use snowflake_webrtc::DataChannel;

/// Dials proxies for one session, and tells tor what comes of it.
#[derive(Debug)]
pub(crate) struct Proxies {
    settings: Settings,
    events: Events,
    nat: Policy,
}

impl Proxies {
    pub(crate) fn new(settings: Settings, nat: Nat, events: Events) -> Self {
        Self { settings, events, nat: Policy::new(nat) }
    }
}

impl Dial for Proxies {
    type Carrier = DataChannel;
    type Error = AttemptError;

    async fn dial(&self, preamble: Bytes) -> Result<DataChannel, AttemptError> {
        self.nat.measure(&self.settings.webrtc);
        let result = attempt(&self.settings, &self.events, &self.nat, preamble).await;
        match &result {
            Ok(_) => self.events.connected(),
            Err(error) => self.events.attempt_failed(error),
        }
        result
    }

    fn ended(&self, why: &CarrierEnd) {
        self.events.trying_a_new_proxy(why);
    }
}

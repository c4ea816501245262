//! Where a session's proxies come from.

use crate::attempt::attempt;
use crate::lines;
use crate::meter::{Meter, Metered};
use crate::nat::Policy;
use crate::{AttemptError, Events, Nat, Settings};
use bytes::Bytes;
use snowflake_turbotunnel::{CarrierEnd, Dial};
use snowflake_webrtc::DataChannel;
use std::sync::Arc;

/// Dials proxies for one session, and tells tor what comes of it.
#[derive(Debug)]
pub(crate) struct Proxies {
    settings: Settings,
    events: Events,
    nat: Policy,
    meter: Arc<Meter>,
}

impl Proxies {
    /// What goes through the proxies counts in `meter`.
    pub(crate) fn new(settings: Settings, nat: Nat, events: Events, meter: Arc<Meter>) -> Self {
        Self { settings, events, nat: Policy::new(nat), meter }
    }
}

impl Dial for Proxies {
    type Carrier = Metered<DataChannel>;
    type Error = AttemptError;

    async fn dial(&self, preamble: Bytes) -> Result<Self::Carrier, AttemptError> {
        lines::collecting(self.meter.proxies(), self.settings.max);
        self.nat.measure(&self.settings.webrtc);
        match attempt(&self.settings, &self.events, &self.nat, preamble).await {
            Ok(channel) => {
                self.events.connected();
                Ok(Metered::new(channel, self.meter.clone()))
            }
            Err(error) => {
                lines::closing();
                self.events.attempt_failed(&error);
                Err(error)
            }
        }
    }

    fn ended(&self, why: &CarrierEnd) {
        self.events.trying_a_new_proxy(why);
    }
}

//! Where a session's proxies come from.

use crate::attempt::attempt;
use crate::error::Chain;
use crate::events::Events;
use crate::lines;
use crate::meter::{Meter, Metered};
use crate::nat::Policy;
use crate::progress::Progress;
use crate::settings::Settings;
use crate::{AttemptError, Event, Shared};
use bytes::Bytes;
use snowflake_safelog::scrubbed;
use snowflake_turbotunnel::{CarrierEnd, Dial};
use snowflake_webrtc::DataChannel;
use std::sync::Arc;

/// Dials proxies for one session, and tells everybody what comes of it.
#[derive(Debug)]
pub(crate) struct Proxies {
    settings: Arc<Settings>,
    events: Events,
    nat: Policy,
    meter: Arc<Meter>,
    progress: Arc<Progress>,
}

impl Proxies {
    /// What goes through the proxies counts in `meter`.
    pub(crate) fn new(
        settings: Arc<Settings>,
        shared: &Shared,
        meter: Arc<Meter>,
        progress: Arc<Progress>,
    ) -> Self {
        let (events, nat) = (shared.events.clone(), Policy::new(shared.nat.clone()));
        Self { settings, events, nat, meter, progress }
    }
}

impl Dial for Proxies {
    type Carrier = Metered<DataChannel>;
    type Error = Arc<AttemptError>;

    async fn dial(&self, preamble: Bytes) -> Result<Self::Carrier, Arc<AttemptError>> {
        let (proxies, wanted) = (self.meter.proxies(), self.settings.max);
        self.events.tell(Event::Connecting { proxies, wanted });
        self.nat.measure(&self.settings.webrtc);
        match attempt(&self.settings, &self.events, &self.nat, preamble).await {
            Ok(channel) => {
                let carrier = Metered::new(channel, self.meter.clone());
                self.progress.set_connected();
                self.events.tell(Event::Connected);
                Ok(carrier)
            }
            Err(error) => {
                lines::closing();
                // What Go does not say of it is for those who look closer.
                tracing::debug!("an attempt failed: {}", scrubbed(Chain(&error)));
                let error = Arc::new(error);
                self.progress.set_failed(error.clone());
                self.events.tell(error.clone().into());
                Err(error)
            }
        }
    }

    fn ended(&self, why: &CarrierEnd) {
        self.events.tell(Event::ProxyLost(scrubbed(why).into()));
    }
}

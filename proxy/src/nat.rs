//! What our NAT lets through: the probe server tries to reach us from behind a strict one.

use std::time::Duration;

use bytes::Bytes;
use snowflake_messages::{NatType, SessionDescription, probe};
use snowflake_rendezvous::Exchange;
use snowflake_webrtc::{SetupError, offer};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};
use tracing::{debug, warn};

use crate::{
    error::{ProbeError, chain},
    events,
    timers::{NAT_CHANNEL, NAT_CHECK},
};

/// The probe server, and what it found.
#[derive(Debug)]
pub(crate) struct Nat {
    server: Exchange,
    webrtc: snowflake_webrtc::Config,
    /// `None` until the first check is over, however it went.
    nat: watch::Sender<Option<NatType>>,
}

impl Nat {
    pub(crate) fn new(server: Exchange, webrtc: snowflake_webrtc::Config) -> Self {
        Self { server, webrtc, nat: watch::Sender::new(None) }
    }

    /// The type, once the first check is over; that takes [`NAT_CHECK`] at most.
    pub(crate) async fn nat_type(&self) -> NatType {
        let mut nat = self.nat.subscribe();
        // The sender is ours, so the wait ends only with a value.
        let known = nat.wait_for(Option::is_some).await;
        known.ok().and_then(|nat| *nat).unwrap_or_default()
    }

    /// Checks now and after each interval, or only now; does not return.
    ///
    /// A check that fails leaves the type as it is, at the start unknown.
    pub(crate) async fn watch(&self, interval: Option<Duration>) {
        loop {
            let before = *self.nat.borrow();
            let checked = match timeout(NAT_CHECK, self.check()).await {
                Ok(result) => result,
                Err(_) => Err(ProbeError::TimedOut),
            };
            let now = checked.unwrap_or_else(|error| {
                warn!(error = chain(&error), "the NAT type could not be checked");
                before.unwrap_or_default()
            });
            if before != Some(now) {
                events::nat_type(now);
            }
            self.nat.send_replace(Some(now));
            match interval {
                Some(interval) => sleep(interval).await,
                None => std::future::pending().await,
            }
        }
    }

    async fn check(&self) -> Result<NatType, ProbeError> {
        let offerer = offer(&self.webrtc, Bytes::new()).await.map_err(ProbeError::Offer)?;
        let question = probe::encode_offer(&SessionDescription::offer(offerer.sdp()).to_text());
        let reply = self.server.post("", question).await.map_err(ProbeError::Exchange)?;
        let answer = probe::decode_answer(&reply).map_err(ProbeError::Response)?;
        let answer = answer.parse().map_err(ProbeError::Answer)?;
        match offerer.open(&answer.sdp, NAT_CHANNEL).await {
            // The connection closes as the channel is dropped.
            Ok(_) => Ok(NatType::Unrestricted),
            Err(SetupError::Timeout(_) | SetupError::Failed) => {
                debug!("the probe server could not reach us");
                Ok(NatType::Restricted)
            }
            Err(error) => Err(ProbeError::Connection(error)),
        }
    }
}

//! One attempt to reach a proxy: offer, rendezvous, open.

use crate::timers::OPEN_LIMIT;
use crate::{AttemptError, Events, Settings};
use bytes::Bytes;
use snowflake_messages::{
    ClientPollRequest, ClientPollResponse, NatType, SdpType, SessionDescription,
};
use snowflake_webrtc::{DataChannel, SetupError, offer};

/// What the broker is told about our NAT, which is not measured here.
///
/// Go's client, too, begins by claiming to be unrestricted, because most are and because proxies that serve such
/// clients are plentiful; when a data channel does not open, it says that it does not know.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct NatPolicy {
    optimism_failed: bool,
}

impl NatPolicy {
    fn word(self) -> NatType {
        if self.optimism_failed { NatType::Unknown } else { NatType::Unrestricted }
    }

    fn learn(&mut self, error: &AttemptError) {
        if matches!(error, AttemptError::Open(SetupError::Timeout(_))) {
            self.optimism_failed = true;
        }
    }
}

/// Makes attempts with the same settings.
#[derive(Clone, Debug)]
pub(crate) struct Attempts {
    pub(crate) settings: Settings,
    pub(crate) events: Events,
    pub(crate) nat: NatPolicy,
}

impl Attempts {
    /// Finds a proxy and opens a data channel to it, on which `first_message`, unless empty, is the first.
    ///
    /// Dropping the future leaves nothing behind.
    pub(crate) async fn make(&mut self, first_message: Bytes) -> Result<DataChannel, AttemptError> {
        let result = self.attempt(first_message).await;
        match &result {
            Ok(_) => self.events.connected(),
            Err(error) => {
                self.nat.learn(error);
                self.events.attempt_failed(error);
            }
        }
        result
    }

    async fn attempt(&self, first_message: Bytes) -> Result<DataChannel, AttemptError> {
        let offerer =
            offer(&self.settings.webrtc, first_message).await.map_err(AttemptError::Offer)?;
        self.events.offer_created();
        let answer = self.rendezvous(offerer.sdp()).await?;
        self.events.rendezvous_done();
        offerer.open(&answer, OPEN_LIMIT).await.map_err(AttemptError::Open)
    }

    /// Trades our offer for a proxy's answer at the broker.
    async fn rendezvous(&self, sdp: &str) -> Result<String, AttemptError> {
        let request = ClientPollRequest {
            offer: SessionDescription::offer(sdp).to_text(),
            nat: self.nat.word(),
            fingerprint: self.settings.fingerprint,
        };
        let response = self
            .settings
            .broker
            .post("client", request.encode())
            .await
            .map_err(AttemptError::Exchange)?;
        match ClientPollResponse::decode(&response).map_err(AttemptError::Response)? {
            ClientPollResponse::Answer(answer) => {
                let answer =
                    SessionDescription::parse(answer.as_str()).map_err(AttemptError::Answer)?;
                if answer.kind != SdpType::Answer {
                    return Err(AttemptError::NotAnAnswer);
                }
                Ok(answer.sdp)
            }
            ClientPollResponse::Error(error) => Err(AttemptError::Refused(error)),
        }
    }
}

//! One attempt to reach a proxy: offer, rendezvous, open.

use crate::timers::OPEN_LIMIT;
use crate::{AttemptError, Events, Settings};
use bytes::Bytes;
use snowflake_messages::{
    ClientPollRequest, ClientPollResponse, NatType, SdpType, SessionDescription,
};
use snowflake_webrtc::{DataChannel, offer};

/// Finds a proxy and opens a data channel to it, on which `first_message`, unless empty, is the first.
///
/// `nat` is what the broker is told of ours. Dropping the future leaves nothing behind.
pub(crate) async fn attempt(
    settings: &Settings,
    events: &Events,
    nat: NatType,
    first_message: Bytes,
) -> Result<DataChannel, AttemptError> {
    let offerer = offer(&settings.webrtc, first_message).await.map_err(AttemptError::Offer)?;
    events.offer_created();
    let answer = rendezvous(settings, nat, offerer.sdp()).await?;
    events.rendezvous_done();
    offerer.open(&answer, OPEN_LIMIT).await.map_err(AttemptError::Open)
}

/// Trades our offer for a proxy's answer at the broker.
async fn rendezvous(settings: &Settings, nat: NatType, sdp: &str) -> Result<String, AttemptError> {
    let request = ClientPollRequest {
        offer: SessionDescription::offer(sdp).to_text(),
        nat,
        fingerprint: settings.fingerprint,
    };
    let response =
        settings.broker.post("client", request.encode()).await.map_err(AttemptError::Exchange)?;
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

//! One attempt to reach a proxy: offer, rendezvous, open.

use crate::events::Events;
use crate::nat::Policy;
use crate::rendezvous::exchange;
use crate::settings::Settings;
use crate::timers::OPEN_LIMIT;
use crate::{AttemptError, Event};
use bytes::Bytes;
use snowflake_messages::{DescriptionText, SdpType, SessionDescription};
use snowflake_webrtc::{DataChannel, SetupError, offer};

/// Finds a proxy and opens a data channel to it, on which `first_message`, unless empty, is the first.
///
/// `nat` knows what the broker is told of ours, and learns from a data channel that does not open. Dropping the future
/// leaves nothing behind.
pub(crate) async fn attempt(
    settings: &Settings,
    events: &Events,
    nat: &Policy,
    first_message: Bytes,
) -> Result<DataChannel, AttemptError> {
    let offerer = offer(&settings.webrtc, first_message).await.map_err(AttemptError::Offer)?;
    events.tell(Event::OfferCreated);
    // Not sooner: what is measured meanwhile may be known by now.
    let claim = nat.claim();
    let answer = read(exchange(settings, nat, claim, offerer.sdp()).await?)?;
    events.tell(Event::RendezvousDone);
    let opened = offerer.open(&answer, OPEN_LIMIT).await;
    if matches!(opened, Err(SetupError::Timeout(_))) {
        nat.did_not_help(claim);
    }
    opened.map_err(AttemptError::Open)
}

/// The session description in what the broker says the proxy answered.
fn read(answer: DescriptionText) -> Result<String, AttemptError> {
    let answer = SessionDescription::parse(answer.as_str()).map_err(AttemptError::Answer)?;
    match answer.kind {
        SdpType::Answer => Ok(answer.sdp),
        _ => Err(AttemptError::NotAnAnswer),
    }
}

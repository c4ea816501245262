//! One attempt to reach a proxy: offer, rendezvous, open.

use crate::lines;
use crate::nat::{Claim, Policy, old_word};
use crate::timers::OPEN_LIMIT;
use crate::{AttemptError, Events, Settings};
use bytes::Bytes;
use snowflake_messages::{
    ClientPollRequest, ClientPollResponse, NatError, NatType, SdpType, SessionDescription,
};
use snowflake_rendezvous::Poll;
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
    events.offer_created();
    // Not sooner: what is measured meanwhile may be known by now.
    let claim = nat.claim();
    let answer = rendezvous(settings, nat, claim, offerer.sdp()).await?;
    events.rendezvous_done();
    let opened = offerer.open(&answer, OPEN_LIMIT).await;
    if matches!(opened, Err(SetupError::Timeout(_))) {
        nat.did_not_help(claim);
    }
    opened.map_err(AttemptError::Open)
}

/// Trades our offer for a proxy's answer at the broker, in the words for our NAT that it understands.
async fn rendezvous(
    settings: &Settings,
    nat: &Policy,
    claim: Claim,
    sdp: &str,
) -> Result<String, AttemptError> {
    let broker = settings.rendezvous.broker();
    let word = nat.word(claim, broker);
    let result = ask(settings, word, sdp).await;
    if !is_refused_word(&result) || old_word(word) == word {
        return result;
    }
    nat.knows_old_words_only(broker);
    ask(settings, nat.word(claim, broker), sdp).await
}

/// Whether the broker did not know the word for our NAT, as those up to 2.14.1 do not know the new ones.
fn is_refused_word(result: &Result<String, AttemptError>) -> bool {
    matches!(result, Err(AttemptError::Refused(why)) if *why == NatError.to_string())
}

async fn ask(settings: &Settings, nat: NatType, sdp: &str) -> Result<String, AttemptError> {
    let request = ClientPollRequest {
        offer: SessionDescription::offer(sdp).to_text(),
        nat,
        fingerprint: settings.fingerprint,
    };
    let way = &settings.rendezvous;
    lines::negotiating(way.name());
    let response = way.exchange(Poll::new(request.encode())).await;
    lines::responded(way.name(), &response);
    let response = response.map_err(AttemptError::Rendezvous)?;
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

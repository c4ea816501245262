//! How an offer gets to a proxy and its answer back: one way to a broker, or several that are tried at once.
//!
//! # Several ways in one Bridge line
//!
//! Go's keys describe one way, and mean what they mean to Go's client: `url` with `fronts` is HTTPS to the broker; with
//! `ampcache` beside them it is the cache *instead*, never both, since the broker at `url` may be blocked, and asking there
//! directly would show who asks. `sqsqueue` beside one of them is an error, as in Go.
//!
//! Further ways have the same keys with a number from 2 to 4: `url2`, `fronts2`, `front2`, `ampcache2`, `sqsqueue2`,
//! `sqscreds2`. Each number stands for itself, as if it were a line of its own; neither the flags nor another number fill its
//! gaps. Go's client does not know these keys and uses the first way.
//!
//! ```text
//! Bridge snowflake 192.0.2.3:80 … url=https://1098762253.rsc.cdn77.org/ fronts=www.cdn77.com
//!     url2=https://snowflake-broker.torproject.net/ ampcache2=https://cdn.ampproject.org/ fronts2=www.google.com
//! ```
//!
//! What is not about the way to the broker, `utls-nosni` included, holds for all of them.

mod method;
mod race;
mod way;
mod winners;
mod wish;

pub use method::Method;
pub(crate) use way::Way;
pub(crate) use winners::Winners;
pub(crate) use wish::methods;

use crate::error::{Asked, Chain};
use crate::nat::{Claim, Policy, old_word};
use crate::settings::Settings;
use crate::{AttemptError, lines};
use bytes::Bytes;
use race::{Turn, Turns, race};
use snowflake_messages::{
    ClientPollRequest, ClientPollResponse, DescriptionText, NatError, NatType, SessionDescription,
};
use snowflake_rendezvous::Poll;

/// Trades our offer for a proxy's answer at a broker.
///
/// Of several ways, those that worked lately are tried first. A broker that has no proxy for us is not asked in another way;
/// another broker is.
pub(crate) async fn exchange(
    settings: &Settings,
    nat: &Policy,
    claim: Claim,
    sdp: &str,
) -> Result<DescriptionText, AttemptError> {
    let mut left = settings.winners.first(&settings.ways);
    let mut refusal = AttemptError::NoMethod;
    loop {
        let turns = Turns::default();
        let inquiries = left.iter().enumerate().map(|(place, &way)| {
            let turn = turns.of(place, way.patience());
            Inquiry { settings, way, turn }.ask_in_words(nat, claim, sdp)
        });
        let Some((place, result)) = race(&turns, inquiries.collect()).await else {
            return Err(refusal);
        };
        let way = left[place];
        match result? {
            ClientPollResponse::Answer(answer) => {
                settings.winners.won(way, &settings.ways);
                return Ok(answer);
            }
            ClientPollResponse::Error(error) => refusal = AttemptError::Refused(error),
        }
        left.retain(|other| other.broker() != way.broker());
    }
}

/// One way's part in the race.
struct Inquiry<'a> {
    settings: &'a Settings,
    way: &'a Way,
    turn: Turn,
}

impl Inquiry<'_> {
    /// Asks in the words for our NAT that the broker understands. Its turn is over when this ends.
    async fn ask_in_words(
        self,
        nat: &Policy,
        claim: Claim,
        sdp: &str,
    ) -> Result<ClientPollResponse, AttemptError> {
        let broker = self.way.broker();
        let word = nat.word(claim, broker);
        let response = self.ask(word, sdp).await?;
        if !is_refused_word(&response) || old_word(word) == word {
            return Ok(response);
        }
        nat.knows_old_words_only(broker);
        self.ask(nat.word(claim, broker), sdp).await
    }

    async fn ask(&self, nat: NatType, sdp: &str) -> Result<ClientPollResponse, AttemptError> {
        let request = ClientPollRequest {
            offer: SessionDescription::offer(sdp).to_text(),
            nat,
            fingerprint: self.settings.fingerprint,
        };
        let poll = Poll::after(self.turn.clone().come(), request.encode());
        let name = self.way.name();
        lines::negotiating(name);
        let exchanged = self.way.exchange(poll).await;
        lines::responded(name, &exchanged);
        let exchanged = exchanged.map_err(|error| AttemptError::Rendezvous(Asked::by(name), error));
        let decode = |response: Bytes| {
            ClientPollResponse::decode(&response)
                .map_err(|error| AttemptError::Response(Asked::by(name), error))
        };
        exchanged.and_then(decode).inspect_err(|error| {
            // What it costs the user is said when all ways have failed.
            tracing::debug!("rendezvous by {name} failed: {}", Chain(error));
        })
    }
}

/// Whether the broker did not know the word for our NAT, as those up to 2.14.1 do not know the new ones.
fn is_refused_word(response: &ClientPollResponse) -> bool {
    matches!(response, ClientPollResponse::Error(why) if *why == NatError.to_string())
}

#[cfg(test)]
mod tests;

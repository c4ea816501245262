//! The proxy's question to the probe server (`POST /probe`), which tries to connect to it from
//! behind a strict NAT.
//!
//! Both directions reuse messages of the broker as containers: the offer goes out as a poll's
//! *response*, the answer comes back as an answer's *request*, possibly without candidates.

use crate::proxy_poll::{ResponseWire, status};
use crate::{
    DescriptionText, PollOutcome, ProxyAnswerError, ProxyAnswerRequest, ProxyPollResponse,
    ProxyResponseError, Sid, json,
};

/// Writes the body of the question.
pub fn encode_offer(offer: &DescriptionText) -> String {
    json::write(&ResponseWire {
        status: status::MATCH,
        offer: offer.as_str(),
        nat: "",
        next_poll: 0,
        relay_url: "",
    })
}

/// Reads the body of the question. Browsers send only `Status` and `Offer`.
///
/// # Errors
/// If it holds no well-formed offer; a probe server replies with status 400.
pub fn decode_offer(body: &[u8]) -> Result<DescriptionText, ProxyResponseError> {
    match ProxyPollResponse::decode(body)?.outcome {
        PollOutcome::Match { offer, .. } => Ok(offer),
        PollOutcome::NoMatch | PollOutcome::Refused(_) => Err(ProxyResponseError::NoOffer),
    }
}

/// Writes the body of the reply.
pub fn encode_answer(answer: DescriptionText) -> String {
    ProxyAnswerRequest { sid: Sid::stub(), answer }.encode()
}

/// Reads the body of the reply.
///
/// # Errors
/// If it holds no well-formed answer.
pub fn decode_answer(body: &[u8]) -> Result<DescriptionText, ProxyAnswerError> {
    Ok(ProxyAnswerRequest::decode(body)?.answer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SessionDescription;

    #[test]
    fn question_and_reply() {
        // Wire format vectors.
        let offer = SessionDescription::offer("v=0\r\n").to_text();
        let question = r#"{"Status":"client match","Offer":"{\"type\":\"offer\",\"sdp\":\"v=0\\r\\n\"}","NAT":"","NextPoll":0,"RelayURL":""}"#;
        assert_eq!(encode_offer(&offer), question);
        assert_eq!(decode_offer(question.as_bytes()), Ok(offer));

        let answer = SessionDescription::answer("v=0\r\n").to_text();
        let reply = r#"{"Version":"1.3","Sid":"stub-sid","Answer":"{\"type\":\"answer\",\"sdp\":\"v=0\\r\\n\"}"}"#;
        assert_eq!(encode_answer(answer.clone()), reply);
        assert_eq!(decode_answer(reply.as_bytes()), Ok(answer));
    }

    #[test]
    fn a_question_without_an_offer_is_refused() {
        assert_eq!(decode_offer(br#"{"Status":"no match"}"#), Err(ProxyResponseError::NoOffer));
        assert_eq!(
            decode_offer(br#"{"Status":"client match","Offer":""}"#),
            Err(ProxyResponseError::NoOffer)
        );
    }
}

//! A proxy's answer (`POST /answer`).

use serde::Serialize;

use crate::proxy_poll::{VERSION, is_known_version};
use crate::{DescriptionText, ProxyAnswerError, ProxyResponseError, Sid, json};

/// A proxy's answer to the offer that it got for its poll `sid`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyAnswerRequest {
    /// The name of the poll that got the offer.
    pub sid: Sid,
    /// The answer, with all its candidates: nobody trickles.
    pub answer: DescriptionText,
}

impl ProxyAnswerRequest {
    /// Writes the body of the request.
    pub fn encode(&self) -> String {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Wire<'a> {
            version: &'static str,
            sid: &'a str,
            answer: &'a str,
        }
        json::write(&Wire {
            version: VERSION,
            sid: self.sid.as_str(),
            answer: self.answer.as_str(),
        })
    }

    /// Reads the body of the request. Whether it names a candidate is another question:
    /// [`names_candidate`](Self::names_candidate).
    ///
    /// # Errors
    /// A broker answers all of them with status 400.
    pub fn decode(body: &[u8]) -> Result<Self, ProxyAnswerError> {
        let mut object = json::read(body, ["Version", "Sid", "Answer"], json::Case::Ignored)?;
        let (version, sid, answer) =
            (object.string("Version")?, object.string("Sid")?, object.string("Answer")?);
        if !is_known_version(&version) {
            return Err(ProxyAnswerError::UnknownVersion);
        }
        if sid.is_empty() || answer.is_empty() {
            return Err(ProxyAnswerError::NoSidOrAnswer);
        }
        Ok(Self {
            sid: Sid::parse(sid).map_err(ProxyAnswerError::Sid)?,
            answer: DescriptionText::check(answer).map_err(ProxyAnswerError::MalformedAnswer)?,
        })
    }

    /// Whether a request's body mentions a candidate anywhere, as brokers demand: an answer without
    /// one cannot be connected to.
    pub fn names_candidate(body: &[u8]) -> bool {
        const CANDIDATE: &[u8] = b"a=candidate";
        body.windows(CANDIDATE.len()).any(|window| window == CANDIDATE)
    }
}

/// What the broker replies to an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyAnswerResponse {
    /// The client got the answer.
    Success,
    /// The client no longer waits, or the broker never knew the poll.
    ClientGone,
}

impl ProxyAnswerResponse {
    const fn as_str(self) -> &'static str {
        match self {
            ProxyAnswerResponse::Success => "success",
            ProxyAnswerResponse::ClientGone => "client gone",
        }
    }

    /// Writes the body of the response.
    pub fn encode(self) -> String {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Wire {
            status: &'static str,
        }
        json::write(&Wire { status: self.as_str() })
    }

    /// Reads the body of the response.
    ///
    /// # Errors
    /// If it is not the JSON we need, or the status is neither of the two.
    pub fn decode(body: &[u8]) -> Result<Self, ProxyResponseError> {
        let status = json::read(body, ["Status"], json::Case::Ignored)?.string("Status")?;
        if status.is_empty() {
            return Err(ProxyResponseError::NoStatus);
        }
        let known = [ProxyAnswerResponse::Success, ProxyAnswerResponse::ClientGone];
        known
            .into_iter()
            .find(|known| known.as_str() == status)
            .ok_or(ProxyResponseError::UnknownStatus(status))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::MAX_SID;
    use crate::{DescriptionError, JsonError, SessionDescription, SidError};

    // Wire format vector.
    const WRITTEN: &str = r#"{"Version":"1.3","Sid":"ymbcCMto7KHNGYlp","Answer":"{\"type\":\"answer\",\"sdp\":\"v=0\\r\\na=candidate:1 1 udp 1 192.0.2.9 9 typ host\\r\\n\"}"}"#;

    #[test]
    fn request_is_written_as_go_writes_it() {
        let request = ProxyAnswerRequest {
            sid: Sid::parse("ymbcCMto7KHNGYlp".to_owned()).unwrap(),
            answer: SessionDescription::answer(
                "v=0\r\na=candidate:1 1 udp 1 192.0.2.9 9 typ host\r\n",
            )
            .to_text(),
        };
        assert_eq!(request.encode(), WRITTEN);
        assert_eq!(ProxyAnswerRequest::decode(WRITTEN.as_bytes()), Ok(request));
    }

    #[test]
    fn browsers_send_version_1_0() {
        assert!(ProxyAnswerRequest::decode(WRITTEN.replace("1.3", "1.0").as_bytes()).is_ok());
    }

    #[test]
    fn bad_requests_are_refused() {
        let bad = |change: (&str, &str)| {
            ProxyAnswerRequest::decode(WRITTEN.replace(change.0, change.1).as_bytes())
        };
        assert_eq!(bad(("1.3", "2.0")), Err(ProxyAnswerError::UnknownVersion));
        assert_eq!(bad(("ymbcCMto7KHNGYlp", "")), Err(ProxyAnswerError::NoSidOrAnswer));
        assert_eq!(bad(("Answer", "answers")), Err(ProxyAnswerError::NoSidOrAnswer));
        assert_eq!(
            bad(("ymbcCMto7KHNGYlp", &"x".repeat(MAX_SID + 1))),
            Err(ProxyAnswerError::Sid(SidError::TooLong))
        );
        assert_eq!(
            bad(("sdp", "sbp")),
            Err(ProxyAnswerError::MalformedAnswer(DescriptionError::NoSdp))
        );
        assert_eq!(
            ProxyAnswerRequest::decode(b"{"),
            Err(ProxyAnswerError::Json(JsonError::Truncated))
        );
    }

    #[test]
    fn a_candidate_is_looked_for_in_the_raw_body() {
        assert!(ProxyAnswerRequest::names_candidate(WRITTEN.as_bytes()));
        assert!(!ProxyAnswerRequest::names_candidate(
            WRITTEN.replace("a=candidate", "a=candidat").as_bytes()
        ));
        assert!(!ProxyAnswerRequest::names_candidate(b""));
    }

    #[test]
    fn response_words() {
        // Wire format vectors.
        for (response, written) in [
            (ProxyAnswerResponse::Success, r#"{"Status":"success"}"#),
            (ProxyAnswerResponse::ClientGone, r#"{"Status":"client gone"}"#),
        ] {
            assert_eq!(response.encode(), written);
            assert_eq!(ProxyAnswerResponse::decode(written.as_bytes()), Ok(response));
        }
        assert_eq!(ProxyAnswerResponse::decode(b"{}"), Err(ProxyResponseError::NoStatus));
        assert_eq!(
            ProxyAnswerResponse::decode(br#"{"Status":"later"}"#),
            Err(ProxyResponseError::UnknownStatus("later".to_owned()))
        );
    }
}

//! A client's poll (`POST /client`): a version line and one JSON object there, one JSON object
//! back.

use serde::Serialize;

use crate::{ClientPollError, ClientResponseError, DescriptionText, Fingerprint, NatType, json};

/// The only version of the client's poll.
const VERSION: &[u8] = b"1.0";

/// The reasons a broker gives as `error`, besides the texts of [`ClientPollError`].
pub mod refusal {
    /// No proxy that could serve this client is waiting; given at once.
    pub const NO_PROXIES: &str = "no snowflake proxies currently available";
    /// The proxy that got the offer did not answer in time.
    pub const TIMED_OUT: &str = "timed out waiting for answer!";
    /// The broker does not know the bridge that the client asks for.
    pub const UNKNOWN_BRIDGE: &str = "bridge with requested fingerprint is unknown to the broker";
}

/// What a client asks of the broker: a proxy for this offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientPollRequest {
    /// The client's offer, with all its candidates: nobody trickles.
    pub offer: DescriptionText,
    /// The client's NAT. Brokers up to 2.14.1 refuse the three new words.
    pub nat: NatType,
    /// The bridge that the client wants to reach.
    pub fingerprint: Fingerprint,
}

impl ClientPollRequest {
    /// Writes the body of the request.
    pub fn encode(&self) -> Vec<u8> {
        #[derive(Serialize)]
        struct Wire<'a> {
            offer: &'a str,
            nat: &'static str,
            fingerprint: String,
        }
        let wire = Wire {
            offer: self.offer.as_str(),
            nat: self.nat.as_str(),
            fingerprint: self.fingerprint.to_string(),
        };
        [VERSION, b"\n", json::write(&wire).as_bytes()].concat()
    }

    /// Reads the body of the request.
    ///
    /// # Errors
    /// The text of the error is what a broker tells the client.
    pub fn decode(body: &[u8]) -> Result<Self, ClientPollError> {
        let json = body
            .strip_prefix(VERSION)
            .and_then(|rest| rest.strip_prefix(b"\n"))
            .ok_or(ClientPollError::UnsupportedVersion)?;
        let mut object = json::read(json, ["offer", "nat", "fingerprint"], json::Case::Ignored)?;
        let (offer, nat, fingerprint) =
            (object.string("offer")?, object.string("nat")?, object.string("fingerprint")?);
        if offer.is_empty() {
            return Err(ClientPollError::NoOffer);
        }
        Ok(Self {
            offer: DescriptionText::check(offer).map_err(ClientPollError::MalformedOffer)?,
            fingerprint: if fingerprint.is_empty() {
                Fingerprint::DEFAULT
            } else {
                fingerprint.parse()?
            },
            nat: nat.parse()?,
        })
    }
}

/// What the broker replies to a client; always with status 200.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientPollResponse {
    /// The answer of a proxy.
    Answer(DescriptionText),
    /// Why there is none: one of [`refusal`], or the text of a [`ClientPollError`].
    Error(String),
}

impl ClientPollResponse {
    /// Writes the body of the response.
    pub fn encode(&self) -> String {
        #[derive(Serialize)]
        #[serde(rename_all = "lowercase")]
        enum Wire<'a> {
            Answer(&'a str),
            Error(&'a str),
        }
        json::write(&match self {
            ClientPollResponse::Answer(answer) => Wire::Answer(answer.as_str()),
            ClientPollResponse::Error(error) => Wire::Error(error),
        })
    }

    /// Reads the body of the response. With both keys present, the error wins.
    ///
    /// # Errors
    /// If it is not the JSON we need, empty, or the answer is malformed.
    pub fn decode(body: &[u8]) -> Result<Self, ClientResponseError> {
        let mut object = json::read(body, ["answer", "error"], json::Case::Ignored)?;
        let (answer, error) = (object.string("answer")?, object.string("error")?);
        if !error.is_empty() {
            return Ok(ClientPollResponse::Error(error));
        }
        if answer.is_empty() {
            return Err(ClientResponseError::Empty);
        }
        DescriptionText::check(answer)
            .map(ClientPollResponse::Answer)
            .map_err(ClientResponseError::MalformedAnswer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SessionDescription;

    fn request() -> ClientPollRequest {
        ClientPollRequest {
            offer: SessionDescription::offer("v=0\r\n").to_text(),
            nat: NatType::Unknown,
            fingerprint: Fingerprint::DEFAULT,
        }
    }

    #[test]
    fn request_is_written_as_go_writes_it() {
        // Wire format vector.
        const HEX: &str = "312e300a7b226f66666572223a227b5c22747970655c223a5c226f666665725c222c5c227364705c223a5c22763d305c5c725c5c6e5c227d222c226e6174\
            223a22756e6b6e6f776e222c2266696e6765727072696e74223a2232423238304232334531313037424236324142464334304444434338383234383134463830413732227d";
        assert_eq!(hex::encode(request().encode()), HEX);
        assert_eq!(ClientPollRequest::decode(&hex::decode(HEX).unwrap()), Ok(request()));
    }

    #[test]
    fn defaults_and_leniency() {
        let minimal = br#"1.0
            {"Offer":"{\"type\":\"offer\",\"sdp\":\"v=0\\r\\n\"}","nat":null,"fingerprint":"","later":[]}"#;
        assert_eq!(ClientPollRequest::decode(minimal), Ok(request()));
    }

    #[test]
    fn refusals_in_gos_words() {
        // Wire format vectors: the texts are what a client sees as `error`.
        for (body, expected) in [
            ("", "unsupported message version"),
            ("1.0", "unsupported message version"),
            ("{}", "unsupported message version"),
            ("1.1\n{}", "unsupported message version"),
            ("2.0\n{}", "unsupported message version"),
            ("1.0\r\n{}", "unsupported message version"),
            (" 1.0\n{}", "unsupported message version"),
            ("1.0\n", "unexpected end of JSON input"),
            ("1.0\n{\"offer\":", "unexpected end of JSON input"),
            ("1.0\n{}", "no supplied offer"),
            ("1.0\n{\"offer\":\"\",\"nat\":\"bad\"}", "no supplied offer"),
            ("1.0\n{\"offer\":1}", "JSON value of offer is not a string"),
            (
                "1.0\n{\"offer\":\"fake\"}",
                "malformed session description: malformed JSON at line 1, column 3",
            ),
            (
                r#"1.0
                {"offer":"{\"sdp\":\"x\"}"}"#,
                "malformed session description: cannot deserialize SessionDescription without type field",
            ),
            (
                r#"1.0
                {"offer":"{\"type\":\"x\",\"sdp\":\"x\"}"}"#,
                "malformed session description: Unknown SDP type",
            ),
            (
                r#"1.0
                {"offer":"{\"type\":\"offer\",\"sdp\":\"x\"}","fingerprint":"123z"}"#,
                "cannot decode fingerprint",
            ),
            (
                r#"1.0
                {"offer":"{\"type\":\"offer\",\"sdp\":\"x\"}","nat":"bad"}"#,
                "invalid NAT type",
            ),
        ] {
            assert_eq!(
                ClientPollRequest::decode(body.as_bytes()).unwrap_err().to_string(),
                expected,
                "{body}"
            );
        }
    }

    #[test]
    fn response_has_one_key() {
        // Wire format vectors.
        let answer = ClientPollResponse::Answer(SessionDescription::answer("v=0\r\n").to_text());
        let written = r#"{"answer":"{\"type\":\"answer\",\"sdp\":\"v=0\\r\\n\"}"}"#;
        assert_eq!(answer.encode(), written);
        assert_eq!(ClientPollResponse::decode(written.as_bytes()), Ok(answer));

        let error = ClientPollResponse::Error(refusal::NO_PROXIES.to_owned());
        let written = r#"{"error":"no snowflake proxies currently available"}"#;
        assert_eq!(error.encode(), written);
        assert_eq!(ClientPollResponse::decode(written.as_bytes()), Ok(error));
    }

    #[test]
    fn error_wins_and_nothing_is_an_error() {
        let both = br#"{"answer":"{\"type\":\"answer\",\"sdp\":\"\"}","error":"timed out"}"#;
        assert_eq!(
            ClientPollResponse::decode(both),
            Ok(ClientPollResponse::Error("timed out".to_owned()))
        );
        for empty in ["{}", "null", r#"{"answer":"","error":null}"#] {
            let error = ClientPollResponse::decode(empty.as_bytes()).unwrap_err();
            assert_eq!(error.to_string(), "received empty broker response");
        }
    }
}

//! A proxy's poll (`POST /proxy`).

use std::time::Duration;

use serde::Serialize;

use crate::{
    DescriptionText, NatType, ProxyPollError, ProxyResponseError, ProxyType, RelayPattern, Sid,
    json,
};

/// The version we write. 1.1 added `Type`, 1.2 `NAT` and `Clients`, 1.3 `AcceptedRelayPattern`; it
/// gates nothing.
pub(crate) const VERSION: &str = "1.3";

/// Values of `Status` in a broker's response to a poll.
pub mod status {
    /// An offer comes along.
    pub const MATCH: &str = "client match";
    /// No client came while the poll was held.
    pub const NO_MATCH: &str = "no match";
    /// The broker's relay pattern is not contained in the proxy's.
    pub const WRONG_PATTERN: &str = "incorrect relay pattern";
    /// The proxy polls more often than the broker wants. Newer than 2.14.1, whose proxies take it
    /// for an error.
    pub const TOO_SOON: &str = "polled too soon";
}

/// Whether peers with this version understand what we write: those whose major version is 1.
pub(crate) fn is_known_version(version: &str) -> bool {
    version.split('.').next() == Some("1")
}

/// A proxy's load as it is reported: rounded down to a multiple of 8, so that it says little about
/// single clients.
pub const fn rounded_clients(clients: u64) -> u64 {
    clients - clients % 8
}

/// What a proxy asks of the broker: a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyPollRequest {
    /// The name of this poll.
    pub sid: Sid,
    /// For statistics.
    pub proxy_type: ProxyType,
    /// The proxy's NAT. Brokers up to 2.14.1 refuse the three new words.
    pub nat: NatType,
    /// How many clients the proxy serves now; senders use [`rounded_clients`]. Negative numbers are
    /// read as 0.
    pub clients: u64,
    /// The relays the proxy is willing to connect to; `None` from proxies before 2.3.
    pub accepted_relay_pattern: Option<RelayPattern>,
}

impl ProxyPollRequest {
    /// Writes the body of the request.
    pub fn encode(&self) -> String {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Wire<'a> {
            sid: &'a str,
            version: &'static str,
            r#type: &'static str,
            #[serde(rename = "NAT")]
            nat: &'static str,
            clients: u64,
            accepted_relay_pattern: Option<&'a str>,
        }
        json::write(&Wire {
            sid: self.sid.as_str(),
            version: VERSION,
            r#type: self.proxy_type.as_str(),
            nat: self.nat.as_str(),
            clients: self.clients,
            accepted_relay_pattern: self.accepted_relay_pattern.as_ref().map(RelayPattern::as_str),
        })
    }

    /// Reads the body of the request.
    ///
    /// # Errors
    /// A broker answers all of them with status 400.
    pub fn decode(body: &[u8]) -> Result<Self, ProxyPollError> {
        const KEYS: [&str; 6] =
            ["Sid", "Version", "Type", "NAT", "Clients", "AcceptedRelayPattern"];
        let mut object = json::read(body, KEYS, json::Case::Ignored)?;
        let (sid, version) = (object.string("Sid")?, object.string("Version")?);
        let (proxy_type, nat) = (object.string("Type")?, object.string("NAT")?);
        let clients = object.integer("Clients")?;
        let pattern = object.optional_string("AcceptedRelayPattern")?;
        if !is_known_version(&version) {
            return Err(ProxyPollError::UnknownVersion);
        }
        Ok(Self {
            sid: Sid::parse(sid)?,
            proxy_type: ProxyType::from_word(&proxy_type),
            nat: nat.parse()?,
            clients: u64::try_from(clients).unwrap_or(0),
            accepted_relay_pattern: pattern.map(RelayPattern::new),
        })
    }
}

/// The response as JSON; the question to a probe server too.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ResponseWire<'a> {
    pub(crate) status: &'a str,
    pub(crate) offer: &'a str,
    #[serde(rename = "NAT")]
    pub(crate) nat: &'static str,
    pub(crate) next_poll: i64,
    #[serde(rename = "RelayURL")]
    pub(crate) relay_url: &'a str,
}

/// What became of a proxy's poll.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PollOutcome {
    /// A client for this proxy.
    Match {
        /// The client's offer.
        offer: DescriptionText,
        /// The client's NAT. A word that is not known is read as [`NatType::Unknown`]: no proxy
        /// refuses a client for it.
        nat: NatType,
        /// The relay to connect to; empty: the proxy's own.
        relay_url: String,
    },
    /// No client came.
    NoMatch,
    /// The broker does not want this proxy, or not now; [`status`] has the reasons that brokers
    /// give.
    Refused(String),
}

/// What the broker replies to a poll.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyPollResponse {
    /// What became of the poll.
    pub outcome: PollOutcome,
    /// When the proxy should poll again, in whole milliseconds on the wire; `None` (as brokers
    /// before 2.13 say): as it likes.
    pub next_poll: Option<Duration>,
}

impl ProxyPollResponse {
    /// Writes the body of the response, all keys always.
    pub fn encode(&self) -> String {
        let next_poll =
            self.next_poll.map_or(0, |wait| i64::try_from(wait.as_millis()).unwrap_or(i64::MAX));
        let unmatched =
            |status| ResponseWire { status, offer: "", nat: "", next_poll, relay_url: "" };
        json::write(&match &self.outcome {
            PollOutcome::Match { offer, nat, relay_url } => ResponseWire {
                status: status::MATCH,
                offer: offer.as_str(),
                nat: nat.as_str(),
                next_poll,
                relay_url,
            },
            PollOutcome::NoMatch => unmatched(status::NO_MATCH),
            PollOutcome::Refused(reason) => unmatched(reason),
        })
    }

    /// Reads the body of the response.
    ///
    /// # Errors
    /// If it is not the JSON we need, without status, or a match without a well-formed offer.
    pub fn decode(body: &[u8]) -> Result<Self, ProxyResponseError> {
        let mut object = json::read(
            body,
            ["Status", "Offer", "NAT", "NextPoll", "RelayURL"],
            json::Case::Ignored,
        )?;
        let (status, offer) = (object.string("Status")?, object.string("Offer")?);
        let (nat, relay_url) = (object.string("NAT")?, object.string("RelayURL")?);
        let next_poll =
            u64::try_from(object.integer("NextPoll")?).ok().filter(|millis| *millis > 0);
        let outcome = match status.as_str() {
            "" => return Err(ProxyResponseError::NoStatus),
            status::MATCH if offer.is_empty() => return Err(ProxyResponseError::NoOffer),
            status::MATCH => PollOutcome::Match {
                offer: DescriptionText::check(offer).map_err(ProxyResponseError::MalformedOffer)?,
                nat: nat.parse().unwrap_or_default(),
                relay_url,
            },
            status::NO_MATCH => PollOutcome::NoMatch,
            _ => PollOutcome::Refused(status),
        };
        Ok(Self { outcome, next_poll: next_poll.map(Duration::from_millis) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{JsonError, NatError, SessionDescription, SidError};

    fn request(
        proxy_type: ProxyType,
        nat: NatType,
        clients: u64,
        pattern: Option<&str>,
    ) -> ProxyPollRequest {
        ProxyPollRequest {
            sid: Sid::parse("ymbcCMto7KHNGYlp".to_owned()).unwrap(),
            proxy_type,
            nat,
            clients,
            accepted_relay_pattern: pattern.map(RelayPattern::new),
        }
    }

    #[test]
    fn requests_of_all_versions_are_read() {
        // Wire format vectors.
        use {NatType::*, ProxyType::Standalone};
        for (json, expected) in [
            (
                r#"{"Sid":"ymbcCMto7KHNGYlp","Version":"1.0"}"#,
                request(ProxyType::Unknown, Unknown, 0, None),
            ),
            (
                r#"{"Sid":"ymbcCMto7KHNGYlp","Version":"1.1","Type":"standalone"}"#,
                request(Standalone, Unknown, 0, None),
            ),
            (
                r#"{"Sid":"ymbcCMto7KHNGYlp","Version":"1.2","Type":"standalone","NAT":"restricted","Clients":24}"#,
                request(Standalone, Restricted, 24, None),
            ),
            (
                r#"{"Sid":"ymbcCMto7KHNGYlp","Version":"1.0","NAT":"strict","Clients":-8,"AcceptedRelayPattern":null}"#,
                request(ProxyType::Unknown, Strict, 0, None),
            ),
            (
                r#"{"sid":"ymbcCMto7KHNGYlp","version":"1","TYPE":"new","nat":"","clients":0,"acceptedRelayPattern":""}"#,
                request(ProxyType::Unknown, Unknown, 0, Some("")),
            ),
        ] {
            assert_eq!(ProxyPollRequest::decode(json.as_bytes()), Ok(expected), "{json}");
        }
    }

    #[test]
    fn request_is_written_as_go_writes_it() {
        // Wire format vector.
        let written = r#"{"Sid":"ymbcCMto7KHNGYlp","Version":"1.3","Type":"standalone","NAT":"unknown","Clients":8,"AcceptedRelayPattern":"snowflake.torproject.net$"}"#;
        let request =
            request(ProxyType::Standalone, NatType::Unknown, 8, Some("snowflake.torproject.net$"));
        assert_eq!(request.encode(), written);
        assert_eq!(ProxyPollRequest::decode(written.as_bytes()), Ok(request));
    }

    #[test]
    fn bad_requests_are_refused() {
        for (json, expected) in [
            ("", ProxyPollError::Json(JsonError::Truncated)),
            ("{}", ProxyPollError::UnknownVersion),
            (r#"{"Sid":"x","Version":"2.0"}"#, ProxyPollError::UnknownVersion),
            (r#"{"Sid":"x","Version":"10"}"#, ProxyPollError::UnknownVersion),
            (r#"{"Version":"1.3"}"#, ProxyPollError::Sid(SidError::Empty)),
            (r#"{"Sid":"","Version":"1.3"}"#, ProxyPollError::Sid(SidError::Empty)),
            (r#"{"Sid":"x","Version":"1.3","NAT":"bad"}"#, ProxyPollError::Nat(NatError)),
            (
                r#"{"Sid":"x","Version":"1.3","Clients":"8"}"#,
                ProxyPollError::Json(JsonError::NotAnInteger("Clients")),
            ),
            (
                r#"{"Sid":"x","Version":1.3}"#,
                ProxyPollError::Json(JsonError::NotAString("Version")),
            ),
        ] {
            assert_eq!(ProxyPollRequest::decode(json.as_bytes()), Err(expected), "{json}");
        }
    }

    #[test]
    fn load_is_rounded_down() {
        assert_eq!([0, 1, 7, 8, 9, 25].map(rounded_clients), [0, 0, 0, 8, 8, 24]);
    }

    #[test]
    fn responses_are_written_as_go_writes_them() {
        // Wire format vectors.
        let matched = PollOutcome::Match {
            offer: SessionDescription::offer("v=0\r\n").to_text(),
            nat: NatType::Unrestricted,
            relay_url: "wss://snowflake.torproject.net/".to_owned(),
        };
        for (outcome, millis, written) in [
            (
                matched,
                20_000,
                r#"{"Status":"client match","Offer":"{\"type\":\"offer\",\"sdp\":\"v=0\\r\\n\"}","NAT":"unrestricted","NextPoll":20000,"RelayURL":"wss://snowflake.torproject.net/"}"#,
            ),
            (
                PollOutcome::NoMatch,
                20_000,
                r#"{"Status":"no match","Offer":"","NAT":"","NextPoll":20000,"RelayURL":""}"#,
            ),
            (
                PollOutcome::Refused(status::WRONG_PATTERN.to_owned()),
                3_600_000,
                r#"{"Status":"incorrect relay pattern","Offer":"","NAT":"","NextPoll":3600000,"RelayURL":""}"#,
            ),
        ] {
            let response =
                ProxyPollResponse { outcome, next_poll: Some(Duration::from_millis(millis)) };
            assert_eq!(response.encode(), written);
            assert_eq!(ProxyPollResponse::decode(written.as_bytes()), Ok(response));
        }
    }

    #[test]
    fn responses_of_old_brokers_are_read() {
        for json in [r#"{"Status":"no match"}"#, r#"{"status":"no match","NextPoll":-1}"#] {
            let response = ProxyPollResponse { outcome: PollOutcome::NoMatch, next_poll: None };
            assert_eq!(ProxyPollResponse::decode(json.as_bytes()), Ok(response), "{json}");
        }
        let json = br#"{"Status":"client match","Offer":"{\"type\":\"offer\",\"sdp\":\"\"}","NAT":"future"}"#;
        let outcome = ProxyPollResponse::decode(json).unwrap().outcome;
        assert!(
            matches!(outcome, PollOutcome::Match { nat: NatType::Unknown, relay_url, .. } if relay_url.is_empty())
        );
    }

    #[test]
    fn bad_responses_are_refused() {
        for (json, expected) in [
            ("{}", ProxyResponseError::NoStatus),
            (r#"{"Status":"client match"}"#, ProxyResponseError::NoOffer),
            (
                r#"{"Status":"no match","NextPoll":1.5}"#,
                ProxyResponseError::Json(JsonError::NotAnInteger("NextPoll")),
            ),
        ] {
            assert_eq!(ProxyPollResponse::decode(json.as_bytes()), Err(expected), "{json}");
        }
        let error =
            ProxyPollResponse::decode(br#"{"Status":"client match","Offer":"{}"}"#).unwrap_err();
        assert!(matches!(error, ProxyResponseError::MalformedOffer(_)));
    }
}

//! What a peer's description says, taken apart and checked.

use std::{fmt::Write as _, str::FromStr};

use snowflake_addresses::{Candidate, is_description};

use crate::limits::{MAX_DESCRIPTION, MAX_PEER_CANDIDATES};

/// Why a peer's description cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DescriptionError {
    /// Longer than [`MAX_DESCRIPTION`].
    #[error("the description is too long")]
    TooLong,
    /// Not `v=0` followed by lines of the form `letter=value`.
    #[error("the text is no session description")]
    NotSdp,
    /// No section `m=application` for a data channel.
    #[error("the description offers no data channel")]
    NoDataChannel,
    /// A section for audio, video or a second data channel, which no peer of ours sends.
    #[error("the description has sections besides the data channel")]
    OtherMedia,
    /// Something without which no connection can be made.
    #[error("the description lacks {0}")]
    Missing(Attribute),
    /// A value that does not have its form.
    #[error("the description has a malformed {0}")]
    Malformed(Attribute),
}

/// A value of a description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Attribute {
    /// `a=ice-ufrag`.
    IceUfrag,
    /// `a=ice-pwd`.
    IcePwd,
    /// `a=fingerprint`.
    Fingerprint,
    /// `a=setup`.
    Setup,
    /// `a=mid`.
    Mid,
    /// `a=sctp-port`.
    SctpPort,
    /// `a=max-message-size`.
    MaxMessageSize,
}

impl std::fmt::Display for Attribute {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::IceUfrag => "ice-ufrag",
            Self::IcePwd => "ice-pwd",
            Self::Fingerprint => "fingerprint",
            Self::Setup => "setup",
            Self::Mid => "mid",
            Self::SctpPort => "sctp-port",
            Self::MaxMessageSize => "max-message-size",
        })
    }
}

/// Which side begins the DTLS handshake (RFC 8842).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setup {
    /// Either; only in offers.
    ActPass,
    /// The one who says so.
    Active,
    /// The other.
    Passive,
}

impl Setup {
    const fn as_str(self) -> &'static str {
        match self {
            Self::ActPass => "actpass",
            Self::Active => "active",
            Self::Passive => "passive",
        }
    }
}

impl FromStr for Setup {
    type Err = DescriptionError;

    fn from_str(text: &str) -> Result<Self, DescriptionError> {
        [Self::ActPass, Self::Active, Self::Passive]
            .into_iter()
            .find(|setup| setup.as_str() == text)
            .ok_or(DescriptionError::Malformed(Attribute::Setup))
    }
}

/// The values of a peer's description that make a data channel, each of the right form.
///
/// Candidates that cannot be used are left out without complaint: names (`.local` ones of browsers included), TCP, the
/// second component that Go's library repeats, and any after the first [`MAX_PEER_CANDIDATES`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerDescription<'a> {
    ice_ufrag: &'a str,
    ice_pwd: &'a str,
    fingerprint: &'a str,
    setup: Setup,
    mid: &'a str,
    sctp_port: u16,
    max_message_size: Option<u64>,
    candidates: Vec<&'a str>,
}

impl<'a> PeerDescription<'a> {
    /// Reads a description; `setup` is what holds if it says nothing.
    ///
    /// # Errors
    ///
    /// [`DescriptionError`] says what is wrong with it.
    pub fn parse(sdp: &'a str, setup: Setup) -> Result<Self, DescriptionError> {
        if sdp.len() > MAX_DESCRIPTION {
            return Err(DescriptionError::TooLong);
        }
        if !is_description(sdp) {
            return Err(DescriptionError::NotSdp);
        }
        let lines = Lines::new(sdp)?;
        Ok(Self {
            ice_ufrag: lines.required(Attribute::IceUfrag, is_ice_token)?,
            ice_pwd: lines.required(Attribute::IcePwd, is_ice_token)?,
            fingerprint: lines.required(Attribute::Fingerprint, is_fingerprint)?,
            setup: lines.value(Attribute::Setup).map_or(Ok(setup), str::parse)?,
            mid: match lines.value(Attribute::Mid) {
                Some(_) => lines.required(Attribute::Mid, is_mid)?,
                None => "0",
            },
            sctp_port: lines.number(Attribute::SctpPort)?.unwrap_or(5000),
            max_message_size: lines.number(Attribute::MaxMessageSize)?,
            candidates: usable_candidates(sdp),
        })
    }

    /// Writes the description anew, in the layout of Go's library.
    pub fn to_sdp(&self) -> String {
        let Self { ice_ufrag, ice_pwd, fingerprint, mid, sctp_port, .. } = self;
        let setup = self.setup.as_str();
        let mut sdp = format!(
            "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=fingerprint:{fingerprint}\r\na=group:BUNDLE {mid}\r\n\
             m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=setup:{setup}\r\na=mid:{mid}\r\n\
             a=sendrecv\r\na=sctp-port:{sctp_port}\r\na=ice-ufrag:{ice_ufrag}\r\na=ice-pwd:{ice_pwd}\r\n"
        );
        if let Some(size) = self.max_message_size {
            // Writing to a String cannot fail.
            let _ = write!(sdp, "a=max-message-size:{size}\r\n");
        }
        for candidate in &self.candidates {
            let _ = write!(sdp, "{candidate}\r\n");
        }
        sdp.push_str("a=end-of-candidates\r\n");
        sdp
    }
}

/// The attributes of a description: those of the data channel's section before those of the session.
struct Lines<'a> {
    session: &'a str,
    section: &'a str,
}

impl<'a> Lines<'a> {
    fn new(sdp: &'a str) -> Result<Self, DescriptionError> {
        let mut starts = sdp.match_indices("\nm=").map(|(at, _)| at + 1);
        let start = starts.next().ok_or(DescriptionError::NoDataChannel)?;
        let (session, section) = sdp.split_at(start);
        if starts.next().is_some() {
            return Err(DescriptionError::OtherMedia);
        }
        if !section.starts_with("m=application ") {
            return Err(DescriptionError::NoDataChannel);
        }
        Ok(Self { session, section })
    }

    fn value(&self, attribute: Attribute) -> Option<&'a str> {
        let name = attribute.to_string();
        let in_part = |part: &'a str| {
            part.lines().find_map(|line| {
                Some(line.strip_prefix("a=")?.strip_prefix(&*name)?.strip_prefix(':')?.trim_end())
            })
        };
        in_part(self.section).or_else(|| in_part(self.session))
    }

    fn required(
        &self,
        attribute: Attribute,
        is_well_formed: fn(&str) -> bool,
    ) -> Result<&'a str, DescriptionError> {
        let value = self.value(attribute).ok_or(DescriptionError::Missing(attribute))?;
        is_well_formed(value).then_some(value).ok_or(DescriptionError::Malformed(attribute))
    }

    fn number<T: FromStr>(&self, attribute: Attribute) -> Result<Option<T>, DescriptionError> {
        self.value(attribute)
            .map(|value| value.parse().map_err(|_| DescriptionError::Malformed(attribute)))
            .transpose()
    }
}

/// Up to 256 of the characters of RFC 8839, 5.4, and the few more that implementations use.
fn is_ice_token(text: &str) -> bool {
    (1..=256).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/-_=".contains(&byte))
}

/// A short number or word.
fn is_mid(text: &str) -> bool {
    (1..=32).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

/// `sha-256 6B:8B:…`: the name of a hash, then its bytes.
fn is_fingerprint(text: &str) -> bool {
    let Some((hash, value)) = text.split_once(' ') else { return false };
    hash.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && (1..=64).contains(&value.split(':').count())
        && value
            .split(':')
            .all(|pair| pair.len() == 2 && pair.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn usable_candidates(sdp: &str) -> Vec<&str> {
    sdp.lines()
        .map(str::trim_end)
        .filter(|line| Candidate::parse(line).is_some_and(|candidate| is_usable(&candidate)))
        .take(MAX_PEER_CANDIDATES)
        .collect()
}

fn is_usable(candidate: &Candidate<'_>) -> bool {
    let is_number = |at: usize| candidate.fields[at].parse::<u32>().is_ok();
    let is_base = match candidate.fields[8..] {
        ["raddr", address, "rport", port, ..] => {
            address.parse::<std::net::IpAddr>().is_ok() && port.parse::<u16>().is_ok()
        }
        ["raddr" | "tcptype", ..] => false,
        _ => true,
    };
    candidate.component() == "1"
        && candidate.transport().eq_ignore_ascii_case("udp")
        && candidate.fields[0].len() <= 32
        && is_number(3)
        && candidate.address().is_some_and(|ip| !ip.is_unspecified() && !ip.is_multicast())
        && candidate.port().is_some_and(|port| port != 0)
        && matches!(candidate.kind(), "host" | "srflx" | "prflx" | "relay")
        && is_base
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The shape of an offer of the Go client.
    pub(crate) const OFFER: &str = "v=0\r\no=- 123 456 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n\
        a=fingerprint:sha-256 60:6B:85\r\na=extmap-allow-mixed\r\na=group:BUNDLE 0\r\n\
        m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=setup:actpass\r\na=mid:0\r\n\
        a=sendrecv\r\na=sctp-port:5000\r\na=max-message-size:1073741823\r\na=ice-ufrag:abcdefghijklmnop\r\n\
        a=ice-pwd:abcdefghijklmnopabcdefghijklmnop\r\n\
        a=candidate:1 1 udp 2130706431 203.0.113.1 5 typ host\r\n\
        a=candidate:1 2 udp 2130706431 203.0.113.1 5 typ host\r\n\
        a=candidate:2 1 udp 1694498815 203.0.113.2 6 typ srflx raddr 0.0.0.0 rport 6\r\n\
        a=candidate:3 1 udp 1 4f1b.local 6 typ host\r\n\
        a=candidate:4 1 tcp 1 203.0.113.2 9 typ host tcptype active\r\n\
        a=end-of-candidates\r\n";

    fn parse(sdp: &str) -> Result<PeerDescription<'_>, DescriptionError> {
        PeerDescription::parse(sdp, Setup::ActPass)
    }

    #[test]
    fn an_offer_is_taken_apart_and_written_anew() {
        let description = parse(OFFER).unwrap();
        assert_eq!(description.candidates.len(), 2);
        assert_eq!(description.max_message_size, Some(1_073_741_823));
        assert_eq!(parse(&description.to_sdp()).unwrap(), description);
    }

    #[test]
    fn what_is_absent_has_a_default() {
        let sdp = OFFER
            .replace("a=mid:0\r\n", "")
            .replace("a=setup:actpass\r\n", "")
            .replace("a=sctp-port:5000\r\n", "");
        let description = PeerDescription::parse(&sdp, Setup::Active).unwrap();
        assert_eq!(
            (description.mid, description.setup, description.sctp_port),
            ("0", Setup::Active, 5000)
        );
    }

    #[test]
    fn each_fault_is_named() {
        use Attribute::*;
        use DescriptionError::*;
        let without = |line: &str| OFFER.replace(line, "x");
        let cases = [
            (String::new(), NotSdp),
            ("hello".to_owned(), NotSdp),
            ("v=0\r\n".to_owned(), NoDataChannel),
            (OFFER.replace("m=application", "m=audio"), NoDataChannel),
            (format!("{OFFER}m=audio 9 X\r\n"), OtherMedia),
            (without("v=0"), NotSdp),
            (OFFER.replace("ice-ufrag", "x"), Missing(IceUfrag)),
            (OFFER.replace("ice-pwd", "x"), Missing(IcePwd)),
            (OFFER.replace("a=fingerprint", "a=x"), Missing(Fingerprint)),
            (OFFER.replace("60:6B:85", "60:6B:8"), Malformed(Fingerprint)),
            (OFFER.replace("actpass", "perhaps"), Malformed(Setup)),
            (OFFER.replace("sctp-port:5000", "sctp-port:99999"), Malformed(SctpPort)),
            (OFFER.replace("mid:0", "mid:9 9"), Malformed(Mid)),
            (OFFER.replace("size:1073741823", "size:-1"), Malformed(MaxMessageSize)),
            (OFFER.replace("ufrag:abc", "ufrag:a b"), Malformed(IceUfrag)),
            (format!("{OFFER}{}", "a=x\r\n".repeat(30_000)), TooLong),
        ];
        for (sdp, error) in cases {
            assert_eq!(parse(&sdp), Err(error), "{sdp:.200}");
        }
    }

    #[test]
    fn candidates_are_bounded() {
        let many = "a=candidate:1 1 udp 1 203.0.113.1 5 typ host\r\n".repeat(1000);
        assert_eq!(parse(&format!("{OFFER}{many}")).unwrap().candidates.len(), MAX_PEER_CANDIDATES);
    }

    proptest! {
        #[test]
        fn any_change_of_an_offer_is_survived(at in 0..OFFER.len(), length in 0..60_usize, insert in "\\PC{0,20}") {
            let end = (at + length).min(OFFER.len());
            let changed = format!("{}{insert}{}", &OFFER[..at], &OFFER[end..]);
            if let Ok(description) = parse(&changed) {
                let anew = description.to_sdp();
                prop_assert_eq!(parse(&anew), Ok(description));
            }
        }
    }
}

//! Pure functions on session descriptions (RFC 8866, RFC 8839).
//!
//! What goes out is the library's text with its candidates changed (`publish`). What comes in is never shown to the
//! library: [`PeerDescription`] takes the dozen values that matter, checks each, and writes a description of its own.

use std::net::IpAddr;

use snowflake_addresses::{Candidate, is_remote};

use crate::addresses::unspecified;

pub use self::peer_description::{Attribute, DescriptionError, PeerDescription, Setup};

mod peer_description;

/// Whether the description holds a candidate; brokers refuse an answer without one.
pub fn has_candidate(sdp: &str) -> bool {
    sdp.lines().any(|line| line.starts_with("a=candidate:"))
}

/// The description without host candidates on local addresses (see [`is_remote`]); everything else stays byte for byte.
pub fn strip_local_candidates(sdp: &str) -> String {
    sdp.split_inclusive('\n')
        .filter(|line| !Candidate::parse(line).is_some_and(|candidate| candidate.is_local_host()))
        .collect()
}

/// The description without any candidates; everything else stays byte for byte.
pub(crate) fn strip_candidates(sdp: &str) -> String {
    sdp.split_inclusive('\n').filter(|line| !line.starts_with("a=candidate:")).collect()
}

/// The library's description as it is shown to the peer.
///
/// Host candidates get the `outbound` address if that is of their family; then those on local addresses go, unless they
/// are to be kept, and with them the local addresses that reflexive candidates name as their base.
pub(crate) fn publish(sdp: &str, keep_local: bool, outbound: Option<IpAddr>) -> String {
    sdp.split_inclusive('\n').filter_map(|line| publish_line(line, keep_local, outbound)).collect()
}

fn publish_line(line: &str, keep_local: bool, outbound: Option<IpAddr>) -> Option<String> {
    let Some(mut candidate) = Candidate::parse(line) else { return Some(line.to_owned()) };
    let address = candidate.address();
    let outbound = outbound
        .filter(|outbound| {
            candidate.kind() == "host"
                && address.is_some_and(|ip| ip.is_ipv4() == outbound.is_ipv4())
        })
        .map(|outbound| outbound.to_string());
    if let Some(outbound) = &outbound {
        candidate.fields[4] = outbound;
    }
    if !keep_local && candidate.is_local_host() {
        return None;
    }
    let hidden;
    if !keep_local
        && let Some([_, base]) = candidate.fields[8..].iter_mut().as_slice().first_chunk::<2>()
        && let Ok(ip) = base.parse::<IpAddr>()
        && !is_remote(ip)
    {
        hidden = unspecified(ip).to_string();
        candidate.fields[9] = &hidden;
    }
    Some(candidate.to_line())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DESCRIPTION: &str = "v=0\r\n\
        a=candidate:1 1 udp 2130706431 192.168.1.2 50000 typ host\r\n\
        a=candidate:2 1 udp 2130706431 203.0.113.5 50000 typ host\r\n\
        a=candidate:3 1 udp 2130706431 fe80::1 50000 typ host\r\n\
        a=candidate:4 1 udp 1694498815 192.168.7.7 50000 typ srflx raddr 192.168.1.2 rport 50000\r\n\
        a=candidate:5 1 udp 2130706431 abc.local 50000 typ host\r\n\
        a=candidate:not a candidate\r\n\
        a=end-of-candidates\r\n";

    #[test]
    fn only_local_host_candidates_are_stripped() {
        let stripped = strip_local_candidates(DESCRIPTION);
        for kept in ["v=0\r\n", ":2 1", ":4 1", ":5 1", ":not a", "end-of-candidates"] {
            assert!(stripped.contains(kept), "{kept}");
        }
        assert!(!stripped.contains(":1 1") && !stripped.contains(":3 1"));
    }

    #[test]
    fn the_base_of_a_reflexive_candidate_is_hidden() {
        let published = publish(DESCRIPTION, false, None);
        assert!(published.contains("typ srflx raddr 0.0.0.0 rport 50000\r\n"), "{published}");
        assert!(!published.contains("192.168.1.2"));
        assert_eq!(publish(DESCRIPTION, true, None), DESCRIPTION);
    }

    #[test]
    fn the_outbound_address_replaces_host_candidates_of_its_family() {
        let published = publish(DESCRIPTION, false, Some("198.51.100.9".parse().unwrap()));
        assert!(
            published.contains("a=candidate:1 1 udp 2130706431 198.51.100.9 50000 typ host\r\n")
        );
        assert!(
            published.contains("a=candidate:2 1 udp 2130706431 198.51.100.9 50000 typ host\r\n")
        );
        assert!(!published.contains("fe80::1"));
        assert!(published.contains("192.168.7.7"));
    }

    #[test]
    fn candidates_are_noticed() {
        assert!(has_candidate(DESCRIPTION));
        assert!(!has_candidate("v=0\r\na=end-of-candidates\r\n"));
        assert_eq!(strip_candidates(DESCRIPTION), "v=0\r\na=end-of-candidates\r\n");
    }
}

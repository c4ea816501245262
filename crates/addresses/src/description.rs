//! The address that a session description names (RFC 8866, RFC 8839).

use std::net::IpAddr;

use crate::{Candidate, is_remote};

/// The first remote address that a description names: of its candidates, of any type, else of its `c=` lines.
///
/// `None` if there is none, or if `sdp` is no session description. Go's proxy reads the client's address from the offer
/// in this way, whatever path ICE finds afterwards, and its broker that of a client that came through others.
pub fn remote_address(sdp: &str) -> Option<IpAddr> {
    if !is_description(sdp) {
        return None;
    }
    sdp.lines()
        .filter_map(|line| Candidate::parse(line)?.address())
        .find(|&ip| is_remote(ip))
        .or_else(|| connection_address(sdp, "c=IN IP4 ", |b| b.is_ascii_digit() || b == b'.', 2))
        .or_else(|| {
            connection_address(
                sdp,
                "c=IN IP6 ",
                |b| b.is_ascii_hexdigit() || b == b':' || b == b'.',
                1,
            )
        })
}

/// Whether `v=0` comes first and each line has the form `letter=value`.
pub fn is_description(sdp: &str) -> bool {
    let mut lines = sdp.lines();
    lines.next().is_some_and(|line| line.trim_end() == "v=0")
        && lines.all(|line| {
            line.trim_end().is_empty() || matches!(line.as_bytes(), [b'a'..=b'z', b'=', ..])
        })
}

/// The address of the first line that begins with `prefix`, goes on in characters of an address, at most `suffixes`
/// times `/number`, and then a space or the end of the line.
fn connection_address(
    sdp: &str,
    prefix: &str,
    is_address: fn(u8) -> bool,
    suffixes: usize,
) -> Option<IpAddr> {
    let found = sdp.match_indices(prefix).find_map(|(at, _)| {
        let text = &sdp[at + prefix.len()..];
        let length = text.bytes().take_while(|&byte| is_address(byte)).count();
        let (address, mut rest) = text.split_at(length);
        for _ in 0..suffixes {
            rest = without_number(rest);
        }
        let ends = rest.starts_with([' ', '\n']) || rest.starts_with("\r\n");
        (ends && !address.is_empty()).then_some(address)
    })?;
    found.parse().ok().filter(|&ip| is_remote(ip))
}

/// `text` without a leading `/number`.
fn without_number(text: &str) -> &str {
    let Some(rest) = text.strip_prefix('/') else { return text };
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 { text } else { &rest[digits..] }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::remote_address;

    fn found(lines: &str) -> Option<String> {
        remote_address(&format!("v=0\r\n{lines}")).map(|ip| ip.to_string())
    }

    // What the Go proxy finds in the same texts.
    #[test]
    fn the_first_remote_candidate_wins_whatever_its_kind() {
        let candidates = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 203.0.113.1\r\n\
            a=candidate:1 1 udp 1 10.0.0.1 1 typ host\r\n\
            a=candidate:2 1 udp 1 name.local 1 typ host\r\n\
            a=candidate:3 2 tcp 1 198.51.100.2 9 typ relay raddr 0.0.0.0 rport 0\r\n\
            a=candidate:4 1 udp 1 8.8.8.8 1 typ host\r\n";
        assert_eq!(found(candidates), Some("198.51.100.2".to_owned()));
    }

    #[test]
    fn connection_lines_are_the_second_choice() {
        assert_eq!(found("c=IN IP4 192.0.2.9/127/3\n"), Some("192.0.2.9".to_owned()));
        assert_eq!(found("c=IN IP4 192.0.2.9/127\r\n"), Some("192.0.2.9".to_owned()));
        assert_eq!(found("c=IN IP4 192.0.2.9 x"), Some("192.0.2.9".to_owned()));
        assert_eq!(found("c=IN IP6 2001:db8::9/3\r\n"), Some("2001:db8::9".to_owned()));
        assert_eq!(
            found("c=IN IP6 2001:db8::9\r\nc=IN IP4 192.0.2.9\r\n"),
            Some("192.0.2.9".to_owned())
        );
    }

    #[test]
    fn connection_lines_that_do_not_count() {
        for lines in [
            "c=IN IP4 192.0.2.9/127/3",
            "c=IN IP4 192.0.2.9/1/2/3\n",
            "c=IN IP4 192.0.2.9/\n",
            "c=IN IP4 example.net\n",
            "c=IN IP4 10.0.0.1\r\nc=IN IP4 192.0.2.9\r\n",
            "c=IN IP6 ::1\r\n",
            "c=IN IP6 2001:db8::9/1/2\r\n",
            "",
        ] {
            assert_eq!(found(lines), None, "{lines:?}");
        }
    }

    #[test]
    fn what_is_no_description_has_no_address() {
        assert_eq!(remote_address("c=IN IP4 192.0.2.9\r\n"), None);
        assert_eq!(remote_address("v=0\r\nnonsense\r\nc=IN IP4 192.0.2.9\r\n"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "(v=0\r\n)?([ac]=(candidate:|IN IP[46] )?[0-9a-f.:/ \r\n]{0,40}|\\PC{0,9}){0,8}") {
            let _ = remote_address(&text);
        }
    }
}

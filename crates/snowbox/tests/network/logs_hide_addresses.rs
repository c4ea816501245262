//! The logs of a whole transfer give nobody away, at the most talkative level; and what looks for leaks does find them.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::support::{logs, snowbox};

/// What a line gives away.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum Leak {
    Address,
    SessionDescription,
    ClientId,
}

/// Lines of session descriptions, and the names of their secrets.
const SDP_MARKS: [&str; 6] =
    ["v=0", "a=candidate", "candidate:", "ice-ufrag:", "ice-pwd:", "sha-256 "];

fn leak(line: &str) -> Option<Leak> {
    if SDP_MARKS.iter().any(|mark| line.contains(mark)) {
        return Some(Leak::SessionDescription);
    }
    // Whole words, so that the `c::c` in a module's path is no address.
    let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ':');
    let words = || line.split(|c| !inside(c)).map(|word| word.trim_matches('.'));
    if words().any(is_address) {
        return Some(Leak::Address);
    }
    // Eight bytes in hex, letters and digits mixed: no counter looks like that.
    let is_id = |word: &str| {
        word.len() == 16
            && word.bytes().all(|b| b.is_ascii_hexdigit())
            && word.bytes().any(|b| b.is_ascii_digit())
            && word.bytes().any(|b| b.is_ascii_alphabetic())
    };
    words().any(is_id).then_some(Leak::ClientId)
}

fn is_address(word: &str) -> bool {
    let without_port = word.split(':').next().unwrap_or_default();
    let without_colon = word.trim_end_matches(':');
    without_port.parse::<Ipv4Addr>().is_ok()
        || (word.matches(':').count() >= 2 && (is_ipv6(word) || is_ipv6(without_colon)))
}

/// `::` alone stands for all addresses, nobody's.
fn is_ipv6(word: &str) -> bool {
    word != "::" && word.parse::<Ipv6Addr>().is_ok()
}

/// Leaks in everything that the programs logged. What a transport tells tor on stdout has to name its own listener.
async fn leaks(more: &[&str]) -> Vec<(String, Leak, String)> {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let path = dir.path().to_str().expect("its name is text");
    snowbox(&[&["--size", "4M", "--debug", "--logs", path], more].concat()).await;
    let mut found = Vec::new();
    for (name, text) in logs(dir.path()) {
        let told_to_tor = |line: &str| line.starts_with("CMETHOD ") || line.starts_with("SMETHOD ");
        for line in text.lines().filter(|line| !told_to_tor(line)) {
            found.extend(leak(line).map(|leak| (name.clone(), leak, line.to_owned())));
        }
    }
    found
}

#[test]
fn the_detector_knows_a_leak() {
    for (line, expected) in [
        ("dialled 192.0.2.1:443 twice", Some(Leak::Address)),
        ("from 127.0.0.1.", Some(Leak::Address)),
        ("peer [2001:db8::7]:1 gone", Some(Leak::Address)),
        ("peer fe80::1", Some(Leak::Address)),
        ("got a=candidate:1 1 udp", Some(Leak::SessionDescription)),
        ("session 0011aabbccddeeff began", Some(Leak::ClientId)),
        (
            "2026/01/01 19:22:33.123456 debug: snowflake_proxy::poll: version 0.21.1, 1234567890123456 bytes",
            None,
        ),
        ("peer [scrubbed] gone, kcp::Session, webrtc::connection, 10:20:30", None),
    ] {
        assert_eq!(leak(line), expected, "{line}");
    }
}

#[tokio::test]
async fn nothing_leaks() {
    let found = leaks(&[]).await;
    assert!(
        found.is_empty(),
        "{} leaks, the first: {:#?}",
        found.len(),
        &found[..found.len().min(8)]
    );
}

/// The same transfer with `-unsafe-logging`: were the detector blind or the logs empty, the test above would prove nothing. The
/// broker is not among them: it never writes an address.
#[tokio::test]
async fn with_unsafe_logging_what_handles_addresses_leaks() {
    let found = leaks(&["--unsafe-logging", "--no-kill"]).await;
    for program in ["client.", "proxy-", "server."] {
        assert!(
            found.iter().any(|(name, ..)| name.starts_with(program)),
            "no leak in a log of {program}"
        );
    }
}

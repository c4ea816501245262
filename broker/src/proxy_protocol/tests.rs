//! Headers in bytes, by the protocol's own description (version 2.6 of haproxy's `proxy-protocol.txt`).

use proptest::prelude::*;
use tokio::io::{AsyncWriteExt, duplex};

use super::*;

const LIMIT: Duration = Duration::from_secs(10);
const BALANCER: &str = "10.0.0.5";

/// A header of version 2: the byte of version and command, that of family and protocol, the rest.
fn block(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = (rest.len() as u16).to_be_bytes();
    [SIGNATURE, &[command, family], &length, rest].concat()
}

fn tcp4(source: [u8; 4]) -> Vec<u8> {
    [&source[..], &[192, 0, 2, 9], &[0x30, 0x39, 1, 0xbb]].concat()
}

/// What a header from a balancer says, and what is left in the stream.
async fn origin(header: &[u8]) -> (Result<String, String>, Vec<u8>) {
    let balancers = Balancers::new(vec!["10.0.0.0/8".parse().unwrap()]);
    let sent = [header, b"GET / HTTP/1.1"].concat();
    let mut stream = sent.as_slice();
    let origin = balancers.origin(&mut stream, BALANCER.parse().unwrap(), LIMIT).await;
    (origin.map(|ip| ip.to_string()).map_err(|error| error.to_string()), stream.to_vec())
}

async fn error(header: &[u8]) -> String {
    origin(header).await.0.unwrap_err()
}

#[tokio::test]
async fn both_versions_name_the_client_and_leave_its_bytes() {
    let tcp6 = |source: &str| {
        let source: std::net::Ipv6Addr = source.parse().unwrap();
        [&source.octets()[..], &[0; 16], &[0x30, 0x39, 1, 0xbb]].concat()
    };
    let with_more = [&tcp4([198, 51, 100, 7])[..], &[4, 0, 3, 0, 0, 0]].concat();
    for (header, client) in [
        (b"PROXY TCP4 198.51.100.7 192.0.2.9 12345 443\r\n".to_vec(), "198.51.100.7"),
        (b"PROXY TCP6 2001:db8::7 2001:db8::9 12345 443\r\n".to_vec(), "2001:db8::7"),
        (b"PROXY TCP6 ::ffff:198.51.100.7 ::1 12345 443\r\n".to_vec(), "198.51.100.7"),
        (block(0x21, 0x11, &tcp4([198, 51, 100, 7])), "198.51.100.7"),
        (block(0x21, 0x11, &with_more), "198.51.100.7"),
        (block(0x21, 0x21, &tcp6("2001:db8::7")), "2001:db8::7"),
        (block(0x21, 0x21, &tcp6("::ffff:198.51.100.7")), "198.51.100.7"),
    ] {
        let (origin, left) = origin(&header).await;
        assert_eq!(origin.as_deref(), Ok(client));
        assert_eq!(left, b"GET / HTTP/1.1");
    }
}

#[tokio::test]
async fn what_names_nobody_keeps_the_peers_address() {
    let longest = format!("PROXY UNKNOWN {}\r\n", "f".repeat(MAX_TEXT - 16));
    assert_eq!(longest.len(), MAX_TEXT);
    for header in [
        b"PROXY UNKNOWN\r\n".to_vec(),
        b"PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n".to_vec(),
        longest.into_bytes(),
        b"PROXY TCP4 0.0.0.0 192.0.2.9 0 443\r\n".to_vec(),
        block(0x20, 0x00, b""),
        block(0x20, 0x11, &tcp4([198, 51, 100, 7])),
        block(0x21, 0x00, b""),
        block(0x21, 0x31, &[0; 216]),
    ] {
        let (origin, left) = origin(&header).await;
        assert_eq!(origin.as_deref(), Ok(BALANCER), "{}", header.escape_ascii());
        assert_eq!(left, b"GET / HTTP/1.1");
    }
}

#[tokio::test]
async fn what_is_no_header_is_told_from_a_bad_one() {
    let missing = HeaderError::Missing.to_string();
    for header in [
        &b"GET /debug HTTP/1.1\r\n\r\n"[..],
        b"POST /client HTTP/1.1\r\n\r\n",
        b"PROXYTCP4 198.51.100.7 192.0.2.9 12345 443\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"\r\n\r\n\0\r\nQUIT\r",
    ] {
        assert_eq!(error(header).await, missing, "{}", header.escape_ascii());
    }
    let malformed = HeaderError::Malformed.to_string();
    for header in [
        b"PROXY\x20\n".to_vec(),
        b"PROXY TCP4 198.51.100.7\r\n".to_vec(),
        b"PROXY TCP4 2001:db8::7 2001:db8::9 12345 443\r\n".to_vec(),
        b"PROXY TCP4 198.51.100.7 192.0.2.9 12345 443\n".to_vec(),
        b"PROXY TCP4 198.51.100.7 192.0.2.9 12345 65536\r\n".to_vec(),
        b"PROXY TCP5 198.51.100.7 192.0.2.9 12345 443\r\n".to_vec(),
        block(0x11, 0x11, &tcp4([198, 51, 100, 7])),
        block(0x21, 0x11, &[198, 51, 100]),
        block(0x21, 0x21, &tcp4([198, 51, 100, 7])),
        block(0x21, 0x77, b""),
    ] {
        assert_eq!(error(&header).await, malformed, "{}", header.escape_ascii());
    }
}

#[tokio::test]
async fn sizes_are_bounded() {
    let text = format!("PROXY UNKNOWN {}\r\n", "f".repeat(MAX_TEXT - 15));
    assert_eq!(error(text.as_bytes()).await, HeaderError::TooLong(MAX_TEXT).to_string());
    let rest = |length| [tcp4([198, 51, 100, 7]), vec![0; length]].concat();
    let room = MAX_PROXY_HEADER - FIXED - 12;
    assert!(origin(&block(0x21, 0x11, &rest(room))).await.0.is_ok());
    let too_long = HeaderError::TooLong(MAX_PROXY_HEADER).to_string();
    assert_eq!(error(&block(0x21, 0x11, &rest(room + 1))).await, too_long);
    // Nobody waits for what it announces.
    assert_eq!(error(&[SIGNATURE, b"\x21\x11\xff\xff"].concat()).await, too_long);
}

#[tokio::test]
async fn who_is_no_balancer_is_not_listened_to() {
    let balancers = Balancers::new(vec!["10.0.0.0/8".parse().unwrap()]);
    let sent = b"PROXY TCP4 198.51.100.7 192.0.2.9 12345 443\r\n";
    let (mut stream, peer) = (&sent[..], "192.0.2.1".parse().unwrap());
    assert_eq!(balancers.origin(&mut stream, peer, LIMIT).await.unwrap(), peer);
    assert_eq!(stream, sent);
}

#[tokio::test(start_paused = true)]
async fn a_slow_header_and_a_broken_off_one_are_errors() {
    let balancers = Balancers::new(vec!["10.0.0.0/8".parse().unwrap()]);
    let peer = BALANCER.parse().unwrap();
    for sent in [&b""[..], b"PROXY TCP4 ", &SIGNATURE[..5]] {
        let (mut near, mut far) = duplex(64);
        near.write_all(sent).await.unwrap();
        let before = Instant::now();
        let slow = balancers.origin(&mut far, peer, LIMIT).await;
        assert!(matches!(slow, Err(HeaderError::Slow(LIMIT))), "{slow:?}");
        let time = before.elapsed();
        assert!(time >= LIMIT && time < LIMIT + Duration::from_secs(1), "{time:?}");
    }
    let mut nothing = &b""[..];
    let closed = balancers.origin(&mut nothing, peer, LIMIT).await;
    assert!(matches!(closed, Err(HeaderError::Nothing)), "{closed:?}");
    for mut sent in [&b"PROXY TCP4 "[..], &SIGNATURE[..5]] {
        let broken = balancers.origin(&mut sent, peer, LIMIT).await;
        assert!(matches!(broken, Err(HeaderError::BrokenOff(_))), "{broken:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn complaints_are_made_once_in_a_while() {
    let balancers = Balancers::new(Vec::new());
    assert!(balancers.may_complain() && !balancers.may_complain());
    tokio::time::advance(COMPLAINT_PAUSE).await;
    assert!(balancers.may_complain() && !balancers.may_complain());
}

proptest! {
    #[test]
    fn any_bytes_are_survived(
        start in prop_oneof![Just(TEXT.to_vec()), Just(SIGNATURE.to_vec()), Just(Vec::new())],
        rest in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let bytes = [start, rest].concat();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let _ = runtime.block_on(read(&mut bytes.as_slice()));
    }
}

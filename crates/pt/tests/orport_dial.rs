//! Dialling tor: all is well, the cookie is bad, tor denies, closes, hangs or is not there.

use std::{fs, net::SocketAddr, path::Path, time::Duration};

use hmac::{Hmac, Mac};
use sha2::Sha256;
use snowflake_pt::{
    OrPort, OrPortDialer, error::CookieError, error::ExtOrPortError, error::OrPortError,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

const COOKIE: [u8; 32] = [7; 32];
const OKAY: &[u8] = &[0x10, 0, 0, 0];
const DENY: &[u8] = &[0x10, 1, 0, 0];

/// A listener where tor's would be, and a dialer for it.
async fn tor(source: Option<&str>) -> (TcpListener, OrPortDialer, TempDir) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
    let directory = tempfile::tempdir().expect("a directory");
    let cookie_file = directory.path().join("cookie");
    write_cookie(&cookie_file, &COOKIE);
    let address = listener.local_addr().expect("an address");
    let or_port = OrPort::Extended { address, cookie_file };
    let source = source.map(|text| text.parse().expect("a prefix"));
    (listener, OrPortDialer::new(or_port, source), directory)
}

fn write_cookie(path: &Path, cookie: &[u8]) {
    let file = [b"! Extended ORPort Auth Cookie !\n", cookie].concat();
    fs::write(path, file).expect("a file");
}

fn hash(cookie: &[u8], text: &str, client_nonce: &[u8], server_nonce: &[u8]) -> Vec<u8> {
    let mut hmac = Hmac::<Sha256>::new_from_slice(cookie).expect("any length will do");
    hmac.update(&[text.as_bytes(), client_nonce, server_nonce].concat());
    hmac.finalize().into_bytes().to_vec()
}

async fn bytes(stream: &mut TcpStream, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    stream.read_exact(&mut bytes).await.expect("the transport speaks");
    bytes
}

/// tor's side of a handshake, up to the transport's commands, which it returns.
async fn serve(listener: &TcpListener, cookie: &[u8], answer: &[u8]) -> (TcpStream, Vec<u8>) {
    let (mut stream, _) = listener.accept().await.expect("the transport connects");
    stream.write_all(&[3, 1, 0]).await.expect("types");
    let choice = bytes(&mut stream, 33).await;
    assert_eq!(choice[0], 1);
    let (nonce, server_nonce) = (&choice[1..], [9; 32]);
    let text = "ExtORPort authentication server-to-client hash";
    let challenge = [&hash(cookie, text, nonce, &server_nonce)[..], &server_nonce].concat();
    stream.write_all(&challenge).await.expect("challenge");
    let text = "ExtORPort authentication client-to-server hash";
    assert_eq!(bytes(&mut stream, 32).await, hash(cookie, text, nonce, &server_nonce));
    stream.write_all(&[1]).await.expect("verdict");
    let mut commands = Vec::new();
    while !commands.ends_with(&[0, 0, 0, 0]) {
        commands.extend(bytes(&mut stream, 1).await);
    }
    stream.write_all(answer).await.expect("answer");
    (stream, commands)
}

#[tokio::test]
async fn tor_learns_the_user_and_the_stream_begins_after_okay() {
    let (listener, dialer, _directory) = tor(None).await;
    let answer = [OKAY, b"tor first"].concat();
    let user: SocketAddr = "[2001:db8::7]:1".parse().unwrap();
    let (dialed, (mut tor, commands)) =
        tokio::join!(dialer.dial(Some(user)), serve(&listener, &COOKIE, &answer));
    let mut stream = dialed.unwrap();
    assert_eq!(commands, b"\0\x01\0\x0f[2001:db8::7]:1\0\x02\0\x09snowflake\0\0\0\0");
    assert_eq!(bytes(&mut stream, 9).await, b"tor first");
    stream.write_all(b"up").await.unwrap();
    assert_eq!(bytes(&mut tor, 2).await, b"up");
    assert!(stream.nodelay().unwrap());
}

#[tokio::test]
async fn an_unknown_user_is_not_mentioned() {
    let (listener, dialer, _directory) = tor(None).await;
    let (dialed, (_tor, commands)) =
        tokio::join!(dialer.dial(None), serve(&listener, &COOKIE, OKAY));
    dialed.unwrap();
    assert_eq!(commands, b"\0\x02\0\x09snowflake\0\0\0\0");
}

#[tokio::test]
async fn the_cookie_file_is_read_anew_for_each_connection() {
    let (listener, dialer, directory) = tor(None).await;
    let (dialed, _) = tokio::join!(dialer.dial(None), serve(&listener, &COOKIE, OKAY));
    dialed.unwrap();
    write_cookie(&directory.path().join("cookie"), &[8; 32]);
    let (dialed, _) = tokio::join!(dialer.dial(None), serve(&listener, &[8; 32], OKAY));
    dialed.unwrap();
}

#[tokio::test]
async fn bad_cookie_files_are_named() {
    let (_listener, dialer, directory) = tor(None).await;
    let file = directory.path().join("cookie");
    write_cookie(&file, &COOKIE[1..]);
    let error = dialer.dial(None).await.unwrap_err();
    assert!(matches!(error, OrPortError::Cookie { source: CookieError::Length, .. }), "{error}");
    write_cookie(&file, &[7; 33]);
    let error = dialer.dial(None).await.unwrap_err();
    assert!(matches!(error, OrPortError::Cookie { source: CookieError::Length, .. }), "{error}");
    fs::write(&file, [7; 64]).unwrap();
    let error = dialer.dial(None).await.unwrap_err();
    assert!(matches!(error, OrPortError::Cookie { source: CookieError::Header, .. }), "{error}");
    fs::remove_file(&file).unwrap();
    let error = dialer.dial(None).await.unwrap_err();
    assert!(matches!(&error, OrPortError::ReadCookie { path, .. } if *path == file), "{error}");
}

#[tokio::test]
async fn a_tor_with_another_cookie_is_not_trusted() {
    let (listener, dialer, _directory) = tor(None).await;
    let serve = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(&[1, 0]).await.unwrap();
        bytes(&mut stream, 33).await;
        stream.write_all(&[0; 64]).await.unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.unwrap();
        rest
    };
    let (dialed, rest) = tokio::join!(dialer.dial(None), serve);
    let error = dialed.unwrap_err();
    assert!(matches!(error, OrPortError::Handshake(ExtOrPortError::ServerHash)), "{error}");
    assert!(rest.is_empty(), "nothing was said to a stranger");
}

#[tokio::test]
async fn a_denial_is_an_error() {
    let (listener, dialer, _directory) = tor(None).await;
    let (dialed, _) = tokio::join!(dialer.dial(None), serve(&listener, &COOKIE, DENY));
    let error = dialed.unwrap_err();
    assert!(matches!(error, OrPortError::Handshake(ExtOrPortError::Denied)), "{error}");
}

#[tokio::test]
async fn a_tor_that_closes_is_an_error() {
    let (listener, dialer, _directory) = tor(None).await;
    let serve = async { drop(listener.accept().await.unwrap()) };
    let (dialed, ()) = tokio::join!(dialer.dial(None), serve);
    let error = dialed.unwrap_err();
    assert!(matches!(error, OrPortError::BrokenOff(_)), "{error}");
}

/// Time stands still until everybody waits: then the limit is the only thing left to happen.
#[tokio::test(start_paused = true)]
async fn a_tor_that_hangs_is_given_up_after_5_s() {
    let (listener, dialer, _directory) = tor(None).await;
    let start = tokio::time::Instant::now();
    let error = dialer.dial(None).await.unwrap_err();
    assert!(matches!(error, OrPortError::TimedOut(_)), "{error}");
    assert_eq!(start.elapsed(), Duration::from_secs(5));
    drop(listener);
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_an_error() {
    let (listener, dialer, _directory) = tor(None).await;
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = dialer.dial(None).await.unwrap_err();
    assert!(error.to_string().starts_with(&format!("cannot connect to the ORPort {address}: ")));
}

#[tokio::test]
async fn the_plain_orport_gets_bytes_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dialer = OrPortDialer::new(OrPort::Plain(listener.local_addr().unwrap()), None);
    let user = Some("192.0.2.7:1".parse().unwrap());
    let (dialed, accepted) = tokio::join!(dialer.dial(user), listener.accept());
    let (mut tor, _) = accepted.unwrap();
    dialed.unwrap().write_all(b"first").await.unwrap();
    let mut received = Vec::new();
    tor.read_to_end(&mut received).await.unwrap();
    assert_eq!(received, b"first");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn connections_come_from_addresses_of_the_prefix() {
    let (listener, dialer, _directory) = tor(Some("127.0.2.0/24")).await;
    let mut sources = std::collections::HashSet::new();
    for _ in 0..16 {
        let (dialed, (tor, _)) = tokio::join!(dialer.dial(None), serve(&listener, &COOKIE, OKAY));
        let peer = tor.peer_addr().unwrap();
        assert_eq!(peer, dialed.unwrap().local_addr().unwrap());
        let std::net::IpAddr::V4(ip) = peer.ip() else { panic!("{peer}") };
        assert_eq!(ip.octets()[..3], [127, 0, 2]);
        sources.insert(ip);
    }
    assert!(sources.len() > 1, "16 times the same of 256 addresses");
}

#[tokio::test]
async fn source_addresses_that_cannot_be_used_are_named() {
    let (_listener, dialer, _directory) = tor(Some("2001:db8::/64")).await;
    let error = dialer.dial(None).await.unwrap_err();
    assert!(matches!(error, OrPortError::SourceFamily(_)), "{error}");
    let (_listener, dialer, _directory) = tor(Some("192.0.2.1")).await;
    let error = dialer.dial(None).await.unwrap_err();
    assert!(matches!(error, OrPortError::Bind(_)), "{error}");
}

//! From TCP to a WebSocket, with good peers and bad ones.

use std::{net::IpAddr, sync::Arc};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use snowflake_websocket::{AcceptError, Accepted, DialError, accept, dial, limits};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, duplex},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;
use url::Url;

fn no_roots() -> Arc<ClientConfig> {
    let builder = ClientConfig::builder().with_root_certificates(RootCertStore::empty());
    Arc::new(builder.with_no_client_auth())
}

async fn listener() -> (TcpListener, Url) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/any/path?x=1", listener.local_addr().unwrap());
    (listener, Url::parse(&url).unwrap())
}

/// Sends a request as text; returns what `accept` said and what came back.
async fn exchange(request: &str) -> (Result<Accepted, AcceptError>, String) {
    let (ours, mut theirs) = duplex(64 << 10);
    theirs.write_all(request.as_bytes()).await.unwrap();
    let accepted = accept(ours).await;
    let mut response = vec![0; 64 << 10];
    let length = theirs.read(&mut response).await.unwrap();
    response.truncate(length);
    (accepted, String::from_utf8(response).unwrap())
}

/// A request that a Go proxy could have sent, with one line changed.
fn request(from: &str, to: &str) -> String {
    let good = "GET /?client_ip=192.0.2.7 HTTP/1.1\r\nHost: snowflake.torproject.net\r\n\
        User-Agent: Go-http-client/1.1\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nUpgrade: websocket\r\n\r\n";
    assert!(good.contains(from));
    good.replace(from, to)
}

#[tokio::test]
async fn a_go_proxys_request_is_upgraded() {
    let (accepted, response) = exchange(&request("Host", "Host")).await;
    assert_eq!(accepted.unwrap().client_ip, Some("192.0.2.7".parse::<IpAddr>().unwrap()));
    assert!(response.starts_with("HTTP/1.1 101 Switching Protocols\r\n"));
    let response = response.to_ascii_lowercase();
    assert!(response.contains("upgrade: websocket\r\n"));
    assert!(response.contains("connection: upgrade\r\n"));
    // The sample key of RFC 6455, section 1.3.
    assert!(response.contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=\r\n"));
}

#[tokio::test]
async fn any_path_any_origin_no_subprotocol() {
    let (accepted, response) = exchange(&request(
        "GET /?client_ip=192.0.2.7 HTTP/1.1\r\n",
        "GET /a/b HTTP/1.1\r\nOrigin: https://elsewhere.example\r\nSec-WebSocket-Protocol: chat\r\n\
         Sec-WebSocket-Extensions: permessage-deflate\r\nConnection: keep-alive\r\n",
    ))
    .await;
    assert_eq!(accepted.unwrap().client_ip, None);
    assert!(response.starts_with("HTTP/1.1 101"));
    let response = response.to_ascii_lowercase();
    assert!(!response.contains("sec-websocket-protocol"));
    assert!(!response.contains("sec-websocket-extensions"));
}

#[tokio::test]
async fn other_requests_get_400_or_405() {
    for (from, to, status) in [
        ("Upgrade: websocket\r\n", "", 400),
        ("Upgrade: websocket", "Upgrade: h2c", 400),
        ("Connection: Upgrade", "Connection: close", 400),
        ("Version: 13", "Version: 8", 400),
        ("dGhlIHNhbXBsZSBub25jZQ==", "short", 400),
        ("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "", 400),
        ("GET ", "POST ", 405),
        ("GET ", "OPTIONS ", 405),
    ] {
        let (accepted, response) = exchange(&request(from, to)).await;
        assert!(response.starts_with(&format!("HTTP/1.1 {status} ")), "{from}: {response}");
        assert!(matches!(accepted, Err(AcceptError::NotWebSocket(s)) if s == status), "{from}");
    }
}

#[tokio::test]
async fn garbage_and_endless_headers_are_refused() {
    let (accepted, response) = exchange("\x16\x03\x01 this is no HTTP\r\n\r\n").await;
    assert!(matches!(accepted, Err(AcceptError::Http(_))));
    assert!(response.starts_with("HTTP/1.1 400 "));

    let long = "x".repeat(limits::MAX_REQUEST_HEAD);
    let (accepted, response) = exchange(&request("Host: ", &format!("X: {long}\r\nHost: "))).await;
    assert!(matches!(accepted, Err(AcceptError::Http(_))));
    assert!(response.starts_with("HTTP/1.1 431 "));
}

/// Whoever never ends the request line is refused after 16 KiB, not after all that they have to say.
#[tokio::test]
async fn a_request_line_of_40_kb_is_refused_cheaply() {
    const PIPE: usize = 1024;
    let (ours, mut theirs) = duplex(PIPE);
    let peer = tokio::spawn(async move {
        let (mut read, mut write) = tokio::io::split(&mut theirs);
        let (mut response, mut taken) = (String::new(), 0);
        let sending = async {
            write.write_all(b"GET /").await.unwrap();
            while taken < 40_000 && write.write_all(&[b'x'; 100]).await.is_ok() {
                taken += 100;
            }
        };
        tokio::join!(sending, read.read_to_string(&mut response)).1.unwrap();
        (response, taken)
    });
    assert!(matches!(accept(ours).await, Err(AcceptError::Http(_))));
    let (response, taken) = peer.await.unwrap();
    assert!(response.starts_with("HTTP/1.1 431 "), "{response}");
    assert!(taken <= limits::MAX_REQUEST_HEAD + 2 * PIPE, "{taken} bytes were taken");

    // All at once, and whole: still refused.
    let path = "x".repeat(40_000);
    let (accepted, response) = exchange(&request("GET /", &format!("GET /{path}"))).await;
    assert!(matches!(accepted, Err(AcceptError::Http(_))));
    assert!(response.starts_with("HTTP/1.1 431 "), "{response}");
}

#[tokio::test]
async fn a_peer_that_leaves_is_named() {
    for sent in ["", "GET / HTTP/1.1\r\nHost: x\r\n"] {
        let (ours, mut theirs) = duplex(1024);
        theirs.write_all(sent.as_bytes()).await.unwrap();
        drop(theirs);
        assert!(matches!(accept(ours).await, Err(AcceptError::Left)), "{sent:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn slow_headers_end_after_ten_seconds() {
    let (ours, mut theirs) = duplex(1024);
    let before = tokio::time::Instant::now();
    let drip = tokio::spawn(async move {
        for byte in request("Host", "Host").bytes() {
            if theirs.write_all(&[byte]).await.is_err() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        }
    });
    assert!(matches!(accept(ours).await, Err(AcceptError::TimedOut(_))));
    assert_eq!(before.elapsed().as_secs(), 10);
    drip.await.unwrap();
}

#[tokio::test]
async fn dial_and_accept_meet() {
    let (listener, url) = listener().await;
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let Accepted { mut websocket, client_ip } = accept(stream).await.unwrap();
        let message = websocket.next().await.unwrap().unwrap();
        websocket.send(message).await.unwrap();
        assert!(websocket.next().await.is_none(), "the proxy closed");
        client_ip
    });
    let client_ip = "2001:db8::7".parse().unwrap();
    let mut websocket = dial(&url, Some(client_ip), no_roots(), limits::DIAL).await.unwrap();
    websocket.send(Bytes::from_static(b"hello")).await.unwrap();
    assert_eq!(websocket.next().await.unwrap().unwrap(), "hello");
    websocket.close().await.unwrap();
    assert_eq!(server.await.unwrap(), Some(client_ip));
}

#[tokio::test]
async fn bytes_behind_the_request_are_not_lost() {
    let early = "\u{1}\u{1}"; // The request is text; these two stand for a frame below.
    let (ours, mut theirs) = duplex(4096);
    let mut bytes = request("Host", "Host").into_bytes();
    bytes.extend([0x82, 0x82, 0, 0, 0, 0]);
    bytes.extend(early.as_bytes());
    theirs.write_all(&bytes).await.unwrap();
    let mut accepted = accept(ours).await.unwrap();
    assert_eq!(accepted.websocket.next().await.unwrap().unwrap(), early.as_bytes());
}

#[tokio::test]
async fn the_request_is_the_documented_one() {
    let (listener, mut url) = listener().await;
    url.set_path("");
    url.set_query(None);
    let host = url[url::Position::BeforeHost..url::Position::AfterPort].to_owned();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        String::from_utf8(head).unwrap()
    });
    let refused = dial(&url, Some("192.0.2.7".parse().unwrap()), no_roots(), limits::DIAL).await;
    assert!(matches!(refused, Err(DialError::Handshake(_))));
    let head = server.await.unwrap();
    let mut lines: Vec<&str> = head.trim_end().split("\r\n").collect();
    assert_eq!(lines.remove(0), "GET /?client_ip=192.0.2.7 HTTP/1.1");
    lines.retain(|line| !line.starts_with("Sec-WebSocket-Key: "));
    lines.sort_unstable();
    let host = format!("Host: {host}");
    let expected = [
        "Connection: Upgrade",
        &host,
        "Sec-WebSocket-Version: 13",
        "Upgrade: websocket",
        "user-agent: Go-http-client/1.1",
    ];
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn refusals_and_bad_urls_have_names() {
    let (listener, url) = listener().await;
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = [0; 1024];
        let _ = stream.read(&mut head).await.unwrap();
        stream.write_all(b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n").await.unwrap();
    });
    let refused = dial(&url, None, no_roots(), limits::DIAL).await;
    assert!(matches!(refused, Err(DialError::Refused(302))));
    server.await.unwrap();

    let dial = async |url: &str| {
        dial(&Url::parse(url).unwrap(), None, no_roots(), limits::DIAL).await.unwrap_err()
    };
    assert!(matches!(dial("http://127.0.0.1/").await, DialError::Scheme));
    assert!(matches!(dial("ws://u:p@127.0.0.1/").await, DialError::Credentials));
    // Port 1 on loopback: nobody listens.
    assert!(matches!(dial("ws://127.0.0.1:1/").await, DialError::Connect(_)));
    assert!(matches!(dial("ws://[::1]:1/").await, DialError::Connect(_)));
}

#[tokio::test(start_paused = true)]
async fn a_silent_server_costs_no_more_than_the_limit() {
    let (listener, url) = listener().await;
    let before = tokio::time::Instant::now();
    let dialled = dial(&url, None, no_roots(), limits::DIAL).await;
    assert!(matches!(dialled, Err(DialError::TimedOut(_))));
    assert_eq!(before.elapsed(), limits::DIAL);
    drop(listener);
}

#[tokio::test]
async fn wss_offers_http_1_1_and_checks_the_certificate() {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["localhost".to_owned()])
        .unwrap()
        .self_signed(&key)
        .unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let (listener, _) = listener().await;
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let stream = acceptor.accept(stream).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"http/1.1".as_slice()));
        let mut accepted = accept(stream).await.unwrap();
        accepted.websocket.send(Bytes::from_static(b"secret")).await.unwrap();
        accepted.websocket.close().await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        assert!(acceptor.accept(stream).await.is_err(), "the second client does not trust us");
    });

    let mut roots = RootCertStore::empty();
    roots.add(certificate.der().clone()).unwrap();
    let mut trusting = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    trusting.alpn_protocols = vec![b"h2".to_vec()];
    let url = Url::parse(&format!("wss://localhost:{port}/")).unwrap();
    let mut websocket = dial(&url, None, Arc::new(trusting), limits::DIAL).await.unwrap();
    assert_eq!(websocket.next().await.unwrap().unwrap(), "secret");
    assert!(websocket.next().await.is_none());

    let refused = dial(&url, None, no_roots(), limits::DIAL).await;
    assert!(matches!(refused, Err(DialError::Tls(_))));
    server.await.unwrap();
}

//! An exchange with a front on loopback: which names it sees, and what it may answer.

#![expect(clippy::unwrap_used, reason = "a test helper that fails is a failed test")]

mod front;
mod methods;
mod through_a_proxy;

use std::time::Duration;

use bytes::Bytes;
use front::{Front, front, silent_front};
use rustls::RootCertStore;
use snowflake_rendezvous::{Exchange, ExchangeError, HeaderMap, Response, Step, limits, tls};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use url::Url;

/// The way to a broker at `url` through the front.
fn through(front: &Front, url: &str) -> Exchange {
    let names = [format!("localhost:{}", front.port)];
    let url = Url::parse(url).unwrap();
    Exchange::new(url, names, front.trust.clone(), limits::CLIENT_HEADERS).unwrap()
}

async fn post(front: &Front, url: &str, path: &str) -> Result<Bytes, ExchangeError> {
    through(front, url).post(path, Bytes::from_static(b"question")).await
}

#[tokio::test]
async fn http1_dials_the_front_and_asks_for_the_broker() {
    for alpn in [&[b"http/1.1".as_slice()][..], &[]] {
        let front = front(alpn).await;
        assert_eq!(post(&front, "https://broker.example/", "client").await.unwrap(), "answer");
        let seen = front.serving.await.unwrap();
        assert_eq!(seen.sni.as_deref(), Some("localhost"));
        assert_eq!(seen.host.as_deref(), Some("broker.example"));
        assert_eq!(seen.agent.as_deref(), Some("Go-http-client/1.1"));
        assert_eq!(seen.target, "/client");
        assert_eq!(seen.body, "question");
    }
}

#[tokio::test]
async fn http2_dials_the_front_and_asks_for_the_broker() {
    let front = front(&[b"h2", b"http/1.1"]).await;
    assert_eq!(post(&front, "https://broker.example:8443/", "proxy").await.unwrap(), "answer");
    let seen = front.serving.await.unwrap();
    assert_eq!(seen.protocol.as_deref(), Some(b"h2".as_slice()));
    assert_eq!(seen.sni.as_deref(), Some("localhost"));
    assert_eq!(seen.authority, "broker.example:8443");
    assert_eq!(seen.host, None);
    assert_eq!(seen.agent.as_deref(), Some("Go-http-client/2.0"));
    assert_eq!(seen.target, "/proxy");
    assert_eq!(seen.body, "question");
}

#[tokio::test]
async fn the_servers_name_can_be_left_out_of_what_everybody_reads() {
    for alpn in [&[b"h2".as_slice()][..], &[b"http/1.1"]] {
        let front = front(alpn).await;
        let exchange = through(&front, "https://broker.example/").without_server_name();
        assert_eq!(exchange.post("client", "question").await.unwrap(), "answer");
        let seen = front.serving.await.unwrap();
        assert_eq!((seen.sni, seen.protocol), (None, Some(alpn[0].to_vec())));
        assert_eq!(seen.host.unwrap_or(seen.authority), "broker.example");
    }
}

#[tokio::test]
async fn without_a_name_in_the_open_the_certificate_is_checked_all_the_same() {
    let front = front(&[]).await;
    let names = [format!("[::ffff:127.0.0.1]:{}", front.port)];
    let url = Url::parse("https://broker.example/").unwrap();
    let exchange = Exchange::new(url, names, front.trust.clone(), limits::CLIENT_HEADERS).unwrap();
    let refused = exchange.without_server_name().post("client", "question").await;
    assert!(
        matches!(refused, Err(ExchangeError::Tls(_))),
        "it names 127.0.0.1 in another form: {refused:?}"
    );
    front.serving.abort();
}

#[tokio::test]
async fn what_is_only_asked_for_has_no_body() {
    for alpn in [&[b"h2".as_slice()][..], &[b"http/1.1"]] {
        let front = front(alpn).await;
        let exchange = through(&front, "https://cache.example/");
        assert_eq!(exchange.get("c/s/broker.example/amp?x=y").await.unwrap(), "answer");
        let seen = front.serving.await.unwrap();
        assert_eq!((&*seen.method, &*seen.target), ("GET", "/c/s/broker.example/amp?x=y"));
        assert_eq!(seen.body, "");
    }
}

#[tokio::test]
async fn paths_are_relative_references() {
    for (url, path, target) in [
        ("https://b.example", "client", "/client"),
        ("https://b.example/", "client", "/client"),
        ("https://b.example/x", "client", "/client"),
        ("https://b.example/x/", "client", "/x/client"),
        ("https://b.example/probe?InCoSim=strict", "", "/probe?InCoSim=strict"),
    ] {
        let front = front(&[]).await;
        post(&front, url, path).await.unwrap();
        assert_eq!(front.serving.await.unwrap().target, target, "{url}");
    }
}

#[tokio::test]
async fn without_a_front_the_broker_itself_is_dialled() {
    let front = front(&[]).await;
    let url = Url::parse(&format!("https://127.0.0.1:{}/", front.port)).unwrap();
    let exchange = Exchange::new(url, [""; 0], front.trust.clone(), limits::PROXY_HEADERS).unwrap();
    assert_eq!(exchange.post("answer", Bytes::from_static(b"question")).await.unwrap(), "answer");
    let seen = front.serving.await.unwrap();
    assert_eq!(seen.sni, None, "an address is no server name");
    assert_eq!(seen.host, Some(format!("127.0.0.1:{}", front.port)));
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused() {
    let mut front = front(&[]).await;
    front.trust = tls::with_roots(RootCertStore::empty()).unwrap();
    let refused = post(&front, "https://broker.example/", "client").await;
    assert!(matches!(refused, Err(ExchangeError::Tls(_))));
    front.serving.abort();
}

/// Posts over plain HTTP to a peer that reads the request's head, writes `response` and then keeps the line open.
async fn scripted(response: impl AsRef<[u8]>) -> Result<Bytes, ExchangeError> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let peer = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\nquestion") {
            head.push(stream.read_u8().await.unwrap());
        }
        let _ = stream.write_all(response.as_ref()).await;
        (stream, listener)
    };
    let no_roots = tls::with_roots(RootCertStore::empty()).unwrap();
    let exchange =
        Exchange::new(Url::parse(&url).unwrap(), [""; 0], no_roots, limits::CLIENT_HEADERS)
            .unwrap();
    let exchange = exchange.post("client", Bytes::from_static(b"question"));
    let (answer, (_stream, listener)) = tokio::join!(exchange, peer);
    let again = tokio::time::timeout(Duration::ZERO, listener.accept()).await;
    assert!(
        again.is_err(),
        "one request, one connection: no redirect is followed, nothing tried again"
    );
    answer
}

#[tokio::test]
async fn plain_http_is_for_local_networks() {
    let answer = scripted("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nanswer").await;
    assert_eq!(answer.unwrap(), "answer");
}

#[tokio::test]
async fn a_redirect_is_refused_whatever_its_status() {
    let response =
        "HTTP/1.1 200 OK\r\nLocation: https://elsewhere.example/\r\nContent-Length: 2\r\n\r\nok";
    assert!(matches!(scripted(response).await, Err(ExchangeError::Redirect)));
}

#[tokio::test]
async fn other_statuses_are_errors() {
    for status in [204, 302, 307, 400, 404, 500, 503] {
        let response = format!("HTTP/1.1 {status} X\r\nLocation: /\r\nContent-Length: 0\r\n\r\n");
        let error = scripted(response).await.unwrap_err();
        assert!(matches!(error, ExchangeError::Status(s) if s == status), "{error:?}");
    }
}

#[tokio::test]
async fn a_body_may_have_100000_bytes_and_no_more() {
    let response = |length: usize| {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
        head + &"x".repeat(length)
    };
    assert_eq!(scripted(response(limits::RESPONSE_BODY)).await.unwrap().len(), 100_000);
    let error = scripted(response(limits::RESPONSE_BODY + 1)).await.unwrap_err();
    assert!(matches!(error, ExchangeError::BodyTooLong(100_000)));

    // Without a length: endless chunks.
    let chunks = "2710\r\n".to_owned() + &"x".repeat(10_000) + "\r\n";
    let endless =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned() + &chunks.repeat(20);
    assert!(matches!(scripted(endless).await, Err(ExchangeError::BodyTooLong(_))));
}

/// Calls a peer over plain HTTP that reads the request and writes `response`; its answer, and the request.
async fn call(response: &str, longest: usize) -> (Result<Response<Bytes>, ExchangeError>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let peer = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\nquestion") {
            request.push(stream.read_u8().await.unwrap());
        }
        stream.write_all(response.as_bytes()).await.unwrap();
        String::from_utf8(request).unwrap()
    };
    let no_roots = tls::with_roots(RootCertStore::empty()).unwrap();
    let url = Url::parse(&url).unwrap();
    let exchange = Exchange::new(url, [""; 0], no_roots, limits::CLIENT_HEADERS).unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("x-what", "that".parse().unwrap());
    headers.insert("user-agent", "nobody".parse().unwrap());
    let calling = async { exchange.connect().await?.call("", headers, "question", longest).await };
    tokio::join!(calling, peer)
}

#[tokio::test]
async fn a_call_has_headers_and_any_status_is_an_answer() {
    let refusal = "HTTP/1.1 400 X\r\nLocation: /\r\nContent-Length: 8\r\n\r\nbecause!";
    let (answer, request) = call(refusal, 8).await;
    let answer = answer.unwrap();
    assert_eq!((answer.status().as_u16(), answer.body().as_ref()), (400, &b"because!"[..]));
    assert!(request.starts_with("POST / HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("x-what: that\r\n"), "{request}");
    assert!(request.contains("user-agent: nobody\r\n") && !request.contains("Go-http"));
    let (answer, _) = call(refusal, 7).await;
    assert!(matches!(answer, Err(ExchangeError::BodyTooLong(7))));
}

#[tokio::test]
async fn nonsense_is_an_error() {
    assert!(matches!(scripted("SSH-2.0-OpenSSH\r\n\r\n").await, Err(ExchangeError::Http(_))));
    let long = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(1_000_000));
    assert!(matches!(scripted(long).await, Err(ExchangeError::Http(_))));
}

#[tokio::test(start_paused = true)]
async fn every_step_has_its_time() {
    let before = tokio::time::Instant::now();
    let error = scripted("HTTP/1.1 200 OK\r\nX: ").await.unwrap_err();
    assert!(matches!(error, ExchangeError::TimedOut(Step::Headers, limits::CLIENT_HEADERS)));
    assert_eq!(before.elapsed(), limits::CLIENT_HEADERS);

    let before = tokio::time::Instant::now();
    let error = scripted("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nans").await.unwrap_err();
    assert!(matches!(error, ExchangeError::TimedOut(Step::Body, limits::BODY)));
    assert_eq!(before.elapsed(), limits::BODY);

    // A listener that never accepts: TCP is done by the system, TLS never begins.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    let trust = tls::with_roots(RootCertStore::empty()).unwrap();
    let exchange =
        Exchange::new(Url::parse(&url).unwrap(), [""; 0], trust, limits::CLIENT_HEADERS).unwrap();
    let error = exchange.post("client", Bytes::new()).await.unwrap_err();
    assert!(matches!(error, ExchangeError::TimedOut(Step::Tls, limits::TLS)));
}

#[tokio::test]
async fn nobody_there_is_named() {
    let trust = tls::with_roots(RootCertStore::empty()).unwrap();
    // Port 1 on loopback: nobody listens.
    let url = Url::parse("http://127.0.0.1:1/").unwrap();
    let exchange = Exchange::new(url, [""; 0], trust, limits::CLIENT_HEADERS).unwrap();
    let error = exchange.post("client", Bytes::new()).await.unwrap_err();
    assert!(matches!(error, ExchangeError::Connect(_)));
}

#[tokio::test]
async fn a_dropped_exchange_closes_its_connection() {
    for alpn in [&[b"h2".as_slice()][..], &[]] {
        let front = silent_front(alpn).await;
        tokio::select! {
            answer = post(&front, "https://broker.example/", "client") => panic!("{answer:?}"),
            () = front.arrived.notified() => {}
        }
        // The front waits for nothing but the end of the connection.
        tokio::time::timeout(Duration::from_secs(10), front.serving).await.unwrap().unwrap();
    }
}

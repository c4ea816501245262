//! An exchange with a front on loopback: which names it sees, and what it may answer.

#![expect(clippy::unwrap_used, reason = "a test helper that fails is a failed test")]

use std::{convert::Infallible, future::pending, sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{
    Request, Response,
    body::Incoming,
    header,
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use snowflake_rendezvous::{Exchange, ExchangeError, Step, limits, tls};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::Notify,
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;
use url::Url;

/// What a front saw of one request.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    sni: Option<String>,
    protocol: Option<Vec<u8>>,
    target: String,
    authority: String,
    host: Option<String>,
    body: Bytes,
}

struct Front {
    port: u16,
    trust: Arc<ClientConfig>,
    /// Told when a request has arrived.
    arrived: Arc<Notify>,
    serving: JoinHandle<Seen>,
}

/// A TLS server called `localhost` for one connection, which answers 200 with "answer".
async fn front(alpn: &[&[u8]]) -> Front {
    start(alpn, true).await
}

/// The same, but it never answers.
async fn silent_front(alpn: &[&[u8]]) -> Front {
    start(alpn, false).await
}

async fn start(alpn: &[&[u8]], answers: bool) -> Front {
    let key = rcgen::KeyPair::generate().unwrap();
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let certificate = rcgen::CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate.der().clone()).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let arrived = Arc::new(Notify::new());
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let serving = tokio::spawn(serve(listener, acceptor, arrived.clone(), answers));
    Front { port, trust: tls::with_roots(roots).unwrap(), arrived, serving }
}

async fn serve(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    arrived: Arc<Notify>,
    answers: bool,
) -> Seen {
    let (tcp, _) = listener.accept().await.unwrap();
    let stream = acceptor.accept(tcp).await.unwrap();
    let sni = stream.get_ref().1.server_name().map(str::to_owned);
    let protocol = stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
    let (requests, mut request) = tokio::sync::mpsc::channel(1);
    let service = service_fn(move |request: Request<Incoming>| {
        let (requests, arrived) = (requests.clone(), arrived.clone());
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            requests.try_send((head, body)).unwrap();
            arrived.notify_one();
            if !answers {
                return pending().await;
            }
            Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"answer"))))
        }
    });
    let io = TokioIo::new(stream);
    if protocol.as_deref() == Some(b"h2") {
        let _ = http2::Builder::new(TokioExecutor::new()).serve_connection(io, service).await;
    } else {
        let _ = http1::Builder::new().serve_connection(io, service).await;
    }
    let (head, body) = request.recv().await.unwrap();
    Seen {
        sni,
        protocol,
        target: head.uri.path_and_query().unwrap().to_string(),
        authority: head.uri.authority().map(ToString::to_string).unwrap_or_default(),
        host: head.headers.get(header::HOST).map(|host| host.to_str().unwrap().to_owned()),
        body,
    }
}

async fn post(front: &Front, url: &str, path: &str) -> Result<Bytes, ExchangeError> {
    let names = [format!("localhost:{}", front.port)];
    let url = Url::parse(url).unwrap();
    let exchange = Exchange::new(url, names, front.trust.clone(), limits::CLIENT_HEADERS).unwrap();
    exchange.post(path, Bytes::from_static(b"question")).await
}

#[tokio::test]
async fn http1_dials_the_front_and_asks_for_the_broker() {
    for alpn in [&[b"http/1.1".as_slice()][..], &[]] {
        let front = front(alpn).await;
        assert_eq!(post(&front, "https://broker.example/", "client").await.unwrap(), "answer");
        let seen = front.serving.await.unwrap();
        assert_eq!(seen.sni.as_deref(), Some("localhost"));
        assert_eq!(seen.host.as_deref(), Some("broker.example"));
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
    assert_eq!(seen.target, "/proxy");
    assert_eq!(seen.body, "question");
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

//! HTTPS: HTTP/1.1 and HTTP/2 by ALPN, as browsers and content delivery networks use it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper::{Request, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, ServerName};
use snowflake_broker::{ALPN, Config};
use snowflake_messages::ClientPollResponse;
use snowflake_tls_server::Tls;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::support::*;

/// A broker with a certificate for `broker`, and what clients need to trust it.
pub(crate) async fn start(config: Config) -> (TestBroker, CertificateDer<'static>) {
    let folder = tempfile::tempdir().unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["broker".to_owned()])
        .unwrap()
        .self_signed(&key)
        .unwrap();
    let (cert_path, key_path) = (folder.path().join("cert"), folder.path().join("key"));
    std::fs::write(&cert_path, certificate.pem()).unwrap();
    std::fs::write(&key_path, key.serialize_pem()).unwrap();
    let tls = Some(Tls::from_files(&cert_path, &key_path, &ALPN).unwrap());
    (TestBroker::with(Config { tls, ..config }).await, certificate.der().clone())
}

async fn connect(
    broker: &TestBroker,
    certificate: &CertificateDer<'static>,
    alpn: &[u8],
) -> TlsStream<TcpStream> {
    connect_over(TcpStream::connect(broker.addr).await.unwrap(), certificate, alpn).await
}

/// TLS with the broker at the end of this connection.
pub(crate) async fn connect_over(
    stream: TcpStream,
    certificate: &CertificateDer<'static>,
    alpn: &[u8],
) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![alpn.to_vec()];
    TlsConnector::from(Arc::new(config))
        .connect(ServerName::try_from("broker").unwrap(), stream)
        .await
        .unwrap()
}

async fn connect_h2(
    broker: &TestBroker,
    certificate: &CertificateDer<'static>,
) -> SendRequest<Full<Bytes>> {
    h2_over(connect(broker, certificate, b"h2").await).await
}

pub(crate) async fn h2_over(stream: TlsStream<TcpStream>) -> SendRequest<Full<Bytes>> {
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
    let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

pub(crate) async fn post(
    mut sender: SendRequest<Full<Bytes>>,
    path: &'static str,
    body: Vec<u8>,
) -> Reply {
    let request = Request::post(format!("https://broker{path}")).body(Full::from(body)).unwrap();
    let response = sender.send_request(request).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    Reply { status, head: String::new(), body: String::from_utf8(body.to_vec()).unwrap() }
}

async fn available(sender: &SendRequest<Full<Bytes>>) -> bool {
    let page = post(sender.clone(), "/debug", Vec::new()).await.body;
    page.starts_with("current snowflakes available: 1\n")
}

async fn until_available(sender: &SendRequest<Full<Bytes>>, wanted: bool) {
    let reached = async {
        while available(sender).await != wanted {
            sleep(PAUSE).await;
        }
    };
    timeout(PATIENCE, reached).await.expect("the pool changes");
}

#[tokio::test]
async fn rendezvous_over_http1() {
    let (broker, certificate) = start(config()).await;
    let mut proxy = Connection(connect(&broker, &certificate, b"http/1.1").await);
    let mut client = Connection(connect(&broker, &certificate, b"http/1.1").await);
    client.post("/client", client_poll().encode()).await;
    assert_eq!(client.reply().await.body, error("no snowflake proxies currently available"));
    proxy.post("/proxy", proxy_poll("s").encode()).await;
    let sender = connect_h2(&broker, &certificate).await;
    until_available(&sender, true).await;
    client.post("/client", client_poll().encode()).await;
    assert!(proxy.reply().await.is_match());
    proxy.post("/answer", proxy_answer("s")).await;
    assert_eq!(proxy.reply().await.body, r#"{"Status":"success"}"#);
    assert_eq!(client.reply().await.body, ClientPollResponse::Answer(answer()).encode());
}

#[tokio::test]
async fn rendezvous_over_one_http2_connection() {
    let (broker, certificate) = start(config()).await;
    let sender = connect_h2(&broker, &certificate).await;
    let proxy = tokio::spawn(post(sender.clone(), "/proxy", proxy_poll("s").encode().into_bytes()));
    until_available(&sender, true).await;
    let client = tokio::spawn(post(sender.clone(), "/client", client_poll().encode()));
    assert!(proxy.await.unwrap().is_match());
    let accepted = post(sender.clone(), "/answer", proxy_answer("s").into_bytes()).await;
    assert_eq!(accepted.body, r#"{"Status":"success"}"#);
    assert_eq!(client.await.unwrap().body, ClientPollResponse::Answer(answer()).encode());
    let too_long = post(sender.clone(), "/client", vec![b' '; 100_001]).await;
    assert_eq!(too_long.status, StatusCode::BAD_REQUEST);
    drop(sender);
    broker.stop().await;
}

#[tokio::test]
async fn a_cancelled_http2_stream_leaves_the_pool() {
    let (broker, certificate) = start(config()).await;
    let sender = connect_h2(&broker, &certificate).await;
    let proxy = tokio::spawn(post(sender.clone(), "/proxy", proxy_poll("s").encode().into_bytes()));
    until_available(&sender, true).await;
    let before = tokio::time::Instant::now();
    proxy.abort();
    until_available(&sender, false).await;
    assert!(before.elapsed() < Duration::from_secs(5), "at once, not when the poll's time is up");
}

#[tokio::test]
async fn a_handshake_that_never_comes_is_cut_off() {
    let mut config = config();
    config.limits.tls_handshake = Duration::from_millis(50);
    let (broker, _) = start(config).await;
    let mut silent = broker.open().await;
    let mut bytes = Vec::new();
    timeout(PATIENCE, silent.0.read_to_end(&mut bytes)).await.expect("the broker closes").unwrap();
    assert!(bytes.is_empty());
}

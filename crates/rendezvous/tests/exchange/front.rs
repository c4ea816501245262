//! A front on loopback that says what it saw.

use std::{convert::Infallible, future::pending, sync::Arc};

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
use snowflake_rendezvous::tls;
use tokio::{net::TcpListener, sync::Notify, task::JoinHandle};
use tokio_rustls::TlsAcceptor;

/// What a front saw of one request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) sni: Option<String>,
    pub(crate) protocol: Option<Vec<u8>>,
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) authority: String,
    pub(crate) host: Option<String>,
    pub(crate) agent: Option<String>,
    pub(crate) body: Bytes,
}

pub(crate) struct Front {
    pub(crate) port: u16,
    pub(crate) trust: Arc<ClientConfig>,
    /// Told when a request has arrived.
    pub(crate) arrived: Arc<Notify>,
    pub(crate) serving: JoinHandle<Seen>,
}

/// A TLS server called `localhost` for one connection, which answers 200 with "answer".
pub(crate) async fn front(alpn: &[&[u8]]) -> Front {
    front_saying(alpn, "answer").await
}

/// The same, but with other words.
pub(crate) async fn front_saying(alpn: &[&[u8]], words: impl Into<Bytes>) -> Front {
    start(alpn, Some(words.into())).await
}

/// The same, but it never answers.
pub(crate) async fn silent_front(alpn: &[&[u8]]) -> Front {
    start(alpn, None).await
}

async fn start(alpn: &[&[u8]], answer: Option<Bytes>) -> Front {
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
    let serving = tokio::spawn(serve(listener, acceptor, arrived.clone(), answer));
    Front { port, trust: tls::with_roots(roots).unwrap(), arrived, serving }
}

async fn serve(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    arrived: Arc<Notify>,
    answer: Option<Bytes>,
) -> Seen {
    let (tcp, _) = listener.accept().await.unwrap();
    let stream = acceptor.accept(tcp).await.unwrap();
    let sni = stream.get_ref().1.server_name().map(str::to_owned);
    let protocol = stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
    let (requests, mut request) = tokio::sync::mpsc::channel(1);
    let service = service_fn(move |request: Request<Incoming>| {
        let (requests, arrived, answer) = (requests.clone(), arrived.clone(), answer.clone());
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            requests.try_send((head, body)).unwrap();
            arrived.notify_one();
            match answer {
                Some(answer) => Ok::<_, Infallible>(Response::new(Full::new(answer))),
                None => pending().await,
            }
        }
    });
    let io = TokioIo::new(stream);
    if protocol.as_deref() == Some(b"h2") {
        let _ = http2::Builder::new(TokioExecutor::new()).serve_connection(io, service).await;
    } else {
        let _ = http1::Builder::new().serve_connection(io, service).await;
    }
    let (head, body) = request.recv().await.unwrap();
    let text = |name| head.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    Seen {
        sni,
        protocol,
        method: head.method.to_string(),
        target: head.uri.path_and_query().unwrap().to_string(),
        authority: head.uri.authority().map(ToString::to_string).unwrap_or_default(),
        host: text(header::HOST),
        agent: text(header::USER_AGENT),
        body,
    }
}

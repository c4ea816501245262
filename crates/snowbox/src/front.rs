//! A TLS front before a broker, as content delivery networks are: the ClientHello names the front, or nobody, and the request
//! names the broker, in `Host` (HTTP/1.1) or `:authority` (HTTP/2).
//!
//! Whoever names something else is told so with status 421, as real ones do.

use std::{
    convert::Infallible,
    error::Error,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Request, Response, StatusCode,
    body::Incoming,
    client,
    header::HOST,
    http::request::Parts,
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

use crate::listener::{self, MAX_CONNECTIONS};

/// The broker's name.
pub const BROKER: &str = "broker.example";
/// The front's name, which every machine knows.
pub const FRONT: &str = "localhost";

/// HTTP/2 and HTTP/1.1 in TLS.
pub const HTTP2: &[u8] = b"h2";
/// As [`HTTP2`].
pub const HTTP1: &[u8] = b"http/1.1";

/// Largest body that is passed on, of requests and responses; both have less at a broker.
const MAX_BODY: usize = 100_000;

/// What a front wants of its clients.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// The name in the ClientHello; `None`: there must be none.
    pub server_name: Option<&'static str>,
    /// What is spoken within TLS, the best first.
    pub protocols: &'static [&'static [u8]],
}

impl Default for Plan {
    /// Its own name, and both versions of HTTP.
    fn default() -> Self {
        Self { server_name: Some(FRONT), protocols: &[HTTP2, HTTP1] }
    }
}

/// The requests that a front has had so far.
#[derive(Debug, Default)]
pub struct Seen {
    http1: AtomicUsize,
    http2: AtomicUsize,
    misdirected: AtomicUsize,
}

impl Seen {
    /// Passed on, in HTTP/1.1 and in HTTP/2.
    pub fn passed_on(&self) -> [usize; 2] {
        [&self.http1, &self.http2].map(|count| count.load(Relaxed))
    }

    /// Turned away for a name.
    pub fn misdirected(&self) -> usize {
        self.misdirected.load(Relaxed)
    }
}

/// A running front; it ends when this is dropped.
#[derive(Debug)]
pub struct Front {
    address: SocketAddr,
    certificate: CertificateDer<'static>,
    pem: String,
    seen: Arc<Seen>,
    _tasks: JoinSet<()>,
}

impl Front {
    /// Serves on a port of the loopback network, 64 connections at once, and passes on to the `broker`.
    ///
    /// # Errors
    /// When no port can be bound, or no certificate be made.
    pub async fn start(plan: Plan, broker: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (acceptor, certificate, pem) = identity(plan.protocols).map_err(io::Error::other)?;
        let seen = Arc::<Seen>::default();
        let desk = Arc::new(Desk { plan, broker, seen: seen.clone() });
        let mut tasks = JoinSet::new();
        tasks.spawn(listener::serve(listener, MAX_CONNECTIONS, move |tcp| {
            let (acceptor, desk) = (acceptor.clone(), desk.clone());
            // A client that is turned away, or breaks off, has lost its answer and nothing else.
            async move { drop(serve(tcp, acceptor, desk).await) }
        }));
        Ok(Self { address, certificate, pem, seen, _tasks: tasks })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// By whom it wants to be known: a certificate for [`FRONT`] that vouches for itself.
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// The same as a file has it.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// What it has had to do so far.
    pub fn seen(&self) -> &Seen {
        &self.seen
    }
}

type AnyError = Box<dyn Error + Send + Sync>;

fn identity(
    protocols: &[&[u8]],
) -> Result<(TlsAcceptor, CertificateDer<'static>, String), AnyError> {
    let key = rcgen::KeyPair::generate()?;
    let certificate = rcgen::CertificateParams::new(vec![FRONT.to_owned()])?.self_signed(&key)?;
    let (der, pem) = (certificate.der().clone(), certificate.pem());
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![der.clone()], key)?;
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    Ok((TlsAcceptor::from(Arc::new(config)), der, pem))
}

/// What all connections need.
struct Desk {
    plan: Plan,
    broker: SocketAddr,
    seen: Arc<Seen>,
}

async fn serve(tcp: TcpStream, acceptor: TlsAcceptor, desk: Arc<Desk>) -> Result<(), AnyError> {
    let stream = acceptor.accept(tcp).await?;
    let session = stream.get_ref().1;
    let is_named_well = session.server_name() == desk.plan.server_name;
    let is_http2 = session.alpn_protocol() == Some(HTTP2);
    let service = service_fn(move |request| {
        let desk = desk.clone();
        async move { Ok::<_, Infallible>(desk.answer(request, is_named_well, is_http2).await) }
    });
    let io = TokioIo::new(stream);
    if is_http2 {
        // Its tasks, one for each request, end with the connection.
        http2::Builder::new(TokioExecutor::new()).serve_connection(io, service).await?;
    } else {
        http1::Builder::new().serve_connection(io, service).await?;
    }
    Ok(())
}

impl Desk {
    async fn answer(
        &self,
        request: Request<Incoming>,
        is_named_well: bool,
        is_http2: bool,
    ) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        if !is_named_well || authority(&head) != Some(BROKER) {
            self.seen.misdirected.fetch_add(1, Relaxed);
            return only(StatusCode::MISDIRECTED_REQUEST);
        }
        let count = if is_http2 { &self.seen.http2 } else { &self.seen.http1 };
        count.fetch_add(1, Relaxed);
        self.pass_on(&head, body).await.unwrap_or_else(|_| only(StatusCode::BAD_GATEWAY))
    }

    async fn pass_on(
        &self,
        head: &Parts,
        body: Incoming,
    ) -> Result<Response<Full<Bytes>>, AnyError> {
        let body = Limited::new(body, MAX_BODY).collect().await?.to_bytes();
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        let request = Request::builder().method(&head.method).uri(path).header(HOST, BROKER);
        let request = request.body(Full::new(body))?;
        let tcp = TcpStream::connect(self.broker).await?;
        let (mut sender, connection) = client::conn::http1::handshake(TokioIo::new(tcp)).await?;
        let exchange = async {
            let (head, body) = sender.send_request(request).await?.into_parts();
            let body = Limited::new(body, MAX_BODY).collect().await?.to_bytes();
            Ok::<_, AnyError>((head.status, body))
        };
        let driving = async {
            // The exchange hears of its end.
            let _ = connection.await;
            std::future::pending::<Infallible>().await
        };
        let (status, body) = tokio::select! {
            answer = exchange => answer?,
            never = driving => match never {},
        };
        let mut response = Response::new(Full::new(body));
        *response.status_mut() = status;
        Ok(response)
    }
}

/// Whom a request is for.
fn authority(head: &Parts) -> Option<&str> {
    match head.uri.authority() {
        Some(authority) => Some(authority.as_str()),
        None => head.headers.get(HOST)?.to_str().ok(),
    }
}

fn only(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}

//! A server in this process, clients that reach it over WebSockets, and the log.

use std::{
    future::Future,
    io::{self, Write},
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::CertificateDer};
use snowflake_pt::{OrPort, OrPorts};
use snowflake_server::{Config as ServerConfig, Limits, Method, Transport};
use snowflake_session::{Config, Session, open};
use snowflake_tls_server::Tls;
use snowflake_turbotunnel::{ClientId, Dial, RedialConfig, RedialPacketConn};
use snowflake_websocket::{DialError, WebSocket, dial};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tracing::{Level, subscriber::DefaultGuard};
use url::Url;

use crate::tor::listen;

/// Longer than anything in these tests takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A test that hangs fails.
pub(crate) async fn in_time<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("it hangs")
}

/// A running server.
pub(crate) struct Rig {
    pub(crate) address: SocketAddr,
    shutdown: CancellationToken,
    task: AbortOnDropHandle<()>,
}

impl Rig {
    pub(crate) async fn start(or_port: OrPort) -> Self {
        Self::with_limits(or_port, Limits::default()).await
    }

    pub(crate) async fn with_limits(or_port: OrPort, limits: Limits) -> Self {
        Self::with(or_port, limits, None).await
    }

    /// That does TLS itself.
    pub(crate) async fn with_tls(or_port: OrPort, limits: Limits, tls: Tls) -> Self {
        Self::with(or_port, limits, Some(tls)).await
    }

    async fn with(or_port: OrPort, limits: Limits, tls: Option<Tls>) -> Self {
        let (socket, address) = listen().await;
        let shutdown = CancellationToken::new();
        let transport = Transport::new(ServerConfig { tls, limits }).unwrap();
        let method = Method { socket, transport, or_ports: OrPorts::new([or_port], None) };
        let server = snowflake_server::run(method, shutdown.clone());
        Self { address, shutdown, task: AbortOnDropHandle::new(tokio::spawn(server)) }
    }

    /// Ends the server, and waits until it has.
    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        in_time(self.task).await.unwrap();
    }

    pub(crate) async fn websocket(&self) -> WebSocket {
        in_time(dial(&url(self.address), None, tls(), PATIENCE)).await.unwrap()
    }
}

pub(crate) fn url(address: SocketAddr) -> Url {
    format!("ws://{address}/any/path").parse().unwrap()
}

pub(crate) fn tls() -> Arc<ClientConfig> {
    tls_with(RootCertStore::empty())
}

fn tls_with(roots: RootCertStore) -> Arc<ClientConfig> {
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap();
    config.with_root_certificates(roots).with_no_client_auth().into()
}

/// A client with its session.
pub(crate) struct Client {
    session: Session,
    _driver: AbortOnDropHandle<()>,
}

impl Client {
    pub(crate) fn new(proxies: Proxies) -> Self {
        Self::named(ClientId::random(), proxies)
    }

    pub(crate) fn named(id: ClientId, proxies: Proxies) -> Self {
        let conn = RedialPacketConn::new(id, proxies, RedialConfig::default());
        let (session, driver) = open(conn, &Config::client());
        let driver = async {
            driver.await;
        };
        Self { session, _driver: AbortOnDropHandle::new(tokio::spawn(driver)) }
    }

    pub(crate) fn stream(&self) -> snowflake_session::Stream {
        self.session.open_stream().unwrap()
    }
}

/// Where a client finds its carriers.
pub(crate) struct Proxies {
    url: Url,
    tls: Arc<ClientConfig>,
    client_ip: Option<IpAddr>,
    /// What all but the first of them say instead.
    moved_to: Option<IpAddr>,
    /// Bytes that a carrier brings to the client before it dies.
    lifetime: usize,
    used: Arc<AtomicUsize>,
}

impl Proxies {
    pub(crate) fn of(address: SocketAddr) -> Self {
        let used = Arc::default();
        Self {
            url: url(address),
            tls: tls(),
            client_ip: None,
            moved_to: None,
            lifetime: usize::MAX,
            used,
        }
    }

    /// Whose proxies speak TLS and believe this certificate.
    pub(crate) fn over_tls(address: SocketAddr, certificate: CertificateDer<'static>) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(certificate).unwrap();
        let url = format!("wss://{address}/").parse().unwrap();
        Self { url, tls: tls_with(roots), ..Self::of(address) }
    }

    /// Whose proxies say that this is the client's address.
    pub(crate) fn with_client_ip(mut self, address: &str) -> Self {
        self.client_ip = Some(address.parse().unwrap());
        self
    }

    /// Of which all but the first say that the client has moved there.
    pub(crate) fn moving_to(mut self, address: &str) -> Self {
        self.moved_to = Some(address.parse().unwrap());
        self
    }

    /// How many of them were used.
    pub(crate) fn count(&self) -> Arc<AtomicUsize> {
        self.used.clone()
    }

    /// Which die after so many bytes; counts them.
    pub(crate) fn dying_after(mut self, bytes: usize) -> (Self, Arc<AtomicUsize>) {
        self.lifetime = bytes;
        let used = self.count();
        (self, used)
    }
}

impl Dial for Proxies {
    type Carrier = Mortal;
    type Error = DialError;

    async fn dial(&self, preamble: Bytes) -> Result<Mortal, DialError> {
        let has_moved = self.used.load(Ordering::Relaxed) > 0;
        let client_ip = self.moved_to.filter(|_| has_moved).or(self.client_ip);
        let mut inner = dial(&self.url, client_ip, self.tls.clone(), PATIENCE).await?;
        inner.send(preamble).await.map_err(DialError::Handshake)?;
        self.used.fetch_add(1, Ordering::Relaxed);
        Ok(Mortal { inner, left: self.lifetime })
    }
}

/// A WebSocket that is cut, without a word to the server, after some bytes.
pub(crate) struct Mortal {
    inner: WebSocket,
    left: usize,
}

impl Stream for Mortal {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let item = ready!(self.inner.poll_next_unpin(cx));
        let Some(Ok(bytes)) = &item else { return Poll::Ready(item) };
        match self.left.checked_sub(bytes.len()) {
            Some(left) => {
                self.left = left;
                Poll::Ready(item)
            }
            None => Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into()))),
        }
    }
}

impl Sink<Bytes> for Mortal {
    type Error = io::Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner.poll_ready_unpin(cx)
    }
    fn start_send(mut self: Pin<&mut Self>, bytes: Bytes) -> io::Result<()> {
        self.inner.start_send_unpin(bytes)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner.poll_flush_unpin(cx)
    }
    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// What this thread logs, from `debug` on. A test with it runs everything on its own thread.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub(crate) fn capture() -> (Self, DefaultGuard) {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_max_level(Level::DEBUG)
            .with_writer(move || writer.clone())
            .finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    /// The lines of the server itself.
    pub(crate) fn lines(&self) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines()
            .filter_map(|line| line.split_once("snowflake_server::"))
            .map(|(_, line)| line.to_owned())
            .collect()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

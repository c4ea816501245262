//! The whole stack for one connection: the one file that names every layer.

use crate::error::DialError;
use crate::lines;
use crate::meter::Meter;
use crate::progress::Progress;
use crate::proxies::Proxies;
use crate::settings::Settings;
use crate::{AttemptError, Shared};
use snowflake_session::{Config, PacedSocket, Session, SessionEnd, Stream, open};
use snowflake_turbotunnel::{ClientId, MultiplexingConfig, MultiplexingPacketConn};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_util::task::AbortOnDropHandle;

/// A byte stream to the bridge, over as many proxies at once as the settings say, and others when those die.
///
/// It is a session with a ClientId of its own, which no other connection shares. What is written waits, as far as there is
/// room, until there is a proxy; no end of a proxy is seen here. Reading and writing fail when the session is over: the
/// bridge ended it, or was silent for minutes. `shutdown` ends our direction, `flush` does nothing.
///
/// Dropping it ends the session and its proxies at once, and nothing of them is left; [`close`](Self::close) lets the bridge
/// know first.
#[derive(Debug)]
pub struct Connection {
    stream: Stream,
    session: Session,
    driver: AbortOnDropHandle<SessionEnd>,
    meter: Arc<Meter>,
    progress: Arc<Progress>,
}

impl Connection {
    /// Begins a session, and looks for its first proxy.
    pub(crate) fn open(settings: Arc<Settings>, shared: &Shared) -> Result<Self, DialError> {
        let mut config = Config::client();
        config.multiplex.wanted = settings.max;
        let (meter, progress) = (Arc::<Meter>::default(), Arc::<Progress>::default());
        let proxies = Proxies::new(settings, shared, meter.clone(), progress.clone());
        let packets = MultiplexingConfig::default();
        let conn = MultiplexingPacketConn::new(ClientId::random(), proxies, packets);
        let (session, driver) = open(conn, &config);
        let stream = session.open_stream().map_err(DialError::Open)?;
        Ok(Self {
            stream,
            session,
            driver: AbortOnDropHandle::new(tokio::spawn(driver)),
            meter,
            progress,
        })
    }

    /// Waits for the first proxy; from then on it is done at once.
    ///
    /// There is no limit but the caller's: proxies are looked for as long as this lives.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    pub async fn connected(&self) {
        self.progress.connected().await;
    }

    /// Proxies that carry it now.
    pub fn proxies(&self) -> usize {
        self.meter.proxies()
    }

    /// What the last attempt that failed failed of.
    pub fn last_failure(&self) -> Option<Arc<AttemptError>> {
        self.progress.last_failure()
    }

    /// The socket whose bytes will go through this, read no faster than they can be sent.
    pub(crate) fn paced(&self, socket: TcpStream) -> PacedSocket {
        PacedSocket::new(socket, &self.stream)
    }

    /// Ends the stream and the session, and waits until what was written has arrived and the bridge has been told, at most
    /// [`LINGER`](snowflake_session::LINGER).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends what is left at once.
    pub async fn close(self) {
        let Self { stream, session, driver, .. } = self;
        lines::end_collecting();
        drop((stream, session));
        match driver.await {
            Ok(end) => tracing::debug!(%end, "a session is over"),
            Err(error) => tracing::error!(%error, "a session's driver failed"),
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

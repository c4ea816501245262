//! The whole stack for one connection: the one file that names every layer.

use crate::lines;
use crate::meter::Meter;
use crate::proxies::Proxies;
use crate::{Events, Nat, Settings};
use snowflake_session::{Config, OpenError, PacedSocket, Session, SessionEnd, Stream, open};
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
/// It is usable at once: what is written waits until the first proxy is found. Dropping it ends the session and its
/// proxies at once; [`close`](Self::close) lets the bridge know first.
#[derive(Debug)]
pub struct Tunnel {
    stream: Stream,
    session: Session,
    driver: AbortOnDropHandle<SessionEnd>,
}

impl Tunnel {
    /// Begins a session with a ClientId of its own. Must be called within a tokio runtime.
    ///
    /// Sessions that are given the same `nat` learn about it from each other.
    ///
    /// # Errors
    ///
    /// [`OpenError`], which a new session does not give.
    pub fn open(settings: Settings, nat: Nat, events: Events) -> Result<Self, OpenError> {
        let mut config = Config::client();
        config.multiplex.wanted = settings.max;
        let meter = Arc::<Meter>::default();
        let conn = MultiplexingPacketConn::new(
            ClientId::random(),
            Proxies::new(settings, nat, events, meter),
            MultiplexingConfig::default(),
        );
        let (session, driver) = open(conn, &config);
        let stream = session.open_stream()?;
        Ok(Self {
            stream,
            session,
            driver: AbortOnDropHandle::new(tokio::spawn(driver)),
        })
    }

    /// The socket whose bytes will go through this, read no faster than they can be sent.
    pub fn paced(&self, socket: TcpStream) -> PacedSocket {
        PacedSocket::new(socket, &self.stream)
    }

    /// Ends the stream and the session, and waits until the bridge has been told, at most
    /// [`LINGER`](snowflake_session::LINGER).
    pub async fn close(self) {
        let Self { stream, session, driver } = self;
        lines::end_collecting();
        drop((stream, session));
        match driver.await {
            Ok(end) => tracing::debug!(%end, "a session is over"),
            Err(error) => tracing::error!(%error, "a session's driver failed"),
        }
    }
}

impl AsyncRead for Tunnel {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Tunnel {
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

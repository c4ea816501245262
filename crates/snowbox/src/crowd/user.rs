//! One user: a client's session, and a stream of it.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use snowflake_session::{Config, Session, SessionEnd, Stream, open};
use snowflake_turbotunnel::{ClientId, MultiplexingConfig, MultiplexingPacketConn};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio_util::task::AbortOnDropHandle;

use super::door::Entrance;

/// What a user says first, and the far end says back.
pub(crate) const HELLO: u8 = b'!';

/// A user: bytes to the far end and back. Dropping it ends the session without a word to the server.
#[derive(Debug)]
pub struct User {
    stream: Stream,
    _session: Session,
    _driver: AbortOnDropHandle<SessionEnd>,
}

impl User {
    /// Begins a session with the settings of the client, and opens a stream.
    ///
    /// # Errors
    /// When the session allows no stream, which a new one does.
    pub(crate) fn begin(entrance: Entrance) -> io::Result<Self> {
        let conn = MultiplexingPacketConn::new(
            ClientId::random(),
            entrance,
            MultiplexingConfig::default(),
        );
        let (session, driver) = open(conn, &Config::client());
        let stream = session.open_stream().map_err(io::Error::other)?;
        let driver = AbortOnDropHandle::new(tokio::spawn(driver));
        Ok(Self { stream, _session: session, _driver: driver })
    }
}

/// Sends a byte, and waits until the far end has sent it back.
///
/// # Errors
/// When the stream breaks, or the answer is another one.
pub(crate) async fn hello(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> io::Result<()> {
    stream.write_all(&[HELLO]).await?;
    match stream.read_u8().await? {
        HELLO => Ok(()),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

impl AsyncRead for User {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for User {
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

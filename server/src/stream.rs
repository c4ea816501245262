//! One stream of a client.

use std::{
    io,
    net::IpAddr,
    pin::Pin,
    task::{Context, Poll},
};

use snowflake_safelog::Sensitive;
use snowflake_session::PacedSocket;
use snowflake_turbotunnel::ClientId;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::OwnedSemaphorePermit,
};

/// A reliable byte stream with a client, in both directions, over whichever proxies it has.
///
/// `shutdown` ends our direction after what was written, reading goes on; `flush` does nothing, for written bytes leave by
/// themselves. Dropping it gives up both directions; what was written before is still delivered, unless the listener stops.
///
/// # Errors
///
/// When the session is over, reads give what had arrived and then fail, and writes fail at once. The loss of a proxy is no
/// error.
///
/// # Cancel safety
///
/// As of `AsyncRead` and `AsyncWrite`: what `poll_read` returned is consumed, what `poll_write` took will be sent.
#[derive(Debug)]
pub struct Stream {
    inner: snowflake_session::Stream,
    client: ClientId,
    address: Sensitive<Option<IpAddr>>,
    /// One of as many as there may be, given back after the stream.
    _place: OwnedSemaphorePermit,
}

impl Stream {
    pub(crate) fn new(
        inner: snowflake_session::Stream,
        client: ClientId,
        address: Option<IpAddr>,
        place: OwnedSemaphorePermit,
    ) -> Self {
        Self { inner, client, address: Sensitive::new(address), _place: place }
    }

    /// Whose it is: the same for all streams of a session. It must not get into a log: whoever knows it can pretend to bring
    /// carriers of that session.
    pub const fn client(&self) -> ClientId {
        self.client
    }

    /// Where the client was when the stream was accepted, as its newest proxy said of those that have brought something
    /// of its session; `None` if none of them named an address. A proxy can name any.
    pub fn client_address(&self) -> Option<IpAddr> {
        *self.address.get()
    }

    /// A socket of which no more is read than this stream sends at once, so that what is written to it later, and may be
    /// more urgent, finds no long queue before it.
    ///
    /// For whoever copies between the two: `copy_bidirectional(&mut stream, &mut stream.paced(socket))`.
    pub fn paced(&self, socket: TcpStream) -> PacedSocket {
        PacedSocket::new(socket, &self.inner)
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

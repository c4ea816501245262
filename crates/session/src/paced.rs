//! A socket that is read no faster than a stream can send.

use crate::Stream;
use crate::core::Shared;
use snowflake_smux::StreamId;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A socket of tor's, of which only as much is read as a stream takes at once.
///
/// What was read and cannot be sent yet would wait here, and whatever tor writes later behind it. What is not read tor
/// keeps, and can still choose what goes first. Reading ends only with the socket: when the stream is over, writing to it
/// says so.
#[derive(Debug)]
pub struct PacedSocket {
    socket: TcpStream,
    shared: Shared,
    id: StreamId,
}

impl PacedSocket {
    /// The socket whose bytes go to `stream`.
    pub fn new(socket: TcpStream, stream: &Stream) -> Self {
        let (shared, id) = stream.parts();
        Self { socket, shared, id }
    }

    /// How much the stream takes; pending while that is nothing.
    fn poll_room(&self, cx: &Context<'_>) -> Poll<usize> {
        let mut core = self.shared.lock();
        let room = core.smux.room(self.id).unwrap_or(usize::MAX);
        if room == 0 && core.end.is_none() {
            core.wait_to_write(self.id, cx.waker());
            return Poll::Pending;
        }
        Poll::Ready(room.max(1))
    }
}

impl AsyncRead for PacedSocket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let room = ready!(self.poll_room(cx)).min(buf.remaining());
        let mut part = ReadBuf::new(buf.initialize_unfilled_to(room));
        ready!(Pin::new(&mut self.socket).poll_read(cx, &mut part))?;
        let read = part.filled().len();
        buf.advance(read);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for PacedSocket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

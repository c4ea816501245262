//! A socket that is read no faster than a stream can send.

use crate::Stream;
use crate::config::{FAST_SOCKET, SEND_BUFFER};
use crate::core::Shared;
use snowflake_smux::StreamId;
use socket2::SockRef;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A socket of tor's, of which only as much is read as a stream takes at once, and which keeps little ahead.
///
/// What was read, or waits in the socket, and cannot be sent yet is ahead of whatever tor writes later: the usual 128
/// KiB of a socket are a second at 1 Mbit/s. What the socket does not take tor keeps, and can still choose what goes
/// first. So it should come with a small receive buffer, as those of `snowflake-pt` do; here it only grows, once, when
/// the session is fast.
///
/// Reading ends only with the socket: when the stream is over, writing to it says so.
#[derive(Debug)]
pub struct PacedSocket {
    socket: TcpStream,
    shared: Shared,
    id: StreamId,
    is_fast: bool,
}

impl PacedSocket {
    /// The socket whose bytes go to `stream`.
    pub fn new(socket: TcpStream, stream: &Stream) -> Self {
        let (shared, id) = stream.parts();
        Self { socket, shared, id, is_fast: false }
    }

    /// How much the stream takes; pending while that is nothing.
    fn poll_room(&mut self, cx: &Context<'_>) -> Poll<usize> {
        let mut core = self.shared.lock();
        let room = core.smux.room(self.id).unwrap_or(usize::MAX);
        if room == 0 && core.end.is_none() {
            core.wait_to_write(self.id, cx.waker());
            return Poll::Pending;
        }
        let is_fast = core.send_buffer >= SEND_BUFFER[1];
        drop(core);
        if is_fast && !self.is_fast {
            self.grow();
        }
        Poll::Ready(room.max(1))
    }

    /// Lets the socket keep more ahead in a fast session, where that is no delay and saves wake-ups.
    ///
    /// It is not taken back, not even when the session becomes slow: the system drops what a shrunk buffer has promised
    /// to take. A socket that refuses keeps what it has.
    fn grow(&mut self) {
        self.is_fast = true;
        let _ = SockRef::from(&self.socket).set_recv_buffer_size(FAST_SOCKET);
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

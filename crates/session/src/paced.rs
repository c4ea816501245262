//! A socket that is read no faster than a stream can send.

use crate::Stream;
use crate::config::{MAX_SEND_BUFFER, SOCKET_BUFFER};
use crate::core::Shared;
use snowflake_smux::StreamId;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A socket of tor's, of which only as much is read as a stream takes at once, and which keeps as little ahead.
///
/// What tor has written and cannot be sent yet would wait in the buffers of the socket, and whatever tor writes later
/// behind it: 128 KiB of them are a second at 1 Mbit/s. So the receive buffer is kept about as long as the stream's own,
/// tor keeps the rest, and can still choose what goes first. Reading ends only with the socket: when the stream is over,
/// writing to it says so.
#[derive(Debug)]
pub struct PacedSocket {
    socket: TcpStream,
    shared: Shared,
    id: StreamId,
    /// What the receive buffer was last set to; 0 before that.
    buffer: usize,
}

impl PacedSocket {
    /// The socket whose bytes go to `stream`.
    pub fn new(socket: TcpStream, stream: &Stream) -> Self {
        let (shared, id) = stream.parts();
        Self { socket, shared, id, buffer: 0 }
    }

    /// How much the stream takes; pending while that is nothing.
    fn poll_room(&mut self, cx: &Context<'_>) -> Poll<usize> {
        let mut core = self.shared.lock();
        let room = core.smux.room(self.id).unwrap_or(usize::MAX);
        if room == 0 && core.end.is_none() {
            core.wait_to_write(self.id, cx.waker());
            return Poll::Pending;
        }
        let buffer = core.smux.send_buffer();
        drop(core);
        self.follow(buffer);
        Poll::Ready(room.max(1))
    }

    /// Makes the receive buffer about as long as the stream's. It need not be exact, so it is not changed by less than a
    /// factor of two. A socket that refuses keeps what it has.
    fn follow(&mut self, stream_buffer: usize) {
        let wanted = if stream_buffer < MAX_SEND_BUFFER { stream_buffer } else { SOCKET_BUFFER };
        if wanted >= self.buffer * 2 || wanted <= self.buffer / 2 {
            self.buffer = wanted;
            let _ = socket2::SockRef::from(&self.socket).set_recv_buffer_size(wanted);
        }
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

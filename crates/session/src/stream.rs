//! One stream of a session.

use crate::core::{Core, Shared, wake};
use snowflake_smux::{Read, StreamError, StreamId};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A reliable byte stream through the session, in both directions.
///
/// `shutdown` ends the sending direction after what was written (FIN); reading goes on. Dropping it gives up both
/// directions; what was written before is still delivered. `flush` does nothing: written bytes leave by themselves.
///
/// # Errors
///
/// When the session is over, reads return what had arrived and then an error that names the
/// [`SessionEnd`](crate::SessionEnd); writes fail at once.
///
/// # Cancel safety
///
/// As of `AsyncRead` and `AsyncWrite`: what `poll_read` returned is consumed, what `poll_write` took will be sent.
#[derive(Debug)]
pub struct Stream {
    shared: Shared,
    id: StreamId,
    /// The peer has finished and everything was read.
    ended: bool,
}

impl Stream {
    pub(crate) fn new(shared: &Shared, id: StreamId) -> Self {
        Self { shared: shared.acquire(), id, ended: false }
    }

    /// For those who look at the stream and do not keep it alive.
    pub(crate) fn parts(&self) -> (Shared, StreamId) {
        (self.shared.clone(), self.id)
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.ended || buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let id = self.id;
        let mut core = self.shared.lock();
        let before = buf.remaining();
        let finished = loop {
            match core.smux.read(id, buf.remaining()) {
                Ok(Read::Data(bytes)) => {
                    buf.put_slice(&bytes);
                    if buf.remaining() == 0 {
                        break false;
                    }
                }
                Ok(Read::Finished) => break true,
                Ok(Read::Pending) => break false,
                Err(_) if buf.remaining() < before => break false,
                Err(error) => return Poll::Ready(Err(io_error(&core, error))),
            }
        };
        if buf.remaining() < before {
            // What was read may have made room for the peer, which it has to be told.
            let driver = core.take_driver();
            drop(core);
            wake(driver);
        } else if !finished {
            if let Some(end) = core.end {
                return Poll::Ready(Err(end.to_io()));
            }
            core.wait_to_read(id, cx.waker());
            return Poll::Pending;
        } else {
            drop(core);
        }
        self.ended = finished;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut core = self.shared.lock();
        if let Some(end) = core.end {
            return Poll::Ready(Err(end.to_io()));
        }
        match core.smux.write(self.id, data) {
            Ok(0) if !data.is_empty() => {
                core.wait_to_write(self.id, cx.waker());
                Poll::Pending
            }
            Ok(written) => {
                let driver = core.take_driver();
                drop(core);
                wake(driver);
                Poll::Ready(Ok(written))
            }
            Err(error) => Poll::Ready(Err(io_error(&core, error))),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut core = self.shared.lock();
        if let Some(end) = core.end {
            return Poll::Ready(Err(end.to_io()));
        }
        // That the stream has ended both ways already is what was asked for.
        let result = match core.smux.finish(self.id) {
            Ok(()) | Err(StreamError::Unknown(_)) => Ok(()),
            Err(error) => Err(io_error(&core, error)),
        };
        let driver = core.take_driver();
        drop(core);
        wake(driver);
        Poll::Ready(result)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.shared.lock().close_stream(self.id);
        self.shared.release();
    }
}

fn io_error(core: &Core, error: StreamError) -> io::Error {
    if let Some(end) = core.end {
        return end.to_io();
    }
    let kind = match error {
        StreamError::Unknown(_) | StreamError::Finished(_) => io::ErrorKind::BrokenPipe,
        StreamError::PeerMisbehaved(_) => io::ErrorKind::InvalidData,
        StreamError::SessionOver(_) => io::ErrorKind::ConnectionReset,
    };
    io::Error::new(kind, error)
}

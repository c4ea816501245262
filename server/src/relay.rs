//! Copies bytes both ways between a stream and tor.

use std::{
    future::poll_fn,
    io,
    mem::MaybeUninit,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep},
};

use crate::limits::{CHUNKS_PER_TURN, COPY_CHUNK};

/// Copies until both directions have ended, or one has and the other stands still for `half_closed_idle`.
///
/// The end of what one side sends is passed on as the end of what the other receives, after all bytes; the opposite
/// direction goes on. Bytes are read into the stack and only what the other side does not take at once is kept, so that
/// an idle relay holds no buffer. Neither side is flushed: both must send what they took by themselves.
///
/// # Errors
///
/// The first failure of either side. That the other direction stood still is none.
///
/// # Cancel safety
///
/// Dropping the future drops both sides.
pub(crate) async fn relay<A, B>(mut a: A, mut b: B, half_closed_idle: Duration) -> io::Result<()>
where
    A: AsyncRead + AsyncWrite + Unpin,
    B: AsyncRead + AsyncWrite + Unpin,
{
    let (mut up, mut down) = (Direction::default(), Direction::default());
    let mut standstill: Option<Pin<Box<Sleep>>> = None;
    poll_fn(|cx| {
        let up_done = up.poll_copy(cx, &mut a, &mut b)?.is_ready();
        let down_done = down.poll_copy(cx, &mut b, &mut a)?.is_ready();
        if up_done && down_done {
            return Poll::Ready(Ok(()));
        }
        let moved = std::mem::take(&mut up.moved) | std::mem::take(&mut down.moved);
        if !up_done && !down_done {
            return Poll::Pending;
        }
        let timer = standstill.get_or_insert_with(|| Box::pin(sleep(half_closed_idle)));
        if moved {
            timer.as_mut().reset(Instant::now() + half_closed_idle);
        }
        timer.as_mut().poll(cx).map(Ok)
    })
    .await
}

/// One direction.
#[derive(Debug, Default)]
struct Direction {
    stage: Stage,
    /// What was read and not yet written, from `written` on. Without memory of its own while it is empty.
    pending: Vec<u8>,
    written: usize,
    /// Bytes were written since somebody last looked.
    moved: bool,
}

#[derive(Clone, Copy, Debug, Default)]
enum Stage {
    #[default]
    Copying,
    /// The reader has ended; the writer has to be told.
    Ending,
    Ended,
}

impl Direction {
    /// Ready when the direction has ended.
    fn poll_copy(
        &mut self,
        cx: &mut Context<'_>,
        reader: &mut (impl AsyncRead + Unpin),
        writer: &mut (impl AsyncWrite + Unpin),
    ) -> Poll<io::Result<()>> {
        for _ in 0..CHUNKS_PER_TURN {
            match self.stage {
                Stage::Copying => {
                    ready!(self.poll_drain(cx, writer))?;
                    ready!(self.poll_chunk(cx, reader, writer))?;
                }
                Stage::Ending => {
                    ready!(self.poll_drain(cx, writer))?;
                    ready!(Pin::new(&mut *writer).poll_shutdown(cx))?;
                    self.stage = Stage::Ended;
                }
                Stage::Ended => return Poll::Ready(Ok(())),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Reads once, and writes as much of it as the writer takes.
    fn poll_chunk(
        &mut self,
        cx: &mut Context<'_>,
        reader: &mut (impl AsyncRead + Unpin),
        writer: &mut (impl AsyncWrite + Unpin),
    ) -> Poll<io::Result<()>> {
        let mut chunk = [MaybeUninit::uninit(); COPY_CHUNK];
        let mut chunk = ReadBuf::uninit(&mut chunk);
        ready!(Pin::new(reader).poll_read(cx, &mut chunk))?;
        let mut rest = chunk.filled();
        if rest.is_empty() {
            self.stage = Stage::Ending;
        }
        while !rest.is_empty() {
            let Poll::Ready(taken) = poll_write_some(cx, writer, rest)? else {
                self.pending = rest.to_vec();
                return Poll::Pending;
            };
            self.moved = true;
            rest = &rest[taken..];
        }
        Poll::Ready(Ok(()))
    }

    /// Writes what is pending, and gives its memory back.
    fn poll_drain(
        &mut self,
        cx: &mut Context<'_>,
        writer: &mut (impl AsyncWrite + Unpin),
    ) -> Poll<io::Result<()>> {
        while self.written < self.pending.len() {
            self.written += ready!(poll_write_some(cx, writer, &self.pending[self.written..]))?;
            self.moved = true;
        }
        self.pending = Vec::new();
        self.written = 0;
        Poll::Ready(Ok(()))
    }
}

/// Writes at least one byte.
fn poll_write_some(
    cx: &mut Context<'_>,
    writer: &mut (impl AsyncWrite + Unpin),
    bytes: &[u8],
) -> Poll<io::Result<usize>> {
    match ready!(Pin::new(writer).poll_write(cx, bytes))? {
        0 => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
        taken => Poll::Ready(Ok(taken)),
    }
}

#[cfg(test)]
mod tests;

//! A peer that says nothing is asked, and given up when it does not answer.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep},
};

use crate::limits::{PING_AFTER, PONG_LIMIT};

/// A byte stream below a WebSocket: TCP, TLS over TCP, or a pipe in a test.
pub(crate) trait Transport: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Transport for T {}

/// A transport, of whatever kind, that remembers when something came out of it.
///
/// Bytes count and not frames: nothing can be sent in the middle of a long frame, so on a slow path the answer to a Ping
/// would come too late although the peer is there.
pub(crate) struct Heard {
    transport: Box<dyn Transport>,
    last: Instant,
}

impl Heard {
    pub(crate) fn new(transport: impl Transport + 'static) -> Self {
        Self { transport: Box::new(transport), last: Instant::now() }
    }

    /// When bytes were read last. They may have come before that, but not after it.
    pub(crate) fn last(&self) -> Instant {
        self.last
    }
}

impl AsyncRead for Heard {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let filled = buffer.filled().len();
        ready!(Pin::new(&mut self.transport).poll_read(cx, buffer))?;
        if buffer.filled().len() > filled {
            self.last = Instant::now();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Heard {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.transport).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.transport).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.transport).poll_shutdown(cx)
    }
}

/// What silence calls for.
pub(crate) enum Alarm {
    /// Send a Ping.
    Ask,
    /// The peer was asked, and [`PONG_LIMIT`] is over.
    GiveUp,
}

/// A Ping on its way into the transport.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ping {
    /// It waits for room in the write buffer.
    Due,
    /// It is in the write buffer.
    Buffered,
}

/// When to ask and when to give up. One timer, moved only when it fires: what comes in costs it nothing.
pub(crate) struct Silence {
    timer: Pin<Box<Sleep>>,
    asked: Option<Instant>,
}

impl Silence {
    pub(crate) fn new() -> Self {
        Self { timer: Box::pin(sleep(PING_AFTER)), asked: None }
    }

    /// Judges the peer, of whom bytes were read last at `heard`.
    ///
    /// Only to be called when a read has just found the transport empty. What the peer sent while nobody read is then
    /// taken into account, so our own back-pressure is never held against it.
    pub(crate) fn poll(&mut self, heard: Instant, cx: &mut Context<'_>) -> Poll<Alarm> {
        loop {
            ready!(self.timer.as_mut().poll(cx));
            self.asked = self.asked.filter(|asked| heard < *asked);
            let deadline = self.asked.map_or(heard + PING_AFTER, |asked| asked + PONG_LIMIT);
            let now = Instant::now();
            if now < deadline {
                self.timer.as_mut().reset(deadline);
            } else if self.asked.is_some() {
                return Poll::Ready(Alarm::GiveUp);
            } else {
                self.asked = Some(now);
                self.timer.as_mut().reset(now + PONG_LIMIT);
                return Poll::Ready(Alarm::Ask);
            }
        }
    }
}

//! Carriers with a bug.

use crate::pipe::Pipe;
use bytes::Bytes;
use futures_core::Stream;
use futures_sink::Sink;
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep};

/// Keeps every carrier for ever.
#[derive(Debug, Default)]
pub(crate) struct Keeper(Mutex<Vec<Kept>>);

/// A carrier that somebody else keeps, too.
#[derive(Clone, Debug)]
pub(crate) struct Kept(Arc<Mutex<Pipe>>);

impl Keeper {
    pub(crate) fn keep(&self, pipe: Pipe) -> Kept {
        let kept = Kept(Arc::new(Mutex::new(pipe)));
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(kept.clone());
        kept
    }
}

impl Kept {
    fn pipe(&self) -> MutexGuard<'_, Pipe> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stream for Kept {
    type Item = io::Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut *self.pipe()).poll_next(cx)
    }
}

impl Sink<Bytes> for Kept {
    type Error = io::Error;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.pipe()).poll_ready(cx)
    }

    fn start_send(self: Pin<&mut Self>, message: Bytes) -> io::Result<()> {
        Pin::new(&mut *self.pipe()).start_send(message)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.pipe()).poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.pipe()).poll_close(cx)
    }
}

/// A queue that all carriers of a server share, and the one task behind it that takes so many bytes a second.
#[derive(Clone, Debug)]
pub(crate) struct SharedQueue {
    rate: f64,
    busy_until: Arc<Mutex<Instant>>,
}

impl SharedQueue {
    pub(crate) fn new(rate: f64) -> Self {
        Self { rate, busy_until: Arc::new(Mutex::new(Instant::now())) }
    }

    /// When something of this size, added now, has been taken out.
    fn passed(&self, bytes: usize) -> Instant {
        let mut busy = self.busy_until.lock().unwrap_or_else(PoisonError::into_inner);
        *busy = (*busy).max(Instant::now()) + Duration::from_secs_f64(bytes as f64 / self.rate);
        *busy
    }
}

/// A carrier whose messages go through a [`SharedQueue`].
#[derive(Debug)]
pub(crate) struct Delayed {
    pipe: Pipe,
    queue: SharedQueue,
    waiting: VecDeque<(Instant, Option<io::Result<Bytes>>)>,
    is_over: bool,
    timer: Pin<Box<Sleep>>,
}

impl Delayed {
    pub(crate) fn new(pipe: Pipe, queue: SharedQueue) -> Self {
        let timer = Box::pin(sleep(Duration::ZERO));
        Self { pipe, queue, waiting: VecDeque::new(), is_over: false, timer }
    }
}

impl Stream for Delayed {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        while !self.is_over
            && let Poll::Ready(item) = Pin::new(&mut self.pipe).poll_next(cx)
        {
            self.is_over = !matches!(item, Some(Ok(_)));
            let bytes = item.as_ref().and_then(|item| item.as_ref().ok()).map_or(0, Bytes::len);
            let at = self.queue.passed(bytes);
            self.waiting.push_back((at, item));
        }
        let Some((at, _)) = self.waiting.front() else { return Poll::Pending };
        let at = *at;
        self.timer.as_mut().reset(at);
        ready!(self.timer.as_mut().poll(cx));
        Poll::Ready(self.waiting.pop_front().and_then(|(_, item)| item))
    }
}

impl Sink<Bytes> for Delayed {
    type Error = io::Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_ready(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, message: Bytes) -> io::Result<()> {
        Pin::new(&mut self.pipe).start_send(message)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_close(cx)
    }
}

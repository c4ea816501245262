//! How many proxies a session has, and how much goes through them.

use crate::lines;
use crate::timers::TRAFFIC_INTERVAL;
use bytes::Bytes;
use futures_util::{Sink, Stream, StreamExt};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use tokio::time::Instant;
use tracing::{Level, enabled};

/// What one session's proxies add up to.
#[derive(Debug)]
pub(crate) struct Meter {
    proxies: AtomicUsize,
    inbound: AtomicU64,
    outbound: AtomicU64,
    messages: AtomicU64,
    sends: AtomicU64,
    began: Instant,
    /// Milliseconds after the beginning at which the next line about traffic is due.
    due: AtomicU64,
}

impl Default for Meter {
    fn default() -> Self {
        Self {
            proxies: AtomicUsize::default(),
            inbound: AtomicU64::default(),
            outbound: AtomicU64::default(),
            messages: AtomicU64::default(),
            sends: AtomicU64::default(),
            began: Instant::now(),
            due: AtomicU64::new(TRAFFIC_INTERVAL.as_millis() as u64),
        }
    }
}

impl Meter {
    /// Proxies that there are now.
    pub(crate) fn proxies(&self) -> usize {
        self.proxies.load(Relaxed)
    }

    fn received(&self, bytes: usize) {
        self.inbound.fetch_add(bytes as u64, Relaxed);
        self.messages.fetch_add(1, Relaxed);
        self.log_traffic();
    }

    fn sent(&self, bytes: usize) {
        self.outbound.fetch_add(bytes as u64, Relaxed);
        self.sends.fetch_add(1, Relaxed);
        self.log_traffic();
    }

    /// Logs what went through since the last line if that was [`TRAFFIC_INTERVAL`] ago. The traffic itself asks for it, so
    /// that nothing wakes up for a line about nothing.
    fn log_traffic(&self) {
        if !enabled!(Level::INFO) {
            return;
        }
        let (now, due) = (self.began.elapsed().as_millis() as u64, self.due.load(Relaxed));
        let next = now + TRAFFIC_INTERVAL.as_millis() as u64;
        if now < due || self.due.compare_exchange(due, next, Relaxed, Relaxed).is_err() {
            return;
        }
        let take = |count: &AtomicU64| count.swap(0, Relaxed);
        let (messages, sends) = (take(&self.messages), take(&self.sends));
        lines::traffic(take(&self.inbound), take(&self.outbound), messages, sends);
    }
}

/// A carrier whose messages are counted.
#[derive(Debug)]
pub(crate) struct Metered<C> {
    carrier: C,
    meter: Arc<Meter>,
}

impl<C> Metered<C> {
    /// Counts in `meter` for as long as this lives.
    pub(crate) fn new(carrier: C, meter: Arc<Meter>) -> Self {
        meter.proxies.fetch_add(1, Relaxed);
        Self { carrier, meter }
    }
}

impl<C> Drop for Metered<C> {
    fn drop(&mut self) {
        self.meter.proxies.fetch_sub(1, Relaxed);
        lines::closing();
    }
}

impl<C> Stream for Metered<C>
where
    C: Stream<Item = io::Result<Bytes>> + Unpin,
{
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let item = ready!(self.carrier.poll_next_unpin(cx));
        if let Some(Ok(message)) = &item {
            self.meter.received(message.len());
        }
        Poll::Ready(item)
    }
}

impl<C> Sink<Bytes> for Metered<C>
where
    C: Sink<Bytes, Error = io::Error> + Unpin,
{
    type Error = io::Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.carrier).poll_ready(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, message: Bytes) -> io::Result<()> {
        self.meter.sent(message.len());
        Pin::new(&mut self.carrier).start_send(message)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.carrier).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.carrier).poll_close(cx)
    }
}

#[cfg(test)]
mod tests;

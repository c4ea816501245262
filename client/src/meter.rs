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
use tokio::time::{Instant, interval_at};
use tracing::{Level, enabled};

/// What one session's proxies add up to.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    proxies: AtomicUsize,
    inbound: AtomicU64,
    outbound: AtomicU64,
    messages: AtomicU64,
    sends: AtomicU64,
}

impl Meter {
    /// Proxies that there are now.
    pub(crate) fn proxies(&self) -> usize {
        self.proxies.load(Relaxed)
    }

    /// Logs what went through since the last time, if anything did: every [`TRAFFIC_INTERVAL`], for as long as this is
    /// polled. Without a log it ends at once.
    pub(crate) async fn log_traffic(self: Arc<Self>) {
        if !enabled!(Level::INFO) {
            return;
        }
        let mut ticks = interval_at(Instant::now() + TRAFFIC_INTERVAL, TRAFFIC_INTERVAL);
        loop {
            ticks.tick().await;
            let take = |count: &AtomicU64| count.swap(0, Relaxed);
            let (messages, sends) = (take(&self.messages), take(&self.sends));
            if messages > 0 || sends > 0 {
                lines::traffic(take(&self.inbound), take(&self.outbound), messages, sends);
            }
        }
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
            self.meter.inbound.fetch_add(message.len() as u64, Relaxed);
            self.meter.messages.fetch_add(1, Relaxed);
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
        self.meter.outbound.fetch_add(message.len() as u64, Relaxed);
        self.meter.sends.fetch_add(1, Relaxed);
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

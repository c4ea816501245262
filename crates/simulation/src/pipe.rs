//! Carriers in memory.

use crate::Line;
use crate::wire::{Waits, Wire};
use bytes::Bytes;
use futures_core::Stream;
use futures_sink::Sink;
use snowflake_netsim::Rng;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep};

/// Which directions of a carrier a fault is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ways {
    /// From the client to the server only.
    Up,
    /// From the server to the client only.
    Down,
    /// Both.
    Both,
}

/// Counts ends of carriers, so that it shows who holds on to them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ends {
    /// Ends that somebody still holds.
    held: Arc<AtomicUsize>,
    /// Ends at clients whose reader has seen the end of the stream.
    pub(crate) seen: Arc<AtomicUsize>,
}

impl Ends {
    pub(crate) fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }
}

/// One end of a carrier.
#[derive(Debug)]
pub(crate) struct Pipe {
    out: Wire,
    inn: Wire,
    timer: Pin<Box<Sleep>>,
    ends: Ends,
    counts_seen: bool,
}

/// What the simulation knows of a carrier and can do to it.
#[derive(Clone, Debug)]
pub struct Link {
    up: Wire,
    down: Wire,
}

/// The client's end, the server's end, and the simulation's handle.
pub(crate) fn pair(up: Line, down: Line, rng: &mut Rng, ends: &Ends) -> (Pipe, Pipe, Link) {
    let up = Wire::new(up, Rng::new(rng.next_u64()));
    let down = Wire::new(down, Rng::new(rng.next_u64()));
    let end = |out: &Wire, inn: &Wire, is_client| {
        ends.held.fetch_add(1, Ordering::Relaxed);
        Pipe {
            out: out.clone(),
            inn: inn.clone(),
            timer: Box::pin(sleep(Duration::ZERO)),
            ends: ends.clone(),
            counts_seen: is_client,
        }
    };
    (end(&up, &down, true), end(&down, &up, false), Link { up, down })
}

impl Stream for Pipe {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match self.inn.poll_receive(cx) {
                Ok(Some(Ok(message))) => return Poll::Ready(Some(Ok(message))),
                Ok(end) => {
                    if std::mem::take(&mut self.counts_seen) {
                        self.ends.seen.fetch_add(1, Ordering::Relaxed);
                    }
                    return Poll::Ready(end);
                }
                Err(None) => return Poll::Pending,
                Err(Some(at)) => {
                    self.wait_until(at);
                    ready!(self.timer.as_mut().poll(cx));
                }
            }
        }
    }
}

impl Pipe {
    fn wait_until(&mut self, at: Instant) {
        if self.timer.deadline() != at {
            self.timer.as_mut().reset(at);
        }
    }
}

impl Sink<Bytes> for Pipe {
    type Error = io::Error;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.out.poll_ready(cx).map(Ok)
    }

    fn start_send(self: Pin<&mut Self>, message: Bytes) -> io::Result<()> {
        self.out.send(message);
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.out.close();
        Poll::Ready(Ok(()))
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        self.out.close();
        self.inn.cut();
        self.ends.held.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Link {
    /// Ends the carrier: what is under way is lost, and both ends hear of it after the delay; of an error if it `breaks`.
    pub fn kill(&self, breaks: bool) {
        self.each(Ways::Both, |wire| wire.kill(breaks));
    }

    /// From now on nothing arrives, but the pipe stays open.
    pub fn silence(&self, ways: Ways) {
        self.each(ways, Wire::silence);
    }

    /// For `time` nothing moves; then everything goes on.
    pub fn freeze(&self, ways: Ways, time: Duration) {
        self.each(ways, |wire| wire.freeze(time));
    }

    /// Multiplies the rates of both directions.
    pub fn scale_rate(&self, factor: f64) {
        self.each(Ways::Both, |wire| {
            let line = wire.line();
            wire.set_line(Line { rate: line.rate * factor, ..line });
        });
    }

    /// Bytes that have arrived at the other end, both directions together.
    pub fn carried(&self) -> u64 {
        self.up.carried() + self.down.carried()
    }

    /// Whether it still works in both directions.
    pub fn is_alive(&self) -> bool {
        self.up.is_alive() && self.down.is_alive()
    }

    /// How long bytes from the client to the server, or the other way, have waited since the last call.
    pub fn take_waits(&self, ways: Ways) -> Waits {
        match ways {
            Ways::Up => self.up.take_waits(),
            Ways::Down | Ways::Both => self.down.take_waits(),
        }
    }

    fn each(&self, ways: Ways, act: impl Fn(&Wire)) {
        if ways != Ways::Down {
            act(&self.up);
        }
        if ways != Ways::Up {
            act(&self.down);
        }
    }
}

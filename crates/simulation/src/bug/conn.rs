//! A packet conn with a bug.

use crate::Bug;
use bytes::{Bytes, BytesMut};
use snowflake_netsim::Rng;
use snowflake_turbotunnel::{CarrierId, Closed, Event, PacketConn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep};

/// How late an end is that is late.
const LATE: Duration = Duration::from_secs(10);

/// Where packets go astray that are handed to another client.
pub(crate) type Stray = Arc<Mutex<Option<Bytes>>>;

/// A packet conn with a bug, or without.
#[derive(Debug)]
pub(crate) struct Buggy<P> {
    inner: P,
    bug: Option<Bug>,
    rng: Rng,
    stray: Stray,
    /// The carriers that the session knows of.
    open: Vec<CarrierId>,
    late: Vec<(Instant, CarrierId)>,
    timer: Pin<Box<Sleep>>,
}

impl<P> Buggy<P> {
    pub(crate) fn new(inner: P, bug: Option<Bug>, seed: u64, stray: Stray) -> Self {
        let timer = Box::pin(sleep(Duration::ZERO));
        Self { inner, bug, rng: Rng::new(seed), stray, open: Vec::new(), late: Vec::new(), timer }
    }

    /// Does to new events what the bug does.
    fn spoil(&mut self, events: Vec<Event>) -> Vec<Event> {
        let mut spoiled = Vec::with_capacity(events.len());
        let mut events = events.into_iter().peekable();
        while let Some(mut event) = events.next() {
            match (&mut event, self.bug) {
                (Event::Packet(_, packet), Some(Bug::PacketToAnother)) if self.rng.chance(0.01) => {
                    let mut stray = self.stray.lock().unwrap_or_else(PoisonError::into_inner);
                    let other = stray.replace(packet.clone());
                    *packet = other.unwrap_or_else(|| packet.clone());
                }
                (Event::Packet(_, packet), Some(Bug::BufferReused)) if self.rng.chance(0.02) => {
                    if let Some(Event::Packet(_, next)) = events.peek() {
                        *packet = overwritten(packet, next);
                    }
                }
                (Event::Ended(carrier), Some(Bug::EndTwice)) => {
                    spoiled.push(Event::Ended(*carrier));
                }
                (Event::Ended(carrier), Some(Bug::EndLate)) => {
                    self.late.push((Instant::now() + LATE, *carrier));
                    continue;
                }
                (Event::Opened(carrier), _) => self.open.push(*carrier),
                (Event::Ended(carrier), _) => self.open.retain(|open| open != carrier),
                _ => {}
            }
            spoiled.push(event);
        }
        spoiled
    }

    /// Ends whose late time has come.
    fn poll_late(&mut self, cx: &mut Context<'_>, events: &mut Vec<Event>) -> bool {
        let Some((at, carrier)) = self.late.first().copied() else { return false };
        self.timer.as_mut().reset(at);
        if self.timer.as_mut().poll(cx).is_pending() {
            return false;
        }
        self.late.remove(0);
        events.push(Event::Ended(carrier));
        true
    }
}

/// The head of one packet and the tail of the next, as when the next is read into the same buffer.
fn overwritten(packet: &Bytes, next: &Bytes) -> Bytes {
    let half = packet.len() / 2;
    let mut mixed = BytesMut::from(&packet[..]);
    let end = packet.len().min(next.len()).max(half);
    mixed[half..end].copy_from_slice(&next[half.min(next.len())..end.min(next.len())]);
    mixed.freeze()
}

impl<P: PacketConn> PacketConn for Buggy<P> {
    fn poll_recv(
        &mut self,
        cx: &mut Context<'_>,
        events: &mut Vec<Event>,
    ) -> Poll<Result<(), Closed>> {
        if self.bug.is_none() {
            return self.inner.poll_recv(cx, events);
        }
        loop {
            if self.poll_late(cx, events) {
                return Poll::Ready(Ok(()));
            }
            let mut new = Vec::new();
            let received = self.inner.poll_recv(cx, &mut new);
            let before = events.len();
            events.extend(self.spoil(new));
            match received {
                Poll::Ready(Ok(())) if events.len() == before => {}
                other => return other,
            }
        }
    }

    fn poll_room(&mut self, cx: &mut Context<'_>, carrier: CarrierId) -> Poll<usize> {
        self.inner.poll_room(cx, carrier)
    }

    fn send(&mut self, carrier: CarrierId, packets: &mut Vec<Bytes>) {
        let oldest = self.open.first().filter(|_| self.bug == Some(Bug::DeadCarrierFed));
        self.inner.send(*oldest.unwrap_or(&carrier), packets);
    }

    fn close(&mut self, carrier: CarrierId) {
        self.inner.close(carrier);
    }

    fn set_proven(&mut self, carrier: CarrierId, proven: bool) {
        self.inner.set_proven(carrier, proven);
    }

    fn set_missing(&mut self, carriers: usize) {
        self.inner.set_missing(carriers);
    }
}

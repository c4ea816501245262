//! Two ends and two links on one virtual clock.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use snowflake_kcp::Kcp;
use snowflake_netsim::{Link, Path, Rng, epoch};

/// What a pair needs of an end, so that another implementation can be one.
pub(crate) trait End {
    fn handle_packet(&mut self, now: Instant, packet: Bytes);
    fn handle_timeout(&mut self, now: Instant);
    fn poll_transmit(&mut self, now: Instant) -> Option<Bytes>;
    fn poll_timeout(&self) -> Option<Instant>;
    fn write(&mut self, data: &[u8]) -> usize;
    fn read(&mut self) -> Option<Bytes>;
    fn is_quiet(&self) -> bool;
}

impl End for Kcp {
    fn handle_packet(&mut self, now: Instant, packet: Bytes) {
        self.handle_packet(now, packet).unwrap();
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.handle_timeout(now);
    }

    fn poll_transmit(&mut self, now: Instant) -> Option<Bytes> {
        let mut packet = BytesMut::new();
        self.poll_transmit(now, &mut packet)?;
        assert!(packet.len() <= 1400);
        Some(packet.freeze())
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.poll_timeout()
    }

    fn write(&mut self, data: &[u8]) -> usize {
        self.write(data)
    }

    fn read(&mut self) -> Option<Bytes> {
        self.read()
    }

    fn is_quiet(&self) -> bool {
        self.is_quiet()
    }
}

/// One end, the link that leads away from it, and what it has to say and has heard.
pub(crate) struct Side<E> {
    pub(crate) end: E,
    pub(crate) link: Link,
    to_write: Vec<u8>,
    written: usize,
    received: Vec<u8>,
}

impl<E: End> Side<E> {
    fn new(end: E, path: &Path, seed: u64) -> Self {
        let link = Link::new(path.clone(), seed);
        Self { end, link, to_write: Vec::new(), written: 0, received: Vec::new() }
    }

    /// Writes what the end takes and the peer is not more than `ahead` bytes behind of.
    fn write(&mut self, peer_received: usize, ahead: usize) {
        let stop = self.to_write.len().min(peer_received + ahead);
        if self.written < stop {
            self.written += self.end.write(&self.to_write[self.written..stop]);
        }
    }

    fn drive(&mut self, now: Instant) {
        while let Some(data) = self.end.read() {
            self.received.extend_from_slice(&data);
        }
        while let Some(packet) = self.end.poll_transmit(now) {
            self.link.send(now, packet);
        }
    }

    fn deliver(&mut self, now: Instant, peer: &mut impl End) {
        while let Some(packet) = self.link.receive(now) {
            peer.handle_packet(now, packet);
        }
    }
}

/// Two ends that write to each other as fast as they can.
pub(crate) struct Pair<A, B> {
    pub(crate) a: Side<A>,
    pub(crate) b: Side<B>,
    pub(crate) now: Instant,
    seed: u64,
    /// Most bytes that the reader may be behind the writer, as the windows of a layer above make it.
    pub(crate) ahead: usize,
}

impl<A: End, B: End> Pair<A, B> {
    pub(crate) fn new(a: A, b: B, path: &Path, seed: u64) -> Self {
        let (a, b) = (Side::new(a, path, seed), Side::new(b, path, seed ^ 0xffff));
        Self { a, b, now: epoch(), seed, ahead: 1 << 20 }
    }

    /// Sends `up` bytes from a to b and `down` bytes from b to a; returns how long it took.
    ///
    /// Ends when all has arrived unaltered and both ends are quiet; fails after `limit`.
    pub(crate) fn transfer(&mut self, up: usize, down: usize, limit: Duration) -> Duration {
        let start = self.now;
        self.a.to_write.extend(noise(self.seed, up));
        self.b.to_write.extend(noise(!self.seed, down));
        while !self.is_done() {
            let progress = (self.a.received.len(), self.b.received.len());
            assert!(
                self.now - start < limit,
                "seed {}: at {progress:?} of {up}, {down}",
                self.seed
            );
            self.step();
        }
        assert!(self.b.received == self.a.to_write, "seed {}: altered up", self.seed);
        assert!(self.a.received == self.b.to_write, "seed {}: altered down", self.seed);
        self.now - start
    }

    fn is_done(&self) -> bool {
        self.b.received.len() >= self.a.to_write.len()
            && self.a.received.len() >= self.b.to_write.len()
            && self.a.end.is_quiet()
            && self.b.end.is_quiet()
    }

    /// One turn of both drivers, then on to the next event.
    fn step(&mut self) {
        self.a.write(self.b.received.len(), self.ahead);
        self.b.write(self.a.received.len(), self.ahead);
        self.a.drive(self.now);
        self.b.drive(self.now);
        let timeouts = [self.a.end.poll_timeout(), self.b.end.poll_timeout()];
        let arrivals = [self.a.link.next_arrival(), self.b.link.next_arrival()];
        if let Some(next) = timeouts.into_iter().chain(arrivals).flatten().min() {
            self.now = self.now.max(next);
        }
        self.a.deliver(self.now, &mut self.b.end);
        self.b.deliver(self.now, &mut self.a.end);
        if timeouts[0].is_some_and(|at| at <= self.now) {
            self.a.end.handle_timeout(self.now);
        }
        if timeouts[1].is_some_and(|at| at <= self.now) {
            self.b.end.handle_timeout(self.now);
        }
    }
}

/// Bytes that repeat nowhere, so that a shifted stream cannot pass for the right one.
pub(crate) fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    Rng::new(seed).fill(&mut bytes);
    bytes
}

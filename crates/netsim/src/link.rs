//! One direction of a path, with the packets that are on their way.

use crate::{Path, Rng, epoch};
use bytes::Bytes;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

/// What became of the packets sent so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Packets given to [`Link::send`].
    pub sent: u64,
    /// Lost at random.
    pub lost: u64,
    /// Dropped because the link was cut.
    pub cut: u64,
    /// Dropped because the queue before the rate limit was full.
    pub overflowed: u64,
    /// Extra copies made.
    pub duplicated: u64,
    /// Packets handed out by [`Link::receive`].
    pub received: u64,
}

/// One direction of a path. Holds at most what rate and delay let be under way.
#[derive(Debug)]
pub struct Link {
    path: Path,
    rng: Rng,
    /// When the last queued packet will have left the sender.
    busy_until: Instant,
    /// By arrival, then by order of sending: jitter alone reorders.
    in_flight: BinaryHeap<Reverse<(Instant, u64, Bytes)>>,
    serial: u64,
    counts: Counts,
}

impl Link {
    /// A link that behaves as `path`, its chances drawn from `seed`.
    pub fn new(path: Path, seed: u64) -> Self {
        Self {
            path,
            rng: Rng::new(seed),
            busy_until: epoch(),
            in_flight: BinaryHeap::new(),
            serial: 0,
            counts: Counts::default(),
        }
    }

    /// Puts a packet on the link at `now`.
    pub fn send(&mut self, now: Instant, packet: Bytes) {
        self.counts.sent += 1;
        if self.path.is_cut(now.saturating_duration_since(epoch())) {
            self.counts.cut += 1;
            return;
        }
        if self.rng.chance(self.path.loss) {
            self.counts.lost += 1;
            return;
        }
        let Some(leaves) = self.pass_rate_limit(now, packet.len()) else {
            self.counts.overflowed += 1;
            return;
        };
        if self.rng.chance(self.path.duplicate) {
            self.counts.duplicated += 1;
            self.deliver_later(leaves, packet.clone());
        }
        self.deliver_later(leaves, packet);
    }

    /// When the next packet comes out, or `None` if nothing is under way.
    pub fn next_arrival(&self) -> Option<Instant> {
        self.in_flight.peek().map(|Reverse((at, _, _))| *at)
    }

    /// The next packet that has arrived by `now`.
    pub fn receive(&mut self, now: Instant) -> Option<Bytes> {
        if self.next_arrival()? > now {
            return None;
        }
        let Reverse((_, _, packet)) = self.in_flight.pop()?;
        self.counts.received += 1;
        Some(packet)
    }

    /// Changes the path from now on; packets under way keep their arrival.
    pub fn set_path(&mut self, path: Path) {
        self.path = path;
    }

    /// What became of the packets so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// When a packet of `len` bytes has left, or `None` when it would wait longer than the queue allows.
    fn pass_rate_limit(&mut self, now: Instant, len: usize) -> Option<Instant> {
        let Some(rate) = self.path.rate else { return Some(now) };
        let start = self.busy_until.max(now);
        if start - now > self.path.queue {
            return None;
        }
        self.busy_until = start + Duration::from_secs_f64(len as f64 / rate as f64);
        Some(self.busy_until)
    }

    fn deliver_later(&mut self, leaves: Instant, packet: Bytes) {
        let jitter = self.rng.below(self.path.jitter.as_micros() as u64 + 1);
        let at = leaves + self.path.delay + Duration::from_micros(jitter);
        self.serial += 1;
        self.in_flight.push(Reverse((at, self.serial, packet)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(n: u16) -> Bytes {
        Bytes::copy_from_slice(&n.to_be_bytes())
    }

    fn drain(link: &mut Link) -> Vec<(Duration, Bytes)> {
        let mut out = Vec::new();
        while let Some(at) = link.next_arrival() {
            out.push((at - epoch(), link.receive(at).unwrap()));
        }
        out
    }

    #[test]
    fn a_perfect_link_keeps_order_and_time() {
        let mut link = Link::new(Path::perfect(), 1);
        (0..100).for_each(|n| link.send(epoch(), packet(n)));
        let got = drain(&mut link);
        assert!(got.iter().enumerate().all(|(n, (at, p))| at.is_zero() && *p == packet(n as u16)));
        assert_eq!(got.len(), 100);
    }

    #[test]
    fn jitter_reorders_and_duplicates_arrive_twice() {
        let path = Path::perfect().jitter(Duration::from_millis(10)).duplicate(0.5);
        let mut link = Link::new(path, 2);
        (0..100).for_each(|n| link.send(epoch(), packet(n)));
        let got = drain(&mut link);
        assert_eq!(got.len() as u64, 100 + link.counts().duplicated);
        assert!(link.counts().duplicated > 20);
        assert!(got.windows(2).any(|w| w[0].1 > w[1].1));
    }

    #[test]
    fn rate_spaces_packets_and_the_queue_overflows() {
        let path = Path::perfect().rate_mbit(8.0).queue(Duration::from_millis(10));
        let mut link = Link::new(path, 3);
        (0..50).for_each(|_| link.send(epoch(), Bytes::from(vec![0; 1000])));
        let got = drain(&mut link);
        assert_eq!(got[0].0, Duration::from_millis(1));
        assert_eq!(got.len(), 11, "one that leaves at once and ten milliseconds of queue");
        assert_eq!(link.counts().overflowed, 39);
    }

    #[test]
    fn nothing_passes_a_cut() {
        let path = Path::perfect().cut(Duration::from_secs(1), Duration::from_secs(2));
        let mut link = Link::new(path, 4);
        for ms in [999, 1000, 1999, 2000] {
            link.send(epoch() + Duration::from_millis(ms), packet(ms as u16));
        }
        assert_eq!(drain(&mut link).len(), 2);
        assert_eq!(link.counts().cut, 2);
    }
}

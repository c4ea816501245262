//! The segments in flight: a ring, found by sequence number without a search.

use std::collections::VecDeque;

use super::schedule::Stamp;
use crate::clock::distance;

/// One segment that has been numbered and not yet been passed by the peer's `una`.
#[derive(Debug, Clone)]
pub(crate) struct Slot {
    /// Where its data begins, counted in bytes from the beginning of the stream.
    pub(crate) start: u64,
    pub(crate) len: u16,
    /// The peer has it; it only waits for `una` to pass.
    pub(crate) acked: bool,
    pub(crate) transmissions: u32,
    /// The clock value it was last sent with.
    pub(crate) ts: u32,
    /// The carrier it was last sent over.
    pub(crate) carrier: u32,
    /// Its own timeout, which grows with each expiry.
    pub(crate) timeout: u32,
}

/// The segments from `una` on, in order; the slot of `sn` is at `sn - una`.
#[derive(Debug)]
pub(crate) struct Flight {
    una: u32,
    slots: VecDeque<Slot>,
}

impl Flight {
    pub(crate) fn new(first: u32) -> Self {
        Self { una: first, slots: VecDeque::new() }
    }

    /// The oldest sequence number that the peer has not passed.
    pub(crate) fn una(&self) -> u32 {
        self.una
    }

    /// The sequence number that the next new segment gets.
    pub(crate) fn next(&self) -> u32 {
        self.una.wrapping_add(self.slots.len() as u32)
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    fn index(&self, sn: u32) -> Option<usize> {
        usize::try_from(distance(sn, self.una)).ok()
    }

    pub(crate) fn get(&self, sn: u32) -> Option<&Slot> {
        self.slots.get(self.index(sn)?)
    }

    pub(crate) fn get_mut(&mut self, sn: u32) -> Option<&mut Slot> {
        let index = self.index(sn)?;
        self.slots.get_mut(index)
    }

    /// The slot that `stamp` speaks of, unless it was acknowledged or sent again since.
    pub(crate) fn current(&self, stamp: &Stamp) -> Option<&Slot> {
        self.get(stamp.sn).filter(|slot| !slot.acked && slot.transmissions == stamp.transmission)
    }

    /// Numbers a new segment, not yet sent.
    pub(crate) fn push(&mut self, start: u64, len: u16) -> u32 {
        let sn = self.next();
        self.slots.push_back(Slot {
            start,
            len,
            acked: false,
            transmissions: 0,
            ts: 0,
            carrier: 0,
            timeout: 0,
        });
        sn
    }

    /// Marks one segment as received; `None` if that says nothing new.
    pub(crate) fn acknowledge(&mut self, sn: u32) -> Option<&Slot> {
        let slot = self.get_mut(sn).filter(|slot| !slot.acked)?;
        slot.acked = true;
        Some(slot)
    }

    /// Lets go of everything below `una`, in order.
    ///
    /// An `una` beyond what was ever sent says nothing that could be true, and is ignored.
    pub(crate) fn advance(&mut self, una: u32) -> impl Iterator<Item = Slot> {
        let count = self.index(una).filter(|count| *count <= self.slots.len()).unwrap_or(0);
        self.una = self.una.wrapping_add(count as u32);
        self.slots.drain(..count)
    }

    /// Gives memory back when nothing is in flight and there was much.
    pub(crate) fn shrink(&mut self, keep: usize) {
        self.slots.shrink_to(keep);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flight(first: u32, count: u32) -> Flight {
        let mut flight = Flight::new(first);
        (0..count).for_each(|n| assert_eq!(flight.push(0, 10), first.wrapping_add(n)));
        flight
    }

    #[test]
    fn una_frees_in_order() {
        let mut flight = flight(0, 5);
        assert_eq!(flight.advance(3).count(), 3);
        assert_eq!((flight.una(), flight.next(), flight.len()), (3, 5, 2));
        assert_eq!(flight.advance(3).count(), 0);
        assert_eq!(flight.advance(2).count(), 0);
        assert_eq!(flight.advance(5).count(), 2);
    }

    #[test]
    fn una_beyond_what_was_sent_is_ignored() {
        let mut flight = flight(0, 5);
        assert_eq!(flight.advance(6).count(), 0);
        assert_eq!(flight.advance(u32::MAX / 2).count(), 0);
        assert_eq!(flight.len(), 5);
    }

    #[test]
    fn acknowledging_counts_once() {
        let mut flight = flight(7, 3);
        assert!(flight.acknowledge(8).is_some());
        assert!(flight.acknowledge(8).is_none());
        assert!(flight.acknowledge(6).is_none());
        assert!(flight.acknowledge(10).is_none());
    }

    #[test]
    fn numbers_wrap() {
        let mut flight = flight(u32::MAX - 1, 4);
        assert_eq!(flight.next(), 2);
        assert!(flight.acknowledge(0).is_some());
        assert!(flight.get(0).unwrap().acked);
        assert!(!flight.get(u32::MAX).unwrap().acked);
        assert_eq!(flight.advance(1).count(), 3);
        assert_eq!(flight.una(), 1);
    }
}

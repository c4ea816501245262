//! When to send a segment again, without ever looking at all of them.
//!
//! Each transmission leaves a [`Stamp`] in two places: in the order of sending, to find what a later
//! acknowledgement has skipped, and by deadline, to find what has timed out. A stamp is void once its
//! segment was acknowledged or sent again; void stamps are dropped when they come to the front, so
//! each costs a constant amount in all, however many segments are in flight.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::flight::{Flight, Slot};
use crate::clock::distance;
use crate::config::INTERVAL;

/// One transmission of one segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stamp {
    /// When it times out.
    pub(crate) deadline: u64,
    pub(crate) sn: u32,
    /// The segment's count of transmissions, this one included.
    pub(crate) transmission: u32,
}

/// Every segment in flight that is not acknowledged waits here for its acknowledgement, for a later
/// one that skips it, or for its timeout, in the lane of the carrier that it was last sent over.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    lanes: Vec<Lane>,
    /// When a skipped one may go out even though new segments do.
    patience: u64,
}

/// What was sent over one carrier: none keeps the order with another.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    carrier: u32,
    /// In the order of sending.
    sent: VecDeque<Stamp>,
    /// Taken from `sent` because something sent later has arrived.
    skipped: VecDeque<Stamp>,
    /// By deadline: first transmissions, which mostly come in this order by themselves.
    by_deadline: VecDeque<Stamp>,
    /// By deadline: those which would not have been in order.
    out_of_order: BinaryHeap<Reverse<Stamp>>,
    /// Everything was taken for lost; the lane goes when it is empty.
    is_given_up: bool,
}

impl Schedule {
    /// Notes a transmission; `backed_off` if its timeout is longer than that of its contemporaries.
    pub(crate) fn transmitted(&mut self, carrier: u32, stamp: Stamp, backed_off: bool) {
        let known = self.lanes.iter().position(|lane| lane.carrier == carrier);
        let index = known.unwrap_or_else(|| {
            self.lanes.push(Lane { carrier, ..Lane::default() });
            self.lanes.len() - 1
        });
        self.lanes[index].transmitted(stamp, backed_off);
    }

    /// Finds what was sent over `carrier` before the transmission (`sn`, `ts`) that has just been acknowledged.
    ///
    /// kcp-go counts a segment as skipped if a higher number was acknowledged that left no earlier
    /// than it. Here the order of sending alone decides, as in RACK (RFC 8985): it also sees a loss
    /// behind a segment that was itself sent twice.
    pub(crate) fn acknowledged(
        &mut self,
        flight: &Flight,
        carrier: u32,
        (sn, ts): (u32, u32),
        now: u64,
    ) {
        self.skip(flight, carrier, now, |stamp, slot| {
            let age = distance(ts, slot.ts);
            age > 0 || age == 0 && distance(stamp.sn, sn) < 0
        });
    }

    /// Finds what was sent over `carrier` before `ts`, when a probe left that the peer has answered.
    pub(crate) fn probe_answered(&mut self, flight: &Flight, carrier: u32, ts: u32, now: u64) {
        self.skip(flight, carrier, now, |_, slot| distance(ts, slot.ts) > 0);
    }

    /// Counts everything in flight over `carrier` as skipped, to go out at once.
    pub(crate) fn skip_all(&mut self, flight: &Flight, carrier: u32, now: u64) {
        self.skip(flight, carrier, now, |_, _| true);
        if let Some(lane) = self.lanes.iter_mut().find(|lane| lane.carrier == carrier) {
            lane.is_given_up = true;
            self.patience = now;
        }
    }

    /// Counts what was sent over `carrier` as skipped until it `is_overtaken` no more.
    fn skip(
        &mut self,
        flight: &Flight,
        carrier: u32,
        now: u64,
        is_overtaken: impl Fn(&Stamp, &Slot) -> bool,
    ) {
        let is_first = self.next_skipped().is_none();
        let Some(lane) = self.lanes.iter_mut().find(|lane| lane.carrier == carrier) else { return };
        if lane.skip_while(flight, is_overtaken) && is_first {
            self.patience = now + u64::from(INTERVAL);
        }
    }

    /// The lane of a carrier, if anything was sent over it.
    pub(crate) fn lane(&self, carrier: u32) -> Option<&Lane> {
        self.lanes.iter().find(|lane| lane.carrier == carrier)
    }

    /// When a skipped segment goes out even together with new ones.
    pub(crate) fn patience(&self) -> u64 {
        self.patience
    }

    /// Of the segments skipped on any carrier, the one that the peer misses first.
    pub(crate) fn next_skipped(&self) -> Option<u32> {
        let fronts = self.lanes.iter().filter_map(Lane::next_skipped);
        fronts.min_by(|one, other| distance(*one, *other).cmp(&0))
    }

    /// The segment that times out next, of those on all carriers.
    pub(crate) fn next_timeout(&self) -> Option<Stamp> {
        self.next_timeouts().min()
    }

    /// The segment that times out next on each carrier.
    pub(crate) fn next_timeouts(&self) -> impl Iterator<Item = Stamp> {
        self.lanes.iter().filter_map(Lane::next_timeout)
    }

    /// Drops void stamps from every front, so that the `next` methods tell the truth.
    ///
    /// To be called after every change to `flight`.
    pub(crate) fn prune(&mut self, flight: &Flight) {
        self.lanes.iter_mut().for_each(|lane| lane.prune(flight));
        self.lanes.retain(|lane| !lane.is_given_up || !lane.is_empty());
    }

    /// Gives memory back when nothing is in flight and there was much.
    pub(crate) fn shrink(&mut self) {
        self.lanes.retain(|lane| !lane.is_empty());
    }
}

impl Lane {
    fn transmitted(&mut self, stamp: Stamp, backed_off: bool) {
        self.is_given_up = false;
        self.sent.push_back(stamp);
        let in_order = self.by_deadline.back().is_none_or(|back| back.deadline <= stamp.deadline);
        if in_order && !backed_off {
            self.by_deadline.push_back(stamp);
        } else {
            self.out_of_order.push(Reverse(stamp));
        }
    }

    /// Counts the oldest as skipped while they are overtaken; whether there were any.
    fn skip_while(
        &mut self,
        flight: &Flight,
        is_overtaken: impl Fn(&Stamp, &Slot) -> bool,
    ) -> bool {
        let before = self.skipped.len();
        while let Some(front) = self.sent.front() {
            if let Some(slot) = flight.current(front) {
                if !is_overtaken(front, slot) {
                    break;
                }
                self.skipped.push_back(*front);
            }
            self.sent.pop_front();
        }
        self.skipped.len() > before
    }

    /// The segment that was skipped first.
    pub(crate) fn next_skipped(&self) -> Option<u32> {
        self.skipped.front().map(|stamp| stamp.sn)
    }

    /// The segment that times out next.
    pub(crate) fn next_timeout(&self) -> Option<Stamp> {
        let heap = self.out_of_order.peek().map(|Reverse(stamp)| stamp);
        self.by_deadline.front().into_iter().chain(heap).min().copied()
    }

    fn prune(&mut self, flight: &Flight) {
        let void = |stamp: &Stamp| flight.current(stamp).is_none();
        for queue in [&mut self.sent, &mut self.skipped, &mut self.by_deadline] {
            while queue.pop_front_if(|stamp| void(stamp)).is_some() {}
            if queue.len() > crowded(flight) {
                queue.retain(|stamp| !void(stamp));
            }
        }
        while self.out_of_order.peek().is_some_and(|Reverse(stamp)| void(stamp)) {
            self.out_of_order.pop();
        }
        if self.out_of_order.len() > crowded(flight) {
            self.out_of_order.retain(|Reverse(stamp)| !void(stamp));
        }
    }

    fn is_empty(&self) -> bool {
        let queues = [&self.sent, &self.skipped, &self.by_deadline];
        queues.iter().all(|queue| queue.is_empty()) && self.out_of_order.is_empty()
    }
}

/// A queue longer than this is more than half void: cleaning it up has been paid for by its growth.
fn crowded(flight: &Flight) -> usize {
    2 * flight.len() + 64
}

#[cfg(test)]
mod tests;

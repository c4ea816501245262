//! When to send a segment again, without ever looking at all of them.
//!
//! Each transmission leaves a [`Stamp`] in two places: in the order of sending, to find what a later
//! acknowledgement has skipped, and by deadline, to find what has timed out. A stamp is void once its
//! segment was acknowledged or sent again; void stamps are dropped when they come to the front, so
//! each costs a constant amount in all, however many segments are in flight.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::flight::Flight;
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
/// one that skips it, or for its timeout.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    /// In the order of sending, for each carrier: none keeps the order with another.
    sent: Vec<(u32, VecDeque<Stamp>)>,
    /// Taken from `sent` because something sent later over the same carrier has arrived.
    skipped: VecDeque<Stamp>,
    /// When a skipped one may go out even though new segments do.
    patience: u64,
    /// By deadline: first transmissions, which mostly come in this order by themselves.
    by_deadline: VecDeque<Stamp>,
    /// By deadline: those which would not have been in order.
    out_of_order: BinaryHeap<Reverse<Stamp>>,
}

impl Schedule {
    /// Notes a transmission; `backed_off` if its timeout is longer than that of its contemporaries.
    pub(crate) fn transmitted(&mut self, carrier: u32, stamp: Stamp, backed_off: bool) {
        self.sent_over(carrier).push_back(stamp);
        let in_order = self.by_deadline.back().is_none_or(|back| back.deadline <= stamp.deadline);
        if in_order && !backed_off {
            self.by_deadline.push_back(stamp);
        } else {
            self.out_of_order.push(Reverse(stamp));
        }
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
        while let Some(front) = self.oldest(carrier) {
            if let Some(slot) = flight.current(&front) {
                let age = distance(ts, slot.ts);
                if age < 0 || (age == 0 && distance(front.sn, sn) >= 0) {
                    break;
                }
                self.skip(front, now);
            }
            self.sent_over(carrier).pop_front();
        }
    }

    /// Finds everything that was sent over `carrier` by `ts`: what the answer to a probe has overtaken.
    pub(crate) fn answered(&mut self, flight: &Flight, carrier: u32, ts: u32, now: u64) {
        while let Some(front) = self.oldest(carrier) {
            if let Some(slot) = flight.current(&front) {
                if distance(ts, slot.ts) <= 0 {
                    break;
                }
                self.skip(front, now);
            }
            self.sent_over(carrier).pop_front();
        }
    }

    /// Counts everything in flight over `carrier` as skipped, to go out at once.
    pub(crate) fn skip_all(&mut self, flight: &Flight, carrier: u32, now: u64) {
        let Some(index) = self.sent.iter().position(|(known, _)| *known == carrier) else { return };
        let (_, stamps) = self.sent.swap_remove(index);
        for stamp in stamps {
            if flight.current(&stamp).is_some() {
                self.skip(stamp, now);
            }
        }
        self.patience = now;
    }

    /// The oldest transmission over a carrier; of one that is forgotten there is none, and it stays forgotten.
    fn oldest(&self, carrier: u32) -> Option<Stamp> {
        let (_, stamps) = self.sent.iter().find(|(known, _)| *known == carrier)?;
        stamps.front().copied()
    }

    fn sent_over(&mut self, carrier: u32) -> &mut VecDeque<Stamp> {
        let known = self.sent.iter().position(|(known, _)| *known == carrier);
        let index = known.unwrap_or_else(|| {
            self.sent.push((carrier, VecDeque::new()));
            self.sent.len() - 1
        });
        &mut self.sent[index].1
    }

    fn skip(&mut self, stamp: Stamp, now: u64) {
        if self.skipped.is_empty() {
            self.patience = now + u64::from(INTERVAL);
        }
        self.skipped.push_back(stamp);
    }

    /// The next skipped segment, and from when on it goes out even together with new ones.
    pub(crate) fn next_skipped(&self) -> Option<(u32, u64)> {
        self.skipped.front().map(|stamp| (stamp.sn, self.patience))
    }

    /// The segment that times out next.
    pub(crate) fn next_timeout(&self) -> Option<Stamp> {
        let heap = self.out_of_order.peek().map(|Reverse(stamp)| stamp);
        self.by_deadline.front().into_iter().chain(heap).min().copied()
    }

    /// Drops void stamps from every front, so that the `next` methods tell the truth.
    ///
    /// To be called after every change to `flight`.
    pub(crate) fn prune(&mut self, flight: &Flight) {
        let void = |stamp: &Stamp| flight.current(stamp).is_none();
        let sent = self.sent.iter_mut().map(|(_, stamps)| stamps);
        for queue in sent.chain([&mut self.skipped, &mut self.by_deadline]) {
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

    /// Gives memory back when nothing is in flight and there was much.
    pub(crate) fn shrink(&mut self, keep: usize) {
        self.sent.retain(|(_, stamps)| !stamps.is_empty());
        for queue in [&mut self.skipped, &mut self.by_deadline] {
            queue.shrink_to(keep);
        }
        self.out_of_order.shrink_to(keep);
    }
}

/// A queue longer than this is more than half void: cleaning it up has been paid for by its growth.
fn crowded(flight: &Flight) -> usize {
    2 * flight.len() + 64
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixture {
        flight: Flight,
        schedule: Schedule,
    }

    impl Fixture {
        fn new() -> Self {
            Self { flight: Flight::new(0), schedule: Schedule::default() }
        }

        fn send_new(&mut self, ts: u32) {
            let sn = self.flight.push(0, 1);
            self.send(sn, ts, 200, false);
        }

        fn send(&mut self, sn: u32, ts: u32, timeout: u64, backed_off: bool) {
            let slot = self.flight.get_mut(sn).unwrap();
            slot.transmissions += 1;
            slot.ts = ts;
            let deadline = u64::from(ts) + timeout;
            let stamp = Stamp { deadline, sn, transmission: slot.transmissions };
            self.schedule.transmitted(0, stamp, backed_off);
            self.schedule.prune(&self.flight);
        }

        fn ack(&mut self, sn: u32, ts: u32) {
            self.flight.acknowledge(sn).unwrap();
            self.schedule.acknowledged(&self.flight, 0, (sn, ts), u64::from(ts) + 50);
            self.schedule.prune(&self.flight);
        }

        fn skipped(&self) -> Vec<u32> {
            self.schedule.skipped.iter().map(|stamp| stamp.sn).collect()
        }
    }

    #[test]
    fn what_was_sent_before_is_skipped_what_was_sent_after_is_not() {
        let mut f = Fixture::new();
        (0..5).for_each(|ts| f.send_new(ts));
        f.ack(2, 2);
        assert_eq!(f.skipped(), [0, 1]);
        assert_eq!(f.schedule.next_skipped(), Some((0, 62)));
    }

    #[test]
    fn within_one_millisecond_the_number_decides() {
        let mut f = Fixture::new();
        (0..4).for_each(|_| f.send_new(7));
        f.ack(1, 7);
        assert_eq!(f.skipped(), [0]);
    }

    #[test]
    fn an_old_transmission_does_not_skip_a_newer_one() {
        let mut f = Fixture::new();
        f.send_new(0);
        f.send_new(1);
        f.send(0, 300, 400, true);
        f.ack(1, 1);
        assert_eq!(f.skipped(), [] as [u32; 0]);
    }

    #[test]
    fn a_repeated_segment_that_arrives_skips_those_repeated_before_it() {
        let mut f = Fixture::new();
        (0..3).for_each(|_| f.send_new(0));
        f.send(1, 250, 200, false);
        f.send(0, 251, 200, false);
        f.ack(0, 251);
        assert_eq!(f.skipped(), [2, 1]);
    }

    #[test]
    fn deadlines_come_in_order_whatever_the_order_of_sending() {
        let mut f = Fixture::new();
        (0..3).for_each(|_| f.send_new(0));
        f.send(1, 10, 5000, true);
        f.flight.push(0, 1);
        f.send(3, 20, 100, false);
        let mut order = Vec::new();
        while let Some(next) = f.schedule.next_timeout() {
            order.push((next.sn, next.deadline));
            f.flight.acknowledge(next.sn);
            f.schedule.prune(&f.flight);
        }
        assert_eq!(order, [(3, 120), (0, 200), (2, 200), (1, 5010)]);
    }

    #[test]
    fn void_stamps_do_not_pile_up() {
        let mut f = Fixture::new();
        f.send_new(0);
        f.send_new(0);
        // Segment 0 stays; segment 1 is repeated for ever.
        for ts in 1..10_000 {
            f.send(1, ts, 100_000, ts % 2 == 0);
        }
        assert!(f.schedule.sent[0].1.len() <= 70);
        assert!(f.schedule.by_deadline.len() <= 70);
        assert!(f.schedule.out_of_order.len() <= 70);
    }
}

//! Acknowledgements that wait to be sent.

use std::collections::VecDeque;

use crate::clock::distance;
use crate::config::{ACK_EVERY, ACK_INTERVAL, ACK_PATIENCE, ACKS_LIMIT, FEW_BYTES};

/// One acknowledgement: the segment's number and the clock value it carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ack {
    pub(crate) sn: u32,
    pub(crate) ts: u32,
}

/// One that waits, and whether it has to be sent even if `una` says as much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pending {
    ack: Ack,
    asked_for: bool,
}

/// Acknowledgements in order of arrival, and when they must leave.
///
/// They leave with any packet that is sent, at the latest [`ACK_INTERVAL`] after the first of them came,
/// and at once when a packet is full of them. For little data they may wait longer, up to [`ACK_PATIENCE`]: where data
/// goes the other way, its `una` says as much, and an acknowledgement of its own would cost a packet.
#[derive(Debug)]
pub(crate) struct PendingAcks {
    list: VecDeque<Pending>,
    first: u64,
    deadline: u64,
    /// Data that they acknowledge.
    bytes: usize,
    /// How many of them somebody asked for.
    asked_for: usize,
    /// When one was sent last.
    sent: Option<u64>,
    per_packet: usize,
}

impl PendingAcks {
    /// `per_packet` is how many acknowledgements a packet holds.
    pub(crate) fn new(per_packet: usize) -> Self {
        let list = VecDeque::new();
        Self { list, first: 0, deadline: 0, bytes: 0, asked_for: 0, sent: None, per_packet }
    }

    /// Adds one, of so much data; the oldest goes if there are [`ACKS_LIMIT`]. `patient`: for little data it may wait.
    pub(crate) fn push(&mut self, ack: Ack, data: usize, patient: bool, now: u64) {
        self.add(Pending { ack, asked_for: false }, now);
        self.bytes += data;
        let wait = if patient && self.are_few() { ACK_PATIENCE } else { ACK_INTERVAL };
        self.deadline = self.deadline.min(self.first + u64::from(wait));
    }

    /// Adds the answer to a probe, which leaves at once and whatever `una` says.
    pub(crate) fn answer(&mut self, ack: Ack, now: u64) {
        self.add(Pending { ack, asked_for: true }, now);
    }

    /// Whether there are answers to probes.
    pub(crate) fn are_asked_for(&self) -> bool {
        self.asked_for > 0
    }

    /// Takes out the answer to the oldest probe.
    pub(crate) fn take_answer(&mut self) -> Option<Ack> {
        if self.asked_for == 0 {
            return None;
        }
        let index = self.list.iter().position(|pending| pending.asked_for)?;
        self.asked_for -= 1;
        self.list.remove(index).map(|pending| pending.ack)
    }

    fn add(&mut self, pending: Pending, now: u64) {
        if self.list.is_empty() {
            (self.first, self.deadline, self.bytes) = (now, u64::MAX, 0);
        }
        if self.list.len() == ACKS_LIMIT {
            self.take_oldest();
        }
        self.asked_for += usize::from(pending.asked_for);
        self.list.push_back(pending);
        if self.list.len() >= self.per_packet {
            self.hasten(now);
        }
    }

    /// Makes what is pending leave at once.
    pub(crate) fn hasten(&mut self, now: u64) {
        self.deadline = self.deadline.min(now);
    }

    /// Makes what is pending leave at once, unless it may wait for data.
    pub(crate) fn hasten_many(&mut self, now: u64) {
        if self.deadline <= self.first + u64::from(ACK_INTERVAL) {
            self.hasten(now);
        }
    }

    /// Forgets what is pending, because data leaves whose `una` says as much; true if that is all there is to say. Now and
    /// then one is sent all the same, because its clock value measures the round trip.
    pub(crate) fn are_said_by(&mut self, una: u32, now: u64) -> bool {
        let says = |p: &Pending| !p.asked_for && distance(p.ack.sn, una) < 0;
        let is_said = self.are_few()
            && self.sent.is_some_and(|sent| now < sent + u64::from(ACK_EVERY))
            && self.list.iter().all(says);
        if is_said {
            self.list.clear();
        }
        is_said
    }

    /// Whether they acknowledge so little that there is no hurry.
    fn are_few(&self) -> bool {
        self.bytes < FEW_BYTES
    }

    /// When the pending ones must leave; `None` if there are none.
    pub(crate) fn deadline(&self) -> Option<u64> {
        let deadline = if self.asked_for > 0 { self.first } else { self.deadline };
        (!self.list.is_empty()).then_some(deadline)
    }

    /// The next one to send, if any.
    ///
    /// `una` tells the peer already about everything below it; of those only the last of the list is
    /// sent, because its clock value measures the round trip.
    pub(crate) fn pop(&mut self, una: u32, now: u64) -> Option<Ack> {
        self.sent = Some(now);
        while let Some(Pending { ack, asked_for }) = self.take_oldest() {
            if asked_for || self.list.is_empty() || distance(ack.sn, una) >= 0 {
                return Some(ack);
            }
        }
        None
    }

    fn take_oldest(&mut self) -> Option<Pending> {
        let oldest = self.list.pop_front()?;
        self.asked_for -= usize::from(oldest.asked_for);
        Some(oldest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pending(sns: &[u32]) -> PendingAcks {
        let mut acks = PendingAcks::new(58);
        sns.iter().for_each(|sn| acks.push(Ack { sn: *sn, ts: 0 }, 1000, true, 100));
        acks
    }

    fn drain(acks: &mut PendingAcks, una: u32) -> Vec<u32> {
        std::iter::from_fn(|| acks.pop(una, 0)).map(|ack| ack.sn).collect()
    }

    #[test]
    fn wait_twenty_milliseconds_from_the_first() {
        let mut acks = pending(&[1]);
        acks.push(Ack { sn: 2, ts: 0 }, 1000, true, 109);
        assert_eq!(acks.deadline(), Some(120));
        drain(&mut acks, 0);
        assert_eq!(acks.deadline(), None);
    }

    #[test]
    fn of_little_data_wait_sixty_if_they_may_and_for_data_to_say_the_same() {
        let few = |patient| {
            let mut acks = pending(&[]);
            acks.push(Ack { sn: 1, ts: 0 }, 100, patient, 100);
            acks
        };
        assert_eq!(few(false).deadline(), Some(120));
        let mut acks = few(true);
        assert_eq!(acks.deadline(), Some(160));
        acks.hasten_many(110);
        assert_eq!(acks.deadline(), Some(160));
        assert!(!acks.are_said_by(2, 110), "the first measures");
        acks.sent = Some(100);
        assert!(!acks.are_said_by(1, 110), "1 is not below");
        assert!(!acks.are_said_by(2, 600), "one in half a second measures");
        acks.push(Ack { sn: 2, ts: 0 }, 1000, true, 110);
        assert_eq!(acks.deadline(), Some(120), "that is no longer little");
        assert!(!acks.are_said_by(3, 110));
        acks.hasten_many(111);
        assert_eq!(acks.deadline(), Some(111));
        let mut acks = few(true);
        acks.sent = Some(100);
        assert!(acks.are_said_by(2, 110));
        assert_eq!(acks.deadline(), None);
        acks.answer(Ack { sn: 1, ts: 0 }, 110);
        assert!(!acks.are_said_by(2, 110), "somebody asked");
    }

    #[test]
    fn leave_at_once_when_a_packet_is_full() {
        let mut acks = pending(&[0; 57]);
        assert_eq!(acks.deadline(), Some(120));
        acks.push(Ack { sn: 0, ts: 0 }, 1000, true, 103);
        assert_eq!(acks.deadline(), Some(103));
    }

    #[test]
    fn below_una_only_the_last_is_sent() {
        assert_eq!(drain(&mut pending(&[3, 4, 5]), 6), [5]);
        assert_eq!(drain(&mut pending(&[3, 9, 5, 7, 4]), 6), [9, 7, 4]);
        assert_eq!(drain(&mut pending(&[6, 7]), 6), [6, 7]);
    }

    #[test]
    fn an_answer_to_a_probe_is_sent_at_once_and_in_any_case() {
        let mut acks = pending(&[3]);
        acks.answer(Ack { sn: 1, ts: 0 }, 102);
        assert_eq!(acks.deadline(), Some(100));
        acks.push(Ack { sn: 4, ts: 0 }, 1000, true, 102);
        assert_eq!(drain(&mut acks, 5), [1, 4]);
    }

    #[test]
    fn answers_can_be_sent_alone_and_hurry_nothing_else() {
        let mut acks = pending(&[3]);
        acks.answer(Ack { sn: 1, ts: 7 }, 102);
        acks.answer(Ack { sn: 2, ts: 7 }, 102);
        let answers: Vec<_> = std::iter::from_fn(|| acks.take_answer()).collect();
        assert_eq!(answers, [Ack { sn: 1, ts: 7 }, Ack { sn: 2, ts: 7 }]);
        assert_eq!(acks.deadline(), Some(120));
        assert_eq!(drain(&mut acks, 0), [3]);
    }

    #[test]
    fn una_may_have_wrapped() {
        assert_eq!(drain(&mut pending(&[u32::MAX, 1, 0]), 1), [1, 0]);
    }

    #[test]
    fn are_bounded() {
        let mut acks = pending(&[]);
        (0..10_000).for_each(|sn| acks.push(Ack { sn, ts: 0 }, 1000, true, 0));
        let left = drain(&mut acks, 0);
        assert_eq!(left.len(), ACKS_LIMIT);
        assert_eq!(left.last(), Some(&9_999));
    }
}

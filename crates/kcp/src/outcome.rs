//! What became of what was sent, carrier by carrier.

use std::time::Duration;

use crate::ack::Ack;
use crate::clock::distance;
use crate::send::Slot;

/// News about one carrier since [`Kcp::poll_outcome`](crate::Kcp::poll_outcome) last told of it.
///
/// Whoever controls how much each carrier holds adds up what it gives a carrier and takes off what it reads here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// The carrier, by the number that was given to
    /// [`Kcp::poll_transmit_over`](crate::Kcp::poll_transmit_over).
    pub carrier: u32,
    /// Bytes of data that arrived over it.
    pub delivered: usize,
    /// Bytes of data that need no longer be expected from it: they were sent again, or arrived over another carrier.
    pub withdrawn: usize,
    /// How long ago the newest of what the peer has answered left over this carrier, be it data or a probe; `None` if it
    /// has answered nothing.
    ///
    /// So old is the news that the carrier works: what was held up for long shows that it worked then.
    pub answered: Option<Duration>,
    /// The shortest round trip among the answers. The way back may have been another carrier.
    pub round_trip: Option<Duration>,
}

/// At most one entry for each carrier, in no order.
#[derive(Debug, Default)]
pub(crate) struct Outcomes(Vec<Entry>);

/// An [`Outcome`] to be, with times as they are on the wire.
#[derive(Debug)]
struct Entry {
    carrier: u32,
    delivered: usize,
    withdrawn: usize,
    answered: Option<u32>,
    round_trip: Option<u32>,
}

impl Outcomes {
    /// The peer has answered at `now` what went over `carrier`.
    pub(crate) fn answered(&mut self, carrier: u32, ack: Ack, now: u32) {
        let Ok(round_trip) = u32::try_from(distance(now, ack.ts)) else { return };
        let entry = self.of(carrier);
        entry.note_answer(ack.ts);
        entry.round_trip = entry.round_trip.into_iter().chain([round_trip]).min();
    }

    /// The peer has a segment, by its last transmission or, unless `by_last`, by an earlier one.
    pub(crate) fn settled(&mut self, slot: &Slot, by_last: bool) {
        let entry = self.of(slot.carrier);
        if by_last {
            entry.delivered += usize::from(slot.len);
            entry.note_answer(slot.ts);
        } else {
            entry.withdrawn += usize::from(slot.len);
        }
    }

    /// A segment is about to be sent again, over whichever carrier.
    pub(crate) fn withdrawn(&mut self, slot: &Slot) {
        self.of(slot.carrier).withdrawn += usize::from(slot.len);
    }

    /// What became of one carrier's, as of `now`.
    pub(crate) fn pop(&mut self, now: u32) -> Option<Outcome> {
        let Entry { carrier, delivered, withdrawn, answered, round_trip } = self.0.pop()?;
        let millis = |millis: u32| Duration::from_millis(millis.into());
        let answered = answered.map(|ts| millis(u32::try_from(distance(now, ts)).unwrap_or(0)));
        let round_trip = round_trip.map(millis);
        Some(Outcome { carrier, delivered, withdrawn, answered, round_trip })
    }

    fn of(&mut self, carrier: u32) -> &mut Entry {
        let known = self.0.iter().position(|entry| entry.carrier == carrier);
        let index = known.unwrap_or_else(|| {
            let (delivered, withdrawn) = (0, 0);
            self.0.push(Entry { carrier, delivered, withdrawn, answered: None, round_trip: None });
            self.0.len() - 1
        });
        &mut self.0[index]
    }
}

impl Entry {
    /// What left at `ts` was answered.
    fn note_answer(&mut self, ts: u32) {
        if self.answered.is_none_or(|known| distance(ts, known) > 0) {
            self.answered = Some(ts);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(carrier: u32, len: u16, ts: u32) -> Slot {
        Slot { start: 0, len, acked: false, transmissions: 1, ts, carrier, timeout: 0 }
    }

    fn ack(ts: u32) -> Ack {
        Ack { sn: 0, ts }
    }

    #[test]
    fn each_carrier_has_one_entry_until_it_is_taken() {
        let mut outcomes = Outcomes::default();
        outcomes.answered(1, ack(70), 100);
        outcomes.settled(&slot(1, 150, 60), true);
        outcomes.answered(1, ack(90), 110);
        outcomes.settled(&slot(1, 50, 80), true);
        outcomes.settled(&slot(2, 60, 80), false);
        outcomes.withdrawn(&slot(2, 10, 80));
        let mut taken: Vec<_> = std::iter::from_fn(|| outcomes.pop(120)).collect();
        taken.sort_by_key(|outcome| outcome.carrier);
        assert_eq!(taken.len(), 2);
        assert_eq!((taken[0].delivered, taken[0].answered), (200, Some(Duration::from_millis(30))));
        assert_eq!(taken[0].round_trip, Some(Duration::from_millis(20)));
        assert_eq!((taken[1].withdrawn, taken[1].answered), (70, None));
        assert_eq!(outcomes.pop(120), None);
    }

    #[test]
    fn what_was_acknowledged_in_passing_is_as_old_as_its_departure() {
        let mut outcomes = Outcomes::default();
        outcomes.settled(&slot(1, 150, u32::MAX), true);
        outcomes.settled(&slot(1, 150, 4), true);
        outcomes.settled(&slot(1, 150, u32::MAX - 9), true);
        let outcome = outcomes.pop(5000).unwrap();
        assert_eq!(outcome.answered, Some(Duration::from_millis(4996)));
        assert_eq!(outcome.round_trip, None, "its acknowledgement may have been lost or late");
    }
}

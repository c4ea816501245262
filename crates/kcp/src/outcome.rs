//! What became of what was sent, carrier by carrier.

use std::time::Duration;

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
    /// Whether the peer has answered anything that went over this carrier, be it data or a probe.
    pub answered: bool,
    /// The shortest round trip among the answers. The way back may have been another carrier.
    pub round_trip: Option<Duration>,
}

/// At most one [`Outcome`] for each carrier, in no order.
#[derive(Debug, Default)]
pub(crate) struct Outcomes(Vec<Outcome>);

impl Outcomes {
    /// The peer has answered a transmission over `carrier`, `round_trip` milliseconds later.
    pub(crate) fn answered(&mut self, carrier: u32, round_trip: u32) {
        let outcome = self.of(carrier);
        outcome.answered = true;
        let measured = Duration::from_millis(round_trip.into());
        outcome.round_trip = outcome.round_trip.into_iter().chain([measured]).min();
    }

    /// The peer has a segment, by its last transmission or, unless `by_last`, by an earlier one.
    pub(crate) fn settled(&mut self, slot: &Slot, by_last: bool) {
        let outcome = self.of(slot.carrier);
        if by_last {
            outcome.delivered += usize::from(slot.len);
            outcome.answered = true;
        } else {
            outcome.withdrawn += usize::from(slot.len);
        }
    }

    /// A segment is about to be sent again, over whichever carrier.
    pub(crate) fn withdrawn(&mut self, slot: &Slot) {
        self.of(slot.carrier).withdrawn += usize::from(slot.len);
    }

    pub(crate) fn pop(&mut self) -> Option<Outcome> {
        self.0.pop()
    }

    fn of(&mut self, carrier: u32) -> &mut Outcome {
        let known = self.0.iter().position(|outcome| outcome.carrier == carrier);
        let index = known.unwrap_or_else(|| {
            self.0.push(Outcome {
                carrier,
                delivered: 0,
                withdrawn: 0,
                answered: false,
                round_trip: None,
            });
            self.0.len() - 1
        });
        &mut self.0[index]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(carrier: u32, len: u16) -> Slot {
        Slot { start: 0, len, acked: false, transmissions: 1, ts: 0, carrier, timeout: 0 }
    }

    #[test]
    fn each_carrier_has_one_entry_until_it_is_taken() {
        let mut outcomes = Outcomes::default();
        outcomes.answered(1, 30);
        outcomes.settled(&slot(1, 150), true);
        outcomes.answered(1, 20);
        outcomes.settled(&slot(1, 50), true);
        outcomes.settled(&slot(2, 60), false);
        outcomes.withdrawn(&slot(2, 10));
        let mut taken: Vec<_> = std::iter::from_fn(|| outcomes.pop()).collect();
        taken.sort_by_key(|outcome| outcome.carrier);
        assert_eq!(taken.len(), 2);
        assert_eq!((taken[0].delivered, taken[0].answered), (200, true));
        assert_eq!(taken[0].round_trip, Some(Duration::from_millis(20)));
        assert_eq!((taken[1].withdrawn, taken[1].answered), (70, false));
        assert_eq!(outcomes.pop(), None);
    }
}

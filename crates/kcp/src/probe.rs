//! Packets that ask a single carrier for proof of life.

use std::collections::VecDeque;

use crate::ack::Ack;

/// Probes that may be unanswered at one time; the oldest is forgotten. 128: sixteen carriers that are asked five times a
/// second, for longer than most round trips.
const OUTSTANDING: usize = 128;

/// Sequence numbers below the peer's `una` that probes use in turn, so that two of one millisecond differ.
const NUMBERS: u32 = 16;

/// Probes under way: empty PUSH segments with a number that the peer has passed long ago.
///
/// A peer takes such a segment for a repetition and acknowledges it with the clock value that it carried, and does
/// nothing else. kcp-go leaves the answer out when it acknowledges something newer in the same packet, so one missing
/// answer proves nothing.
#[derive(Debug, Default)]
pub(crate) struct Probes {
    outstanding: VecDeque<(Ack, u32)>,
    asked: u32,
}

impl Probes {
    /// The number for a probe over `carrier`, sent at `ts` while `una` is the oldest number not passed.
    pub(crate) fn ask(&mut self, carrier: u32, ts: u32, una: u32) -> u32 {
        let sn = una.wrapping_sub(1 + self.asked % NUMBERS);
        self.asked = self.asked.wrapping_add(1);
        if self.outstanding.len() == OUTSTANDING {
            self.outstanding.pop_front();
        }
        self.outstanding.push_back((Ack { sn, ts }, carrier));
        sn
    }

    /// The carrier that `ack` proves to be alive, if it answers a probe.
    pub(crate) fn answered(&mut self, ack: Ack) -> Option<u32> {
        let index = self.outstanding.iter().position(|(asked, _)| *asked == ack)?;
        self.outstanding.remove(index).map(|(_, carrier)| carrier)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_names_its_carrier_once() {
        let mut probes = Probes::default();
        let first = probes.ask(7, 100, 0);
        let second = probes.ask(8, 100, 0);
        assert_eq!((first, second), (u32::MAX, u32::MAX - 1));
        assert_eq!(probes.answered(Ack { sn: second, ts: 101 }), None);
        assert_eq!(probes.answered(Ack { sn: second, ts: 100 }), Some(8));
        assert_eq!(probes.answered(Ack { sn: second, ts: 100 }), None);
        assert_eq!(probes.answered(Ack { sn: first, ts: 100 }), Some(7));
    }

    #[test]
    fn unanswered_probes_are_bounded() {
        let mut probes = Probes::default();
        for ts in 0..1000 {
            probes.ask(1, ts, 500);
        }
        assert_eq!(probes.outstanding.len(), OUTSTANDING);
    }
}

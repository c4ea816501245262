//! The smoothed round trip and the retransmission timeout that follows from it.

use crate::config::{INTERVAL, RTO_INITIAL, RTO_MAX};

/// Round-trip estimate after RFC 6298, in whole milliseconds, with kcp-go's rounding.
///
/// One difference from the RFC, also kcp-go's: a sample far below expectation moves the variation by
/// 1/32 instead of 1/4, so that one quick answer does not inflate the timeout.
#[derive(Debug, Clone)]
pub(crate) struct RoundTrip {
    /// 0 until the first sample that is not 0.
    smoothed: i32,
    variation: i32,
    timeout: u32,
    shortest: u32,
}

impl RoundTrip {
    /// No timeout will be shorter than `shortest` milliseconds.
    pub(crate) fn new(shortest: u32) -> Self {
        Self { smoothed: 0, variation: 0, timeout: RTO_INITIAL.max(shortest), shortest }
    }

    /// Takes one measured round trip in milliseconds; more than a minute counts as a minute.
    pub(crate) fn sample(&mut self, measured: u32) {
        let measured = measured.min(RTO_MAX) as i32;
        if self.smoothed == 0 {
            self.smoothed = measured;
            self.variation = measured >> 1;
        } else {
            let error = measured - self.smoothed;
            self.smoothed += error >> 3;
            let surprise = error.abs() - self.variation;
            let far_below = measured < self.smoothed - self.variation;
            self.variation += if far_below { surprise >> 5 } else { surprise >> 2 };
        }
        let margin = INTERVAL.max(4 * self.variation.unsigned_abs());
        self.timeout = (self.smoothed.unsigned_abs() + margin).clamp(self.shortest, RTO_MAX);
    }

    /// The smoothed round trip in milliseconds; `None` before the first sample.
    pub(crate) fn smoothed(&self) -> Option<u32> {
        (self.smoothed != 0).then_some(self.smoothed.unsigned_abs())
    }

    /// The current retransmission timeout in milliseconds.
    pub(crate) fn timeout(&self) -> u32 {
        self.timeout
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::RTO_MIN;

    fn after(samples: &[u32]) -> RoundTrip {
        let mut rtt = RoundTrip::new(RTO_MIN);
        samples.iter().for_each(|sample| rtt.sample(*sample));
        rtt
    }

    #[test]
    fn starts_at_200_ms() {
        assert_eq!(after(&[]).timeout(), 200);
        assert_eq!(after(&[]).smoothed(), None);
    }

    #[test]
    fn first_sample_sets_half_of_itself_as_variation() {
        // 300 + 4 * 150
        assert_eq!(after(&[300]).timeout(), 900);
        assert_eq!(after(&[300]).smoothed(), Some(300));
    }

    #[test]
    fn later_samples_move_by_an_eighth_and_a_quarter() {
        // smoothed 300 + 80/8 = 310; variation 150 + (80 - 150) >> 2 = 132
        let rtt = after(&[300, 380]);
        assert_eq!(rtt.smoothed(), Some(310));
        assert_eq!(rtt.timeout(), 310 + 4 * 132);
    }

    #[test]
    fn a_sample_far_below_weighs_less() {
        // smoothed 300 + (-290 >> 3) = 263; 10 < 263 - 150, so variation 150 + (290 - 150) >> 5 = 154
        let rtt = after(&[300, 10]);
        assert_eq!(rtt.smoothed(), Some(263));
        assert_eq!(rtt.timeout(), 263 + 4 * 154);
    }

    #[test]
    fn stays_within_100_ms_and_a_minute() {
        assert_eq!(after(&[1; 50]).timeout(), 100);
        assert_eq!(after(&[0]).timeout(), 100);
        assert_eq!(after(&[u32::MAX; 3]).timeout(), 60_000);
    }

    #[test]
    fn a_steady_round_trip_keeps_a_margin_of_10_ms() {
        assert_eq!(after(&[500; 200]).timeout(), 510);
    }
}

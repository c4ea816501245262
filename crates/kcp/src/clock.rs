//! From [`Instant`] to KCP's clock of wrapping 32-bit milliseconds, and comparisons that survive the wrap.

use std::time::{Duration, Instant};

/// Counts the milliseconds of one session.
///
/// Inside the crate time is a `u64` that never wraps; only what goes on the wire is cut to 32 bits.
/// The peer merely echoes those, so where the count begins is our own affair.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    origin: Instant,
    first_wire: u32,
}

impl Clock {
    /// A clock that reads 0 at `origin`.
    pub(crate) fn new(origin: Instant) -> Self {
        Self { origin, first_wire: 0 }
    }

    /// A clock whose wire time begins at `first_wire`, to see it wrap without waiting 49 days.
    #[cfg(test)]
    pub(crate) fn starting_at(origin: Instant, first_wire: u32) -> Self {
        Self { origin, first_wire }
    }

    /// Whole milliseconds from the origin to `now`; 0 before the origin.
    pub(crate) fn millis(&self, now: Instant) -> u64 {
        let elapsed = now.saturating_duration_since(self.origin).as_millis();
        u64::try_from(elapsed).unwrap_or(u64::MAX)
    }

    /// The instant at which [`Clock::millis`] first reads `millis`.
    pub(crate) fn instant(&self, millis: u64) -> Instant {
        self.origin + Duration::from_millis(millis)
    }

    /// The `ts` field for a segment sent at `millis`.
    pub(crate) fn wire(&self, millis: u64) -> u32 {
        self.first_wire.wrapping_add(millis as u32)
    }
}

/// How far `later` lies after `earlier`: negative if before, right across the wrap for distances below 2^31.
///
/// Serves sequence numbers as well as times, as in RFC 1982.
pub(crate) fn distance(later: u32, earlier: u32) -> i32 {
    later.wrapping_sub(earlier) as i32
}

#[cfg(test)]
mod tests {
    use snowflake_netsim::epoch;

    use super::*;

    #[test]
    fn millis_round_down_and_come_back_exactly() {
        let clock = Clock::new(epoch());
        assert_eq!(clock.millis(epoch()), 0);
        assert_eq!(clock.millis(epoch() + Duration::from_micros(10_999)), 10);
        assert_eq!(clock.millis(clock.instant(10)), 10);
        assert_eq!(clock.millis(clock.instant(u64::from(u32::MAX) + 5)), u64::from(u32::MAX) + 5);
    }

    #[test]
    fn a_time_before_the_origin_reads_zero() {
        let clock = Clock::new(epoch() + Duration::from_secs(1));
        assert_eq!(clock.millis(epoch()), 0);
    }

    #[test]
    fn wire_time_wraps() {
        let clock = Clock::starting_at(epoch(), u32::MAX);
        assert_eq!(clock.wire(0), u32::MAX);
        assert_eq!(clock.wire(1), 0);
        assert_eq!(distance(clock.wire(5), clock.wire(0)), 5);
        assert_eq!(distance(clock.wire(0), clock.wire(5)), -5);
    }

    #[test]
    fn distance_is_signed_across_the_wrap() {
        assert_eq!(distance(3, 3), 0);
        assert_eq!(distance(2, u32::MAX), 3);
        assert_eq!(distance(u32::MAX, 2), -3);
        assert_eq!(distance(0x8000_0000, 0), i32::MIN);
    }
}

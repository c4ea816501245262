//! When the NAT is checked again.

use std::time::Duration;

use crate::timers::{MAX_NAT_RETRY, NAT_RETRY};

/// The pauses between checks.
#[derive(Debug)]
pub(super) struct Schedule {
    interval: Option<Duration>,
    retry: Duration,
}

impl Schedule {
    pub(super) fn new(interval: Option<Duration>) -> Self {
        Self { interval, retry: NAT_RETRY }
    }

    /// The interval after a success, `None` if there is to be no further check; after failures 1 min, doubling up to the
    /// interval. A success forgets the failures.
    pub(super) fn after(&mut self, success: bool) -> Option<Duration> {
        if success {
            self.retry = NAT_RETRY;
            return self.interval;
        }
        let pause = self.retry.min(self.interval.unwrap_or(MAX_NAT_RETRY));
        self.retry = pause * 2;
        Some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn failures_double_the_pause_and_a_success_forgets_them() {
        let mut schedule = Schedule::new(Some(10 * MINUTE));
        assert_eq!(schedule.after(true), Some(10 * MINUTE));
        let pauses: Vec<_> = (0..6).map(|_| schedule.after(false).unwrap()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 10, 10].map(|minutes| minutes * MINUTE));
        assert_eq!(schedule.after(true), Some(10 * MINUTE));
        assert_eq!(schedule.after(false), Some(MINUTE));
    }

    #[test]
    fn without_an_interval_only_failures_are_repeated() {
        let mut schedule = Schedule::new(None);
        assert_eq!(schedule.after(false), Some(MINUTE));
        assert_eq!(schedule.after(true), None);
        for _ in 0..20 {
            schedule.after(false);
        }
        assert_eq!(schedule.after(false), Some(MAX_NAT_RETRY));
    }

    #[test]
    fn a_short_interval_is_not_made_longer_by_failures() {
        let mut schedule = Schedule::new(Some(MINUTE / 6));
        assert_eq!(schedule.after(false), Some(MINUTE / 6));
        assert_eq!(schedule.after(false), Some(MINUTE / 6));
    }
}

//! The highest rate and the shortest round trip of late.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::config::{RATE_LIFE, ROUND_TRIP_LIFE, ROUND_TRIP_SLACK, USUAL};

/// The highest value of the last [`RATE_LIFE`] before the newest: values age only when others are added.
///
/// By time and not by their number: on a slow path a few round trips in which little happens to be answered would
/// narrow the window, and the narrow window would confirm them.
#[derive(Debug, Default)]
pub(crate) struct Highest {
    /// Values with their times, falling; the first is the highest.
    values: VecDeque<(Instant, u64)>,
}

impl Highest {
    /// Adds one more value.
    pub(crate) fn add(&mut self, now: Instant, value: u64) {
        while self.values.back().is_some_and(|(_, known)| *known <= value) {
            self.values.pop_back();
        }
        self.values.push_back((now, value));
        let is_old = |(at, _): &mut (Instant, u64)| now.saturating_duration_since(*at) >= RATE_LIFE;
        while self.values.pop_front_if(is_old).is_some() {}
    }

    /// Adds a value that only says how much it is at least: it can raise the highest and makes none forgotten.
    pub(crate) fn at_least(&mut self, now: Instant, value: u64) {
        if value > self.get() {
            self.add(now, value);
        }
    }

    /// The highest; 0 before the first.
    pub(crate) fn get(&self) -> u64 {
        self.values.front().map_or(0, |(_, value)| *value)
    }
}

/// The shortest round trip, until it is too old to be believed.
#[derive(Debug, Default)]
pub(crate) struct Shortest {
    known: Option<Duration>,
    confirmed: Option<Instant>,
    /// The shortest since the value became old.
    next: Option<Duration>,
}

impl Shortest {
    /// Takes one round trip.
    pub(crate) fn sample(&mut self, now: Instant, round_trip: Duration) {
        if self.known.is_none_or(|known| round_trip <= known + ROUND_TRIP_SLACK) {
            self.known = Some(self.known.map_or(round_trip, |known| known.min(round_trip)));
            self.confirmed = Some(now);
        }
        self.next = Some(self.next.map_or(round_trip, |next| next.min(round_trip)));
    }

    /// The shortest; `None` before the first.
    pub(crate) fn get(&self) -> Option<Duration> {
        self.known
    }

    /// Whether it was not confirmed for so long that it should be measured anew.
    pub(crate) fn is_old(&self, now: Instant) -> bool {
        self.confirmed.is_some_and(|at| now.saturating_duration_since(at) >= ROUND_TRIP_LIFE)
    }

    /// Forgets what was collected; the queue is about to be drained.
    pub(crate) fn begin_measurement(&mut self) {
        self.next = None;
    }

    /// Takes the shortest since [`Shortest::begin_measurement`] for the truth, unless it is longer by no more than is
    /// `explained` without a longer way. The first is that of a small packet that was answered at once, so that each
    /// measurement under load would make the way longer, and the next load greater.
    pub(crate) fn end_measurement(&mut self, now: Instant, explained: Duration) {
        self.confirmed = Some(now);
        let (Some(known), Some(next)) = (self.known, self.next) else { return };
        if next > known + explained {
            // On the average.
            self.known = Some(next - explained / 2);
        }
    }
}

/// What most of the last [`USUAL`] values reach: what happens now and then does not count.
#[derive(Debug, Default)]
pub(crate) struct Usual {
    values: VecDeque<Duration>,
    usual: Duration,
}

impl Usual {
    /// Adds one more value.
    pub(crate) fn add(&mut self, value: Duration) {
        if self.values.len() == USUAL {
            self.values.pop_front();
        }
        self.values.push_back(value);
        if self.values.len() == USUAL {
            let mut sorted = [Duration::ZERO; USUAL];
            sorted.iter_mut().zip(&self.values).for_each(|(sorted, value)| *sorted = *value);
            sorted.sort_unstable();
            self.usual = sorted[(USUAL - 1) / 2];
        }
    }

    /// The lower median; zero before there are enough values.
    pub(crate) fn get(&self) -> Duration {
        self.usual
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use snowflake_netsim::epoch;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn the_highest_is_forgotten_after_ten_seconds() {
        let mut highest = Highest::default();
        assert_eq!(highest.get(), 0);
        highest.add(epoch(), 9);
        highest.add(epoch() + ms(5_000), 5);
        highest.add(epoch() + ms(9_999), 4);
        assert_eq!(highest.get(), 9);
        highest.add(epoch() + ms(10_000), 4);
        assert_eq!(highest.get(), 5);
    }

    #[test]
    fn a_lower_bound_only_raises() {
        let mut highest = Highest::default();
        highest.add(epoch(), 9);
        highest.at_least(epoch() + ms(60_000), 5);
        assert_eq!(highest.get(), 9);
        highest.at_least(epoch() + ms(60_000), 10);
        assert_eq!(highest.get(), 10);
    }

    #[test]
    fn the_shortest_is_old_unless_confirmed_and_then_measured_anew() {
        let mut shortest = Shortest::default();
        shortest.sample(epoch(), ms(50));
        shortest.sample(epoch() + ms(9_000), ms(90));
        assert!(!shortest.is_old(epoch() + ms(9_999)));
        assert!(shortest.is_old(epoch() + ms(10_000)));
        shortest.sample(epoch() + ms(10_000), ms(55));
        assert!(!shortest.is_old(epoch() + ms(19_000)));
        shortest.begin_measurement();
        shortest.sample(epoch() + ms(20_000), ms(70));
        shortest.sample(epoch() + ms(20_000), ms(80));
        shortest.end_measurement(epoch() + ms(20_000), ms(20));
        assert_eq!(shortest.get(), Some(ms(50)), "the peer may have collected answers");
        shortest.begin_measurement();
        shortest.sample(epoch() + ms(30_000), ms(71));
        shortest.end_measurement(epoch() + ms(30_000), ms(20));
        assert_eq!(shortest.get(), Some(ms(61)), "the way has become longer");
    }

    #[test]
    fn usual_is_what_most_of_the_last_eight_reach() {
        let mut usual = Usual::default();
        let mut add = |values: &[u64]| {
            values.iter().for_each(|value| usual.add(ms(*value)));
            usual.get()
        };
        assert_eq!(add(&[500, 20, 20, 20, 90, 90, 90]), Duration::ZERO, "too few");
        assert_eq!(add(&[90]), ms(90), "five of eight");
        assert_eq!(add(&[20]), ms(20), "four of eight");
        assert_eq!(add(&[20, 20, 500, 20, 500, 20]), ms(20), "now and then");
        assert_eq!(add(&[500, 500, 500, 500]), ms(500));
    }
}

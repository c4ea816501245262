//! What the path delivers, to tell losses by congestion from losses by chance.
//!
//! New Reno takes every loss for congestion and halves the window, so that one lost packet in a hundred leaves
//! 1.1 Mbit/s of any path with a round trip of 100 ms. A radio link or a policed one loses packets without being full.
//! What congestion is can be seen otherwise: packets wait, or a considerable part of them is lost. Then the window
//! becomes what the path has delivered of late within its shortest round trip, as in TCP Westwood+; otherwise it stays.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Shortest time over which a rate is counted: two of the bursts that come with collected acknowledgments.
const MIN_ROUND: Duration = Duration::from_millis(40);

/// How many rounds a rate counts if none was higher since.
const ROUNDS: usize = 10;

/// How long the shortest round trip is believed at the least; at the most twice as long. Where the way has become longer,
/// losses are taken for congestion until then; where a queue always stands, it must not become what is normal.
const ROUND_TRIP_LIFE: Duration = Duration::from_secs(300);

/// How much longer than the shortest a round trip may be when nothing waits: collected acknowledgments, busy machines.
const NO_QUEUE: Duration = Duration::from_millis(30);

/// What the path may hold beyond its shortest round trip: as much as leaves it busy between two acknowledgments.
const SLACK: Duration = Duration::from_millis(30);

/// One in so many bytes lost is congestion, even if nothing waits: a policer has no queue.
const MUCH: usize = 6;

/// Bytes of a round below which its losses say nothing.
const FEW: usize = 20 * 1200;

#[derive(Debug, Default)]
pub(crate) struct Delivery {
    round: Round,
    rates: VecDeque<f64>,
    /// The shortest round trip of this and of the last time span.
    shortest: [Option<Duration>; 2],
    since: Option<Instant>,
    latest: Option<Duration>,
    loses_much: bool,
}

#[derive(Debug, Default)]
struct Round {
    began: Option<Instant>,
    delivered: usize,
    lost: usize,
}

impl Delivery {
    /// Bytes were acknowledged.
    pub(crate) fn delivered(&mut self, now: Instant, bytes: usize) {
        let began = *self.round.began.get_or_insert(now);
        self.round.delivered += bytes;
        let elapsed = now.saturating_duration_since(began);
        if elapsed < MIN_ROUND.max(self.latest.unwrap_or_default()) {
            return;
        }
        let Round {
            delivered, lost, ..
        } = std::mem::take(&mut self.round);
        self.round.began = Some(now);
        if delivered + lost >= FEW {
            self.loses_much = lost * MUCH > delivered + lost;
        }
        if self.rates.len() == ROUNDS {
            self.rates.pop_front();
        }
        self.rates
            .push_back(delivered as f64 / elapsed.as_secs_f64());
    }

    /// Bytes were lost.
    pub(crate) fn lost(&mut self, bytes: usize) {
        self.round.lost += bytes;
    }

    /// A round trip was measured.
    pub(crate) fn measured(&mut self, now: Instant, round_trip: Duration) {
        self.latest = Some(round_trip);
        let since = *self.since.get_or_insert(now);
        if now.saturating_duration_since(since) >= ROUND_TRIP_LIFE {
            self.shortest = [None, self.shortest[0]];
            self.since = Some(now);
        }
        let known = self.shortest[0].unwrap_or(round_trip);
        self.shortest[0] = Some(known.min(round_trip));
    }

    /// Whether what is lost now is lost because the path is full.
    pub(crate) fn is_congested(&self) -> bool {
        let waits = self
            .latest
            .zip(self.shortest())
            .is_none_or(|(latest, shortest)| latest > shortest + NO_QUEUE.max(shortest / 4));
        waits || self.loses_much
    }

    /// Bytes that the path delivers within its shortest round trip, and a little more; 0 before that was measured.
    pub(crate) fn pipe(&self) -> u32 {
        let rate = self.rates.iter().copied().fold(0.0, f64::max);
        let slack = if self.loses_much {
            Duration::ZERO
        } else {
            SLACK
        };
        let time = self.shortest().unwrap_or_default() + slack;
        (rate * time.as_secs_f64()) as u32
    }

    /// The shortest round trip of late.
    pub(crate) fn shortest(&self) -> Option<Duration> {
        self.shortest.iter().flatten().min().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUND_TRIP: Duration = Duration::from_millis(100);

    /// A path of a megabyte a second, after two seconds.
    fn path() -> (Delivery, Instant) {
        let (mut delivery, mut now) = (Delivery::default(), Instant::now());
        for _ in 0..200 {
            now += Duration::from_millis(10);
            delivery.measured(now, ROUND_TRIP);
            delivery.delivered(now, 10_000);
        }
        (delivery, now)
    }

    #[test]
    fn the_pipe_is_what_is_delivered_in_a_round_trip() {
        let (delivery, _) = path();
        assert!(
            (125_000..=145_000).contains(&delivery.pipe()),
            "{}",
            delivery.pipe()
        );
    }

    #[test]
    fn a_loss_is_congestion_where_packets_wait() {
        let (mut delivery, now) = path();
        assert!(!delivery.is_congested());
        delivery.measured(now, ROUND_TRIP + Duration::from_millis(50));
        assert!(delivery.is_congested());
    }

    #[test]
    fn a_loss_is_congestion_before_anything_is_known() {
        assert!(Delivery::default().is_congested());
    }

    #[test]
    fn many_losses_are_congestion_in_any_case() {
        for (lost, is_congested) in [(500, false), (3_000, true)] {
            let (mut delivery, mut now) = path();
            for _ in 0..20 {
                now += Duration::from_millis(10);
                delivery.lost(lost);
                delivery.delivered(now, 10_000 - lost);
            }
            assert_eq!(delivery.is_congested(), is_congested);
        }
    }

    #[test]
    fn a_longer_way_is_believed_after_a_while() {
        let (mut delivery, mut now) = path();
        for _ in 0..25 {
            now += ROUND_TRIP_LIFE / 12;
            delivery.measured(now, 3 * ROUND_TRIP);
        }
        assert!(!delivery.is_congested());
    }
}

//! How much a peer may send that does not control its sending by itself.

use std::time::{Duration, Instant};

/// Segments before anything was measured: 44 KB, a third of a second at 1 Mbit/s.
const INITIAL: u16 = 32;

/// Segments at the least: 22 KB, enough to keep a path busy between two answers of the peer's.
const MIN: u16 = 16;

/// What the peer needs beyond the round trip to answer an acknowledgement: kcp-go collects for 10 ms, and so do we.
const ANSWER: Duration = Duration::from_millis(20);

/// Shortest time over which a rate is counted.
const MIN_EPOCH: Duration = Duration::from_millis(50);

/// Epochs whose highest rate counts.
const EPOCHS: usize = 10;

/// Chooses the KCP window that we advertise to a peer like Go's, which sends whatever the window allows.
///
/// **Pure.** The window is one and a half times what arrives in the shortest round trip: all of the path, and half a
/// round trip of queue, where the 65,535 segments that Go advertises are a queue of many seconds on a slow path. While
/// the window is what limits the rate, each epoch lets it grow by half.
#[derive(Debug)]
pub(crate) struct ReceiveWindow {
    window: u16,
    began: Option<Instant>,
    /// Segments received before this epoch.
    before: u64,
    /// Segments a second.
    rates: [f64; EPOCHS],
    epoch: usize,
}

impl ReceiveWindow {
    pub(crate) fn new() -> Self {
        Self { window: INITIAL, began: None, before: 0, rates: [0.0; EPOCHS], epoch: 0 }
    }

    /// The window after `received` segments in all, with this shortest round trip.
    pub(crate) fn update(
        &mut self,
        now: Instant,
        received: u64,
        round_trip: Option<Duration>,
    ) -> u16 {
        let round_trip = round_trip.unwrap_or_default() + ANSWER;
        let Some(began) = self.began else {
            self.begin(now, received);
            return self.window;
        };
        let elapsed = now.saturating_duration_since(began);
        // What a lost SCTP packet has held up comes at once; its epoch is as long as the hold-up.
        if received > self.before && elapsed >= round_trip.max(MIN_EPOCH) {
            let rate = (received - self.before) as f64 / elapsed.as_secs_f64();
            self.begin(now, received);
            self.note(rate);
            let highest = self.rates.iter().copied().fold(0.0, f64::max);
            let window = 1.5 * highest * round_trip.as_secs_f64();
            self.window = (window as u16).clamp(MIN, u16::MAX);
        }
        self.window
    }

    fn begin(&mut self, now: Instant, received: u64) {
        self.began = Some(now);
        self.before = received;
    }

    /// An epoch in which little came may say more about the peer than about the path; it makes only its own rate
    /// forgotten.
    fn note(&mut self, rate: f64) {
        self.rates[self.epoch % EPOCHS] = rate;
        self.epoch += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use snowflake_netsim::epoch;

    const ROUND_TRIP: Duration = Duration::from_millis(100);

    /// A peer that fills the window, over a path of `rate` segments a second; the window after each of its rounds.
    fn rounds(rate: f64, count: usize) -> Vec<u16> {
        let mut window = ReceiveWindow::new();
        let (mut now, mut received, mut advertised) = (epoch(), 0.0, INITIAL);
        window.update(now, 0, Some(ROUND_TRIP));
        let mut seen = Vec::new();
        for _ in 0..count {
            let round = (ROUND_TRIP + ANSWER).as_secs_f64().max(f64::from(advertised) / rate);
            now += Duration::from_secs_f64(round);
            received += f64::from(advertised);
            advertised = window.update(now, received as u64, Some(ROUND_TRIP));
            seen.push(advertised);
        }
        seen
    }

    #[test]
    fn it_grows_to_one_and_a_half_times_the_path() {
        // 20 Mbit/s in segments of 1376 bytes
        let windows = rounds(1817.0, 30);
        let expected = 1.5 * 1817.0 * 0.12;
        assert!((f64::from(windows[7]) / expected - 1.0).abs() < 0.1, "{windows:?}");
        assert!((f64::from(windows[29]) / expected - 1.0).abs() < 0.1, "{windows:?}");
    }

    #[test]
    fn a_slow_path_gets_the_least() {
        assert_eq!(rounds(91.0, 30)[29], MIN, "at 1 Mbit/s, 1.5 round trips are 16 segments");
    }

    #[test]
    fn it_is_forgotten_that_the_path_was_fast() {
        let mut window = ReceiveWindow::new();
        let mut now = epoch();
        for received in [0, 1000] {
            window.update(now, received, Some(ROUND_TRIP));
            now += ROUND_TRIP + ANSWER;
        }
        assert_eq!(window.update(now, 1000, Some(ROUND_TRIP)), 1500);
        for received in (1001..).take(EPOCHS) {
            now += ROUND_TRIP + ANSWER;
            window.update(now, received, Some(ROUND_TRIP));
        }
        assert_eq!(window.window, MIN);
    }

    #[test]
    fn what_was_held_up_does_not_make_the_path_look_fast() {
        let mut window = ReceiveWindow::new();
        let mut now = epoch();
        for received in (0..2000).step_by(50) {
            window.update(now, received, Some(ROUND_TRIP));
            now += ROUND_TRIP + ANSWER;
        }
        let before = window.window;
        for _ in 0..8 {
            now += ROUND_TRIP + ANSWER;
            window.update(now, 1950, Some(ROUND_TRIP));
        }
        assert!(window.update(now, 1950 + 450, Some(ROUND_TRIP)) <= before);
    }
}

//! A peer that always fills the window, over one link on a clock of its own.

use super::*;
use snowflake_netsim::epoch;
use std::collections::VecDeque;

/// Bytes of a full segment on the wire.
const SEGMENT: f64 = 1400.0;

/// One link, in steps of a millisecond; times in milliseconds.
struct Path {
    /// Milliseconds for a segment.
    pace: f64,
    round_trip: u64,
    now: u64,
    /// When the link is free.
    free: f64,
    /// When those on the link were sent, and when they arrive.
    going: VecDeque<(u64, u64)>,
    /// Windows and numbers of segments on their way back to the peer, and when they get there.
    coming: VecDeque<(u64, u16, u64)>,
    sent: u64,
    acknowledged: u64,
    received: u64,
    advertised: u16,
    /// Nothing arrives before this time; then all at once.
    held_until: u64,
    window: ReceiveWindow,
}

impl Path {
    fn new(mbit: f64, round_trip: u64) -> Self {
        Self {
            pace: SEGMENT * 8.0 / (mbit * 1000.0),
            round_trip,
            now: 0,
            free: 0.0,
            going: VecDeque::new(),
            coming: VecDeque::new(),
            sent: 0,
            acknowledged: 0,
            received: 0,
            advertised: INITIAL,
            held_until: 0,
            window: ReceiveWindow::new(),
        }
    }

    /// Lets time pass; returns the part of the rate that was used and the longest queue, in milliseconds.
    fn run(&mut self, millis: u64) -> (f64, f64) {
        let before = self.received;
        let mut longest = 0.0_f64;
        for _ in 0..millis {
            self.step();
            longest = longest.max(self.free - self.now as f64);
        }
        ((self.received - before) as f64 * self.pace / millis as f64, longest)
    }

    fn step(&mut self) {
        self.now += 1;
        let now = epoch() + Duration::from_millis(self.now);
        while let Some((_, window, count)) = self.coming.pop_front_if(|(at, ..)| *at <= self.now) {
            (self.advertised, self.acknowledged) = (window, count);
        }
        // kcp-go's peer looks every 10 ms.
        while self.now.is_multiple_of(10) && self.sent - self.acknowledged < self.advertised.into()
        {
            self.sent += 1;
            self.free = self.free.max(self.now as f64) + self.pace;
            self.going.push_back((self.now, self.free as u64 + self.round_trip / 2));
        }
        let arrives = |(_, at): &mut (u64, u64)| *at <= self.now && self.held_until <= self.now;
        while let Some((sent, _)) = self.going.pop_front_if(arrives) {
            self.received += 1;
            self.window.arrived(now, 1, sent as u32);
        }
        let round_trip = Duration::from_millis(self.round_trip);
        let window = self.window.update(now, self.received, Some(round_trip));
        if self.now.is_multiple_of(10) {
            self.coming.push_back((self.now + self.round_trip / 2, window, self.received));
        }
    }
}

const PATHS: [(f64, u64); 9] = [
    (1.0, 0),
    (1.0, 50),
    (1.0, 100),
    (5.0, 0),
    (5.0, 50),
    (5.0, 100),
    (20.0, 0),
    (20.0, 50),
    (20.0, 100),
];

#[test]
fn every_path_is_filled_and_no_queue_is_long() {
    for (mbit, round_trip) in PATHS {
        let mut path = Path::new(mbit, round_trip);
        let (first, longest_first) = path.run(5_000);
        let (used, longest) = path.run(60_000);
        let figures = format!(
            "{mbit} Mbit/s, {round_trip} ms: {first:.2} then {used:.2}, queues {longest_first:.0} then {longest:.0} ms"
        );
        assert!(first > 0.8 && used > 0.95, "{figures}");
        assert!(longest_first < 200.0 && longest < 100.0, "{figures}");
    }
}

/// What was lost under the carrier is waited for, and everything behind it waits too.
#[test]
fn what_was_held_up_does_not_make_the_path_look_fast() {
    for (mbit, round_trip) in PATHS {
        let mut path = Path::new(mbit, round_trip);
        path.run(10_000);
        for _ in 0..20 {
            path.held_until = path.now + 300;
            let (_, longest) = path.run(2_000);
            assert!(longest < 150.0, "{mbit} Mbit/s, {round_trip} ms: {longest:.0} ms of queue");
        }
        let (used, _) = path.run(5_000);
        assert!(used > 0.9, "{mbit} Mbit/s, {round_trip} ms: {used:.2}");
    }
}

/// What looks like a queue at the beginning and is none does not make the window creep: by the law alone a third of the
/// path would be used in these two seconds.
#[test]
fn a_hold_up_at_the_beginning_costs_little() {
    let mut path = Path::new(20.0, 100);
    path.run(200);
    path.held_until = path.now + 150;
    let (used, _) = path.run(2_000);
    assert_eq!(path.window.phase, Phase::Steady, "the hold-up ended the start");
    assert!(used > 0.45, "{used:.2}");
}

#[test]
fn it_follows_a_path_that_changes() {
    let mut path = Path::new(20.0, 50);
    path.run(5_000);
    path.pace *= 10.0;
    path.run(5_000);
    let (used, longest) = path.run(20_000);
    assert!(used > 0.95 && longest < 120.0, "slower: {used:.2}, {longest:.0} ms");
    path.pace /= 10.0;
    path.run(5_000);
    let (used, longest) = path.run(20_000);
    assert!(used > 0.95 && longest < 120.0, "faster: {used:.2}, {longest:.0} ms");
    path.round_trip = 150;
    path.run(30_000);
    let (used, longest) = path.run(20_000);
    assert!(used > 0.9 && longest < 120.0, "farther: {used:.2}, {longest:.0} ms");
}

#[test]
fn a_window_that_is_not_used_does_not_grow() {
    let mut window = ReceiveWindow::new();
    for round in 1..100 {
        let now = epoch() + round * Duration::from_millis(100);
        window.arrived(now, 1, round * 100);
        window.update(now, round.into(), Some(Duration::from_millis(50)));
    }
    assert_eq!(window.window, f64::from(INITIAL));
}

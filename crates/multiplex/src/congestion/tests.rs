use super::*;
use snowflake_netsim::{Rng, epoch};

/// A carrier of a fixed rate and round trip, whose queue has no end unless one is given.
struct Pipe {
    congestion: Congestion,
    now: Instant,
    rate: f64,
    round_trip: Duration,
    /// When what was sent will have been answered, and how much and when it left.
    under_way: std::collections::VecDeque<(Instant, usize, Instant)>,
    busy_until: Instant,
    smoothed: Duration,
    delivered: usize,
    longest: Duration,
    packet: usize,
    /// Milliseconds between two answers.
    interval: u64,
    /// Of so many packets one is lost, and holds up what follows for a round trip.
    one_lost_of: Option<u64>,
    /// Longest wait before the bottleneck; who would wait longer is lost, and repeated a round trip later.
    queue: Option<Duration>,
    rng: Rng,
}

const PACKET: usize = 1376;

impl Pipe {
    fn new(mbit: f64, round_trip_ms: u64) -> Self {
        Self {
            congestion: Congestion::new(),
            now: epoch(),
            rate: mbit * 125_000.0,
            round_trip: Duration::from_millis(round_trip_ms),
            under_way: std::collections::VecDeque::new(),
            busy_until: epoch(),
            smoothed: Duration::ZERO,
            delivered: 0,
            longest: Duration::ZERO,
            packet: PACKET,
            interval: 10,
            one_lost_of: None,
            queue: None,
            rng: Rng::new(1),
        }
    }

    fn fill(&mut self) {
        while self.congestion.room(self.now) > 0 {
            self.congestion.sent(self.now, self.packet);
            let arrives = self.leave() + self.round_trip + self.hold_up();
            let tick = (arrives - epoch()).as_millis() as u64 / self.interval * self.interval;
            let answered = epoch() + Duration::from_millis(tick + self.interval);
            let before = self.under_way.back().map_or(answered, |(before, ..)| *before);
            self.under_way.push_back((answered.max(before), self.packet, self.now));
        }
    }

    /// When the next packet has passed the bottleneck, be it at the second attempt.
    fn leave(&mut self) -> Instant {
        let took = Duration::from_secs_f64(self.packet as f64 / self.rate);
        let waits = self.busy_until.saturating_duration_since(self.now);
        let is_lost = self.queue.is_some_and(|queue| waits > queue);
        self.busy_until = self.busy_until.max(self.now) + took;
        self.busy_until + if is_lost { self.round_trip } else { Duration::ZERO }
    }

    fn hold_up(&mut self) -> Duration {
        let is_lost = self.one_lost_of.is_some_and(|number| self.rng.below(number) == 0);
        if is_lost { self.round_trip } else { Duration::ZERO }
    }

    /// Lets time pass until the next answer, or until more may be sent.
    fn next(&mut self, until: Instant) -> Option<Instant> {
        loop {
            let answer = self.under_way.front().map(|(at, ..)| *at).filter(|at| *at <= until);
            let held = self.congestion.held_until(self.now).filter(|at| *at <= until);
            match held.filter(|held| answer.is_none_or(|answer| *held < answer)) {
                None => return answer,
                Some(held) => self.now = held,
            }
            self.fill();
        }
    }

    /// Sends all it may for `seconds`; returns the rate in Mbit/s and the longest time on the way in milliseconds.
    fn run(&mut self, seconds: f64) -> (f64, u128) {
        let until = self.now + Duration::from_secs_f64(seconds);
        (self.delivered, self.longest) = (0, Duration::ZERO);
        self.fill();
        while let Some(at) = self.next(until) {
            self.now = at;
            let mut bytes = 0;
            let mut shortest = Duration::MAX;
            while let Some((_, len, left)) = self.under_way.pop_front_if(|(due, ..)| *due == at) {
                bytes += len;
                shortest = shortest.min(at - left);
                self.longest = self.longest.max(at - left);
            }
            self.smoothed = (self.smoothed * 7 + shortest) / 8;
            self.congestion.measured(at, shortest);
            self.congestion.delivered(at, bytes, self.smoothed);
            self.delivered += bytes;
            self.fill();
        }
        self.now = until;
        (self.delivered as f64 / seconds / 125_000.0, self.longest.as_millis())
    }
}

#[test]
fn every_path_is_filled_and_no_queue_grows() {
    for mbit in [1.0, 5.0, 8.0, 20.0, 100.0] {
        for round_trip in [0, 50, 100, 300] {
            let mut pipe = Pipe::new(mbit, round_trip);
            let (start, _) = pipe.run(5.0);
            let (steady, longest) = pipe.run(60.0);
            let what =
                format!("{mbit} Mbit/s, {round_trip} ms: {start:.2} {steady:.2}, {longest} ms");
            // A long path takes its time to fill: doubling to its end would overflow its queue.
            let begun = if round_trip > 100 { 0.05 } else { 0.75 };
            assert!(start > begun * mbit && steady > 0.93 * mbit, "{what}");
            assert!(longest < 2 * u128::from(round_trip) + 200, "{what}");
        }
    }
}

#[test]
fn packets_that_are_lost_all_the_time_are_no_queue() {
    for (every, least) in [(100, 18.5), (20, 9.0)] {
        let mut pipe = Pipe::new(20.0, 100);
        pipe.one_lost_of = Some(every);
        pipe.run(10.0);
        let (steady, longest) = pipe.run(60.0);
        assert!(steady > least, "one of {every}: {steady:.2} Mbit/s, {longest} ms");
        pipe.one_lost_of = None;
        pipe.run(20.0);
        let (steady, longest) = pipe.run(30.0);
        assert!(steady > 18.0 && longest < 250, "then none: {steady:.2} Mbit/s, {longest} ms");
    }
}

/// It is held up as well; if that made the window larger, more would overflow.
#[test]
fn what_overflows_a_short_queue_makes_the_window_no_larger() {
    for (mbit, round_trip, queue) in
        [(20.0, 100, 30), (5.0, 100, 30), (5.0, 50, 20), (1.0, 100, 30)]
    {
        let mut pipe = Pipe::new(mbit, round_trip);
        pipe.queue = Some(Duration::from_millis(queue));
        pipe.run(20.0);
        for _ in 0..30 {
            let (steady, longest) = pipe.run(5.0);
            let what =
                format!("{mbit} Mbit/s, {round_trip} ms, {queue} ms: {steady:.2}, {longest} ms");
            assert!(pipe.congestion.hold_up() < Duration::from_millis(60), "{what}");
            assert!(steady > 0.7 * mbit && longest < 4 * u128::from(round_trip), "{what}");
        }
    }
}

#[test]
fn a_packet_that_is_lost_now_and_then_makes_no_window_larger() {
    let mut pipe = Pipe::new(8.0, 50);
    // One in three seconds or so.
    pipe.one_lost_of = Some(2000);
    pipe.run(10.0);
    for _ in 0..100 {
        pipe.run(0.3);
        assert_eq!(pipe.congestion.hold_up(), Duration::ZERO);
    }
}

#[test]
fn a_path_that_becomes_faster_is_noticed_and_so_is_one_that_becomes_slower() {
    let mut pipe = Pipe::new(2.0, 50);
    pipe.run(10.0);
    pipe.rate *= 10.0;
    let (fast, _) = pipe.run(5.0);
    assert!(fast > 16.0, "{fast}");
    pipe.rate /= 10.0;
    pipe.run(12.0);
    let (slow, longest) = pipe.run(10.0);
    assert!(slow > 1.8 && longest < 250, "{slow} {longest}");
}

#[test]
fn a_path_that_hardly_moved_is_soon_used_again() {
    for mbit in [0.1, 0.01, 0.001] {
        let mut pipe = Pipe::new(mbit, 50);
        pipe.run(120.0);
        let rate = pipe.congestion.rate();
        assert!(rate < 30_000, "{rate} bytes a second");
        pipe.rate = 1e6;
        pipe.busy_until = pipe.now;
        pipe.under_way.iter_mut().for_each(|(answered, ..)| *answered = pipe.now);
        pipe.run(4.0);
        let (fast, _) = pipe.run(5.0);
        assert!(fast > 7.0, "{fast} after {mbit} Mbit/s");
    }
}

#[test]
fn a_path_that_has_become_much_slower_is_begun_anew() {
    let mut pipe = Pipe::new(5.0, 50);
    pipe.run(5.0);
    assert_eq!(pipe.congestion.phase, Phase::Steady);
    pipe.rate /= 50.0;
    let begins_anew = (0..2000).any(|_| {
        pipe.run(0.01);
        pipe.congestion.rate() == 0 && matches!(pipe.congestion.phase, Phase::Start { .. })
    });
    assert!(begins_anew);
}

#[test]
fn a_session_with_little_to_say_does_not_make_the_path_look_slow() {
    let mut pipe = Pipe::new(20.0, 50);
    pipe.run(5.0);
    pipe.congestion.withdrawn(usize::MAX);
    let rate = pipe.congestion.rate();
    for n in 0..1000 {
        let now = pipe.now + Duration::from_millis(100 * n);
        pipe.congestion.sent(now, 100);
        pipe.congestion.measured(now + pipe.round_trip, pipe.round_trip);
        pipe.congestion.delivered(now + pipe.round_trip, 100, pipe.round_trip);
    }
    assert_eq!(pipe.congestion.rate(), rate);
}

#[test]
fn what_is_taken_back_makes_room() {
    let mut congestion = Congestion::new();
    congestion.sent(epoch(), INITIAL_WINDOW);
    assert_eq!(congestion.room(epoch()), 0);
    congestion.withdrawn(1000);
    assert_eq!((congestion.room(epoch()), congestion.in_flight()), (1000, INITIAL_WINDOW - 1000));
    congestion.withdrawn(usize::MAX);
    assert_eq!(congestion.in_flight(), 0);
}

#[test]
fn a_path_that_would_hold_more_gets_the_largest_window_in_each_round_trip() {
    let mut pipe = Pipe::new(1000.0, 300);
    let mut most = 0;
    for _ in 0..300 {
        pipe.run(0.1);
        most = most.max(pipe.congestion.in_flight());
    }
    assert!((MAX_WINDOW..MAX_WINDOW + PACKET).contains(&most), "{most}");
    let (mbit, _) = pipe.run(20.0);
    let expected = 8.0 * MAX_WINDOW as f64 / 1e6 / 0.31;
    assert!((mbit / expected - 1.0).abs() < 0.1, "{mbit} of {expected}");
}

/// The window is answered at once, every 20 ms: no epoch may begin anew with each answer, or the few bytes with which most
/// sessions begin would remain all that is known of the rate.
#[test]
fn a_path_shorter_than_the_interval_of_acknowledgements_is_found_to_be_fast() {
    let (mut congestion, mut now) = (Congestion::new(), epoch());
    let mut round = |congestion: &mut Congestion, bytes, millis| {
        congestion.sent(now, bytes);
        now += Duration::from_millis(millis);
        congestion.measured(now, Duration::from_millis(1));
        congestion.delivered(now, bytes, Duration::from_millis(20));
        now
    };
    let hello = round(&mut congestion, 30, 45);
    assert!((1..1000).contains(&congestion.rate()), "{} bytes a second", congestion.rate());
    let mut moved = 0;
    let mut until = hello;
    while until < hello + Duration::from_secs(1) {
        let room = congestion.room(until);
        until = round(&mut congestion, room, 20);
        moved += room;
    }
    assert!(moved > 20_000_000, "{moved} bytes in a second, window {}", congestion.window);
}

/// The first round trip is that of a small packet; those of large ones, answered 20 ms later, must not make the way longer
/// each time that it is measured, and the queue with it.
#[test]
fn long_packets_do_not_make_a_slow_path_longer() {
    let mut pipe = Pipe::new(1.0, 100);
    (pipe.packet, pipe.interval) = (3000, 20);
    pipe.congestion.measured(pipe.now, Duration::from_millis(103));
    pipe.run(5.0);
    for _ in 0..12 {
        let (mbit, longest) = pipe.run(10.0);
        assert!(mbit > 0.97 && longest < 215, "{mbit} Mbit/s, {longest} ms");
        assert_eq!(pipe.congestion.shortest(), Some(Duration::from_millis(103)));
    }
}

/// A lost packet holds up what follows; then all of it comes at once.
#[test]
fn what_was_held_up_makes_no_rate_and_no_burst() {
    let mut pipe = Pipe::new(1.0, 100);
    pipe.run(5.0);
    for _ in 0..60 {
        let held_up = pipe.now + Duration::from_millis(300);
        pipe.under_way.iter_mut().for_each(|(answered, ..)| *answered = held_up);
        let all = pipe.congestion.in_flight();
        pipe.run(0.3);
        let burst = pipe.congestion.in_flight();
        assert!(burst < 8_000 && burst < all / 2, "{burst} bytes at once after {all}");
        pipe.run(1.0);
        let rate = pipe.congestion.rate();
        assert!((100_000..140_000).contains(&rate), "{rate} of 125,000 bytes a second");
    }
}

/// What little a session says while it has nothing to do, and the round trip before the first answer, are not the rate of a
/// carrier.
#[test]
fn after_a_pause_the_rate_is_known_at_once() {
    for trickle in [0, 100] {
        for (mbit, round_trip) in [(20.0, 100), (5.0, 100), (20.0, 300)] {
            let mut pipe = Pipe::new(mbit, round_trip);
            pipe.run(10.0);
            pipe.under_way.clear();
            pipe.congestion.withdrawn(usize::MAX);
            for _ in 0..150 {
                pipe.now += Duration::from_millis(100);
                pipe.congestion.sent(pipe.now, trickle);
                pipe.congestion.delivered(pipe.now, trickle, pipe.smoothed);
            }
            pipe.busy_until = pipe.now;
            pipe.run(0.5);
            let (fast, _) = pipe.run(0.5);
            assert!(fast > 0.9 * mbit, "{fast} of {mbit} at {round_trip} ms after {trickle}");
        }
    }
}

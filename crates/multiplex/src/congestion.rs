//! How much one carrier may hold.

use std::time::{Duration, Instant};

use crate::config::{
    ACK_DELAY, BURST, DRAIN, GROWTH, INITIAL_WINDOW, LATE, LATE_EPOCHS, LONGEST_HOLD_UP,
    LONGEST_SEGMENT, MAX_WINDOW, MIN_EPOCH, MIN_WINDOW, PACE, PAUSE, ROUNDING, STANDING,
    START_QUEUE, STEADY_AFTER, TICK,
};
use crate::filters::{Highest, Shortest, Usual};

/// The congestion controller of one carrier; see the [crate documentation](crate) for why it is like this.
#[derive(Debug)]
pub(crate) struct Congestion {
    /// Bytes of data given to the carrier and neither delivered nor taken back.
    in_flight: usize,
    window: usize,
    phase: Phase,
    rate: Highest,
    shortest: Shortest,
    /// How long nothing arrives, in each epoch, although something is under way.
    gaps: Usual,
    epoch: Epoch,
    /// What the last epoch brought, and how long it took.
    last: Option<(usize, Duration)>,
    /// Epochs in a row in which every answer came much too late.
    late_epochs: u32,
    /// When the last of what was in flight was delivered, if nothing is.
    emptied: Option<Instant>,
    /// When what was given would have left at the carrier's [`pace`](Self::pace).
    left: Option<Instant>,
}

#[derive(Debug, PartialEq, Eq)]
enum Phase {
    /// The window doubles with every round trip.
    Start { best: u64, epochs_without_growth: u32 },
    /// The window follows the rate.
    Steady,
    /// The queue is drained to measure the shortest round trip: until then, once so little is in flight.
    Drain { until: Option<Instant> },
}

/// One round trip or so, over which the rate is counted.
#[derive(Debug, Default)]
struct Epoch {
    began: Option<Instant>,
    delivered: usize,
    /// When something arrived last, if more was under way after that.
    arrived: Option<Instant>,
    /// The longest time in which nothing did.
    gap: Duration,
    shortest: Option<Duration>,
    /// It began with little or nothing under way.
    follows_a_pause: bool,
    /// The most that was in flight at one time. If that was less than the window, the rate is the session's.
    peak: usize,
}

impl Congestion {
    pub(crate) fn new() -> Self {
        Self {
            in_flight: 0,
            window: INITIAL_WINDOW,
            phase: Phase::Start { best: 0, epochs_without_growth: 0 },
            rate: Highest::default(),
            shortest: Shortest::default(),
            gaps: Usual::default(),
            epoch: Epoch::default(),
            last: None,
            late_epochs: 0,
            emptied: None,
            left: None,
        }
    }

    /// Bytes that may be given to the carrier now.
    pub(crate) fn room(&self, now: Instant) -> usize {
        let room = self.window.saturating_sub(self.in_flight);
        let Some((left, pace)) = self.left.zip(self.pace()) else { return room };
        let burst = (now + BURST).saturating_duration_since(left);
        room.min((burst.as_secs_f64() * pace) as usize)
    }

    /// Until when nothing may be given although the window has room.
    pub(crate) fn held_until(&self, now: Instant) -> Option<Instant> {
        let is_held = self.in_flight < self.window && self.room(now) == 0;
        self.left.filter(|_| is_held).map(|left| left - BURST + TICK)
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Bytes a second; 0 before anything was measured.
    pub(crate) fn rate(&self) -> u64 {
        self.rate.get()
    }

    /// The shortest round trip of late.
    pub(crate) fn shortest(&self) -> Option<Duration> {
        self.shortest.get()
    }

    /// Data was given to the carrier.
    pub(crate) fn sent(&mut self, now: Instant, bytes: usize) {
        let paused = |since| now.saturating_duration_since(since) >= PAUSE;
        if self.in_flight == 0 && self.emptied.is_none_or(paused) {
            self.epoch = Epoch { began: Some(now), follows_a_pause: true, ..Epoch::default() };
        }
        if let Some(pace) = self.pace() {
            let begins = self.left.map_or(now, |left| left.max(now));
            self.left = Some(begins + Duration::from_secs_f64(bytes as f64 / pace));
        }
        self.in_flight += bytes;
        self.epoch.peak = self.epoch.peak.max(self.in_flight);
    }

    /// Data will not come from this carrier any more.
    pub(crate) fn withdrawn(&mut self, bytes: usize) {
        self.in_flight = self.in_flight.saturating_sub(bytes);
        self.emptied = None;
    }

    /// Data has arrived; `smoothed` is how long that takes on the average.
    pub(crate) fn delivered(&mut self, now: Instant, bytes: usize, smoothed: Duration) {
        self.in_flight = self.in_flight.saturating_sub(bytes);
        self.emptied = (self.in_flight == 0).then_some(now);
        self.epoch.arrived(now, bytes, self.in_flight);
        if let Phase::Start { .. } = self.phase
            && self.epoch.peak > self.window / 2
        {
            self.window = (self.window + bytes).min(MAX_WINDOW);
        }
        let Some(began) = self.epoch.began else { return };
        let elapsed = now.saturating_duration_since(began);
        if elapsed >= smoothed.max(MIN_EPOCH) {
            self.end_epoch(now, elapsed);
        }
        self.adjust(now);
    }

    /// A round trip was measured.
    pub(crate) fn measured(&mut self, now: Instant, round_trip: Duration) {
        self.shortest.sample(now, round_trip);
        let known = self.epoch.shortest;
        self.epoch.shortest = Some(known.map_or(round_trip, |known| known.min(round_trip)));
    }

    fn end_epoch(&mut self, now: Instant, elapsed: Duration) {
        let (began, arrived) = (Some(now), self.epoch.arrived);
        let next = Epoch { began, arrived, peak: self.in_flight, ..Epoch::default() };
        let ended = std::mem::replace(&mut self.epoch, next);
        let rate = self.rate_with_last(ended.delivered, elapsed);
        let ran_dry = ended.peak < self.window / 4 * 3;
        if self.is_jammed(!ran_dry, ended.shortest) {
            return self.begin_anew();
        }
        if ran_dry {
            self.epoch.follows_a_pause = true;
            return self.rate.at_least(now, rate);
        }
        match self.phase {
            // In its first round trip nothing could arrive.
            Phase::Steady if ended.follows_a_pause => {
                self.last = None;
                return self.rate.at_least(now, rate);
            }
            // Draining makes the rate low; it says nothing.
            Phase::Drain { .. } => return,
            Phase::Start { .. } => self.look_for_the_end(rate, ended.shortest),
            Phase::Steady => self.gaps.add(ended.gap),
        }
        self.rate.add(now, rate);
    }

    /// Whether the path has become slower than any rate of late: what is measured then is the rate of a jam.
    fn is_jammed(&mut self, was_full: bool, shortest: Option<Duration>) -> bool {
        let late = self.base() + LATE + self.hold_up();
        let is_late = was_full && shortest.is_some_and(|shortest| shortest > late);
        self.late_epochs = if is_late { self.late_epochs + 1 } else { 0 };
        self.late_epochs >= LATE_EPOCHS
    }

    fn begin_anew(&mut self) {
        self.rate = Highest::default();
        self.gaps = Usual::default();
        self.phase = Phase::Start { best: 0, epochs_without_growth: 0 };
        self.late_epochs = 0;
        self.window = MIN_WINDOW;
    }

    /// The start ends when the rate grows no more, or packets wait.
    fn look_for_the_end(&mut self, rate: u64, shortest: Option<Duration>) {
        let waiting = self.base() + START_QUEUE;
        let Phase::Start { best, epochs_without_growth } = &mut self.phase else { return };
        if rate as f64 >= *best as f64 * GROWTH {
            *best = rate;
            *epochs_without_growth = 0;
        } else {
            *epochs_without_growth += 1;
        }
        let queues = shortest.is_some_and(|shortest| shortest > waiting);
        if *epochs_without_growth >= STEADY_AFTER || queues {
            self.phase = Phase::Steady;
        }
    }

    /// The rate of this epoch, or once it does not grow any more, of this and the last: what was held up for a lost packet
    /// comes all at once, and an epoch of nothing but that would be the highest rate for long.
    fn rate_with_last(&mut self, delivered: usize, elapsed: Duration) -> u64 {
        let last = self.last.replace((delivered, elapsed));
        let (before, took) = match self.phase {
            Phase::Start { .. } => (0, Duration::ZERO),
            Phase::Steady | Phase::Drain { .. } => last.unwrap_or_default(),
        };
        ((before + delivered) as f64 / (took + elapsed).as_secs_f64()) as u64
    }

    fn adjust(&mut self, now: Instant) {
        match self.phase {
            Phase::Start { .. } => {
                if self.rate() > 0 {
                    let ahead = self.base().min(START_QUEUE.max(self.base() / 2));
                    let most = self.in_time(self.base() + ahead);
                    self.window = self.window.min(most.max(INITIAL_WINDOW));
                }
            }
            Phase::Steady => {
                self.window = self.full();
                if self.shortest.is_old(now) {
                    self.phase = Phase::Drain { until: None };
                    self.window = self.drained();
                }
            }
            Phase::Drain { until: None } => {
                self.window = self.drained();
                if self.in_flight <= self.window {
                    self.shortest.begin_measurement();
                    self.phase = Phase::Drain { until: Some(now + self.base() + DRAIN) };
                }
            }
            Phase::Drain { until: Some(until) } => {
                self.window = self.drained();
                if now >= until {
                    self.shortest.end_measurement(now, self.explained());
                    self.phase = Phase::Steady;
                    self.window = self.full();
                }
            }
        }
    }

    /// The round trip without a queue.
    fn base(&self) -> Duration {
        self.shortest.get().unwrap_or_default() + ACK_DELAY
    }

    /// Bytes a second that leave at the most, beyond a burst; `None` while the rate is not known. The least window may
    /// leave in each round trip, or a rate that was measured when hardly anything moved would confirm itself.
    fn pace(&self) -> Option<f64> {
        let is_known = self.rate() > 0 && !matches!(self.phase, Phase::Start { .. });
        let least = MIN_WINDOW as f64 / self.base().max(MIN_EPOCH).as_secs_f64();
        is_known.then(|| (self.rate() as f64 * PACE).max(least))
    }

    /// How much longer than the way a round trip is without any queue: acknowledgements are collected, and what is sent
    /// takes its own time.
    fn explained(&self) -> Duration {
        ACK_DELAY
            + Duration::from_secs_f64(LONGEST_SEGMENT as f64 / self.rate().max(1) as f64).min(LATE)
    }

    /// What the carrier delivers in the round trip without a queue and in that of the queue that it may have.
    fn full(&self) -> usize {
        (self.in_time(self.base() + STANDING + self.hold_up()) + ROUNDING)
            .clamp(MIN_WINDOW, MAX_WINDOW)
    }

    /// A little less than the carrier delivers in the round trip without a queue.
    fn drained(&self) -> usize {
        (self.in_time(self.base()) * 7 / 8).clamp(MIN_WINDOW, MAX_WINDOW)
    }

    /// How long what has arrived is usually held up for a lost packet: much of what is under way is not on the path.
    fn hold_up(&self) -> Duration {
        let explained = ACK_DELAY + self.explained();
        self.gaps.get().saturating_sub(explained).min(LONGEST_HOLD_UP)
    }

    /// Bytes that the carrier delivers in `time`.
    fn in_time(&self, time: Duration) -> usize {
        (self.rate() as f64 * time.as_secs_f64()) as usize
    }
}

impl Epoch {
    fn arrived(&mut self, now: Instant, bytes: usize, in_flight: usize) {
        self.delivered += bytes;
        let gap = self.arrived.map_or(Duration::ZERO, |last| now.saturating_duration_since(last));
        self.gap = self.gap.max(gap);
        self.arrived = (in_flight > 0).then_some(now);
    }
}

#[cfg(test)]
mod tests;

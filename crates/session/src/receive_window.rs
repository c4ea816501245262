//! How much a peer may send that does not control its sending by itself.

use std::time::{Duration, Instant};

use crate::waiting_time::{Waited, WaitingTime};

/// Segments before anything was measured: 22 KB, a sixth of a second at 1 Mbit/s.
const INITIAL: u16 = 16;

/// Segments at the least: 11 KB, enough to keep a path busy between two answers of the peer's.
const MIN: f64 = 8.0;

/// What the peer needs beyond the round trip to answer an acknowledgement: kcp-go collects for 10 ms, we for 20.
const ANSWER: Duration = Duration::from_millis(30);

/// How long packets may wait on their way: enough that the path never runs dry, and half of what a short queue holds,
/// which must not overflow.
const TARGET: Duration = Duration::from_millis(30);

/// What counts as not waiting: the clocks tick in milliseconds, and tasks take turns.
const NOTHING: Duration = Duration::from_millis(2);

/// How much the window grows in a round trip in which nothing waits, once something has: on a long path the law alone
/// would take half a minute to recover from a hold-up at the beginning, and doubling would overflow a queue.
const GROWTH: f64 = 1.25;

/// Shortest time over which the peer's packets are counted.
const MIN_EPOCH: Duration = Duration::from_millis(50);

/// How long the shortest way of packets is believed. Then the queue is drained once to measure it again, at the price
/// of about a hundredth of the rate. As BBR does with its round trip.
const BELIEF: Duration = Duration::from_secs(10);

/// The part of the path that is used while its queue drains.
const DRAIN: f64 = 0.75;

/// Chooses the KCP window that we advertise to a peer like Go's, which sends whatever the window allows.
///
/// **Pure.** The 65,535 segments that Go advertises are a queue of many seconds on a slow path. Here the window doubles with
/// each round trip until packets begin to wait, and from then on follows what they wait: `window · (round trip +
/// target) / (round trip + waited)` is the window with which they wait as long as they should, and half of the way
/// there is gone in each round trip (the control law of FAST TCP). A window that the peer does not use stays as it is.
#[derive(Debug)]
pub(crate) struct ReceiveWindow {
    window: f64,
    phase: Phase,
    waiting: WaitingTime,
    began: Option<Instant>,
    /// Segments received before this epoch.
    before: u64,
    /// When the shortest way was last seen.
    confirmed: Option<Instant>,
    /// The last that was known: while no carrier is trusted, it is not.
    round_trip: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing has waited yet.
    Start,
    Steady,
    /// The peer is told of a narrower window.
    Drain,
    /// What comes now was sent under the narrower window.
    Drained,
    /// The window is what it was, but what comes now may have been sent before.
    Refill,
}

impl ReceiveWindow {
    pub(crate) fn new() -> Self {
        Self {
            window: INITIAL.into(),
            phase: Phase::Start,
            waiting: WaitingTime::default(),
            began: None,
            before: 0,
            confirmed: None,
            round_trip: Duration::ZERO,
        }
    }

    /// Notes that a segment came over `carrier`, sent when the peer's clock was `sent` milliseconds.
    pub(crate) fn arrived(&mut self, now: Instant, carrier: u32, sent: u32) {
        self.waiting.arrived(now, carrier, sent);
    }

    /// Forgets a carrier that has ended.
    pub(crate) fn ended(&mut self, carrier: u32) {
        self.waiting.ended(carrier);
    }

    /// The window after `received` segments in all, with this shortest round trip.
    pub(crate) fn update(
        &mut self,
        now: Instant,
        received: u64,
        round_trip: Option<Duration>,
    ) -> u16 {
        self.round_trip = round_trip.unwrap_or(self.round_trip);
        let round_trip = self.round_trip + ANSWER;
        let began = *self.began.get_or_insert(now);
        let elapsed = now.saturating_duration_since(began);
        if received > self.before && elapsed >= round_trip.max(MIN_EPOCH) {
            self.end_epoch(now, round_trip, elapsed, received - self.before);
            self.began = Some(now);
            self.before = received;
        }
        match self.phase {
            Phase::Drain | Phase::Drained => self.narrow(round_trip) as u16,
            Phase::Start | Phase::Steady | Phase::Refill => self.window as u16,
        }
    }

    fn end_epoch(&mut self, now: Instant, round_trip: Duration, elapsed: Duration, count: u64) {
        match self.phase {
            Phase::Drain => {
                self.phase = Phase::Drained;
                self.waiting.end_epoch();
            }
            Phase::Drained => {
                self.phase = Phase::Refill;
                self.confirmed = Some(now);
                self.waiting.forget_shortest();
            }
            Phase::Refill => {
                self.phase = Phase::Steady;
                self.waiting.end_epoch();
            }
            Phase::Start | Phase::Steady => {
                let waited = self.waiting.end_epoch().unwrap_or_default();
                let rounds = elapsed.div_duration_f64(round_trip + waited.least);
                let used = count as f64 / (self.window * rounds.max(1.0));
                self.steer(round_trip, waited, used);
                self.watch_belief(now, waited);
            }
        }
    }

    /// Sets the window for the next round trip, after one in which the peer used this part of it.
    fn steer(&mut self, round_trip: Duration, waited: Waited, used: f64) {
        let is_limit = used > 0.5;
        if waited.last > TARGET / 2 {
            self.phase = Phase::Steady;
        }
        let factor = (round_trip + TARGET).div_duration_f64(round_trip + waited.least).max(0.5);
        match self.phase {
            Phase::Start if is_limit => self.window *= 2.0,
            // All of the window is under way and nothing waits: the path may hold much more.
            Phase::Steady if is_limit && waited.last <= NOTHING => self.window *= GROWTH,
            Phase::Steady if is_limit || factor < 1.0 => self.window *= (1.0 + factor) / 2.0,
            _ => {}
        }
        self.window = self.window.clamp(MIN, u16::MAX.into());
    }

    /// Has the queue drained when it was long since packets came without waiting.
    fn watch_belief(&mut self, now: Instant, waited: Waited) {
        let confirmed = *self.confirmed.get_or_insert(now);
        if waited.least <= NOTHING {
            self.confirmed = Some(now);
        } else if now.saturating_duration_since(confirmed) >= BELIEF {
            self.phase = Phase::Drain;
        }
    }

    /// A window that leaves no queue on a path where the present one leaves that of [`TARGET`].
    fn narrow(&self, round_trip: Duration) -> f64 {
        let empty = self.window * round_trip.div_duration_f64(round_trip + TARGET);
        (DRAIN * empty).max(MIN / 2.0)
    }
}

#[cfg(test)]
mod tests;

//! What a link does to packets.

use std::ops::Range;
use std::time::Duration;

/// The properties of one direction of a path.
///
/// Built up from a preset: `Path::perfect().delay(..).loss(0.02)`.
#[derive(Clone, Debug)]
pub struct Path {
    /// One-way delay of every packet.
    pub(crate) delay: Duration,
    /// Up to this much more for each packet on its own, which is what reorders.
    pub(crate) jitter: Duration,
    /// Probability that a packet vanishes.
    pub(crate) loss: f64,
    /// Probability that a packet arrives twice.
    pub(crate) duplicate: f64,
    /// Bytes a second; `None` is infinitely fast.
    pub(crate) rate: Option<u64>,
    /// How long a packet may wait for the rate before it is dropped at the tail.
    pub(crate) queue: Duration,
    /// Spans since the epoch of the test in which nothing passes.
    pub(crate) cuts: Vec<Range<Duration>>,
}

impl Path {
    /// No loss, no delay, infinite rate.
    pub fn perfect() -> Self {
        Self {
            delay: Duration::ZERO,
            jitter: Duration::ZERO,
            loss: 0.0,
            duplicate: 0.0,
            rate: None,
            queue: Duration::from_millis(100),
            cuts: Vec::new(),
        }
    }

    /// 40 ms with 20 ms of jitter, 2 % loss, 1 % duplicates: a poor mobile path.
    pub fn poor() -> Self {
        Self::perfect()
            .delay(Duration::from_millis(40))
            .jitter(Duration::from_millis(20))
            .loss(0.02)
            .duplicate(0.01)
    }

    /// 8 Mbit/s, 25 ms, 100 ms of queue: a domestic uplink.
    pub fn domestic_uplink() -> Self {
        Self::perfect().delay(Duration::from_millis(25)).rate_mbit(8.0)
    }

    /// Sets the one-way delay.
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Sets the random extra delay.
    pub fn jitter(mut self, jitter: Duration) -> Self {
        self.jitter = jitter;
        self
    }

    /// Sets the loss probability.
    pub fn loss(mut self, probability: f64) -> Self {
        self.loss = probability;
        self
    }

    /// Sets the probability of a second copy.
    pub fn duplicate(mut self, probability: f64) -> Self {
        self.duplicate = probability;
        self
    }

    /// Sets the rate in Mbit/s (10^6 bits).
    pub fn rate_mbit(mut self, rate: f64) -> Self {
        self.rate = Some((rate * 125_000.0) as u64);
        self
    }

    /// Sets how long a packet may queue for the rate.
    pub fn queue(mut self, queue: Duration) -> Self {
        self.queue = queue;
        self
    }

    /// Lets nothing pass between `from` and `to`, counted from [`crate::epoch`].
    pub fn cut(mut self, from: Duration, to: Duration) -> Self {
        self.cuts.push(from..to);
        self
    }

    /// Whether the path is cut `since_epoch` after the epoch.
    pub(crate) fn is_cut(&self, since_epoch: Duration) -> bool {
        self.cuts.iter().any(|span| span.contains(&since_epoch))
    }
}

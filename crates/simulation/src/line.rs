//! What one direction of a carrier is like.

use std::time::Duration;

/// How long a fit lasts: SCTP's first retransmission, or two of them.
pub(crate) const FIT: std::ops::RangeInclusive<u64> = 200..=1000;

/// Bytes in a packet of a data channel.
pub(crate) const PACKET: usize = 1160;

/// How much longer than a round trip it takes until a lost packet is repeated.
pub(crate) const REPETITION: Duration = Duration::from_millis(25);

/// One direction of a carrier: a reliable pipe with a bottleneck and an unbounded queue before it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// Bytes a second through the bottleneck.
    pub(crate) rate: f64,
    /// One-way delay behind it.
    pub(crate) delay: Duration,
    /// Mean time from one fit to the next; `None` for none.
    pub(crate) fits: Option<Duration>,
    /// Share of packets lost, less than 1.
    pub(crate) loss: f64,
}

impl Line {
    /// A line of so many 10^6 bits a second, without delay and without fits.
    pub fn mbit(rate: f64) -> Self {
        Self { rate: rate * 125_000.0, delay: Duration::ZERO, fits: None, loss: 0.0 }
    }

    /// Sets the one-way delay to half of this.
    pub fn round_trip(mut self, round_trip: Duration) -> Self {
        self.delay = round_trip / 2;
        self
    }

    /// Lets it have a fit every so often: a lost packet of SCTP holds up for 200 to 1000 ms what comes after it, which
    /// then arrives all at once.
    pub fn fits(mut self, every: Duration) -> Self {
        self.fits = Some(every);
        self
    }

    /// Lets it lose so many packets of all. Each is repeated a round trip later, and holds up what comes after it until then.
    ///
    /// That is the best a data channel can do: repeating takes nothing of the rate, and losses do not make SCTP slower.
    ///
    /// # Panics
    /// When all are lost.
    pub fn loses(mut self, loss: f64) -> Self {
        assert!((0.0..1.0).contains(&loss), "something has to arrive");
        self.loss = loss;
        self
    }

    /// Bytes a second through the bottleneck.
    pub fn rate(&self) -> f64 {
        self.rate
    }
}

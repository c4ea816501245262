//! What a link is like.

use std::{fmt, time::Duration};

use snowflake_netsim::Path;

/// How long a packet may wait, unless told otherwise: the queue of a domestic router that was set up with care.
pub const QUEUE: Duration = Duration::from_millis(100);

/// What a link between client and proxy is like, both ways alike.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shape {
    /// Mbit/s (10^6 bits), IP headers included.
    pub rate: f64,
    /// There and back, without any queue.
    pub round_trip: Duration,
    /// Share of packets lost at random, from 0 to 1.
    pub loss: f64,
    /// How long a packet may wait for the rate before it is dropped.
    pub queue: Duration,
}

impl Shape {
    /// A link without loss, with a queue of [`QUEUE`].
    pub fn new(rate: f64, round_trip: Duration) -> Self {
        Self { rate, round_trip, loss: 0.0, queue: QUEUE }
    }

    /// One way along it.
    pub fn path(&self) -> Path {
        Path::perfect()
            .rate_mbit(self.rate)
            .delay(self.round_trip / 2)
            .loss(self.loss)
            .queue(self.queue)
    }

    /// Bytes that it moves in `time`.
    pub fn bytes_in(&self, time: Duration) -> u64 {
        (self.rate * 125_000.0 * time.as_secs_f64()) as u64
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} Mbit/s {} ms", self.rate, self.round_trip.as_millis())?;
        if self.loss > 0.0 { write!(f, " {} %", self.loss * 100.0) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_says_what_differs() {
        let mut shape = Shape::new(1.5, Duration::from_millis(50));
        assert_eq!(shape.to_string(), "1.5 Mbit/s 50 ms");
        shape.loss = 0.01;
        assert_eq!(shape.to_string(), "1.5 Mbit/s 50 ms 1 %");
        assert_eq!(shape.bytes_in(Duration::from_secs(2)), 375_000);
    }
}

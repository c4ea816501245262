//! How long a message may be on a path of this rate.

use tokio::time::Instant;

use crate::limits::{CHUNK_PAYLOAD, MESSAGE_LENGTH, MESSAGE_TIME, RATE_EPOCH};

/// The length of messages, from what was sent of late.
///
/// A message is delivered when all of it has come. Long ones cost less processor time per byte; on a slow path they
/// also cost time: 16 KiB are an eighth of a second at 1 Mbit/s, and what is held together so arrives as a burst, is
/// answered in a burst, and the sender's next burst follows. So a message is at most what the path carries in
/// [`MESSAGE_TIME`], in whole packets.
#[derive(Debug)]
pub(crate) struct MessageLength {
    length: usize,
    /// Sent since then.
    sent: usize,
    since: Instant,
}

impl MessageLength {
    pub(crate) fn new(now: Instant) -> Self {
        Self { length: CHUNK_PAYLOAD, sent: 0, since: now }
    }

    /// Bytes of the longest message: one packet's at the least, [`MESSAGE_LENGTH`] at the most.
    pub(crate) fn get(&self) -> usize {
        self.length
    }

    /// Counts what was sent.
    pub(crate) fn sent(&mut self, now: Instant, bytes: usize) {
        self.sent += bytes;
        let elapsed = now - self.since;
        if elapsed < RATE_EPOCH {
            return;
        }
        let length = self.sent as f64 * MESSAGE_TIME.div_duration_f64(elapsed);
        let packets = length as usize / CHUNK_PAYLOAD;
        self.length = (packets * CHUNK_PAYLOAD).clamp(CHUNK_PAYLOAD, MESSAGE_LENGTH);
        (self.sent, self.since) = (0, now);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// The length after a second at so many bytes a second, sent as fast as they may be.
    fn at(rate: usize) -> usize {
        let begun = Instant::now();
        let mut length = MessageLength::new(begun);
        let mut sent = 0;
        while sent < rate {
            sent += length.get();
            let at = Duration::from_secs_f64(sent as f64 / rate as f64);
            length.sent(begun + at, length.get());
        }
        length.get()
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_takes_a_few_milliseconds() {
        assert_eq!(at(1_000_000 / 8), CHUNK_PAYLOAD);
        assert_eq!(at(5_000_000 / 8), 2 * CHUNK_PAYLOAD);
        assert_eq!(at(10_000_000 / 8), 5 * CHUNK_PAYLOAD);
        assert_eq!(at(1_000_000_000 / 8), MESSAGE_LENGTH);
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_pause_the_rate_is_unknown_again() {
        let begun = Instant::now();
        let mut length = MessageLength::new(begun);
        length.sent(begun + RATE_EPOCH, 1 << 20);
        assert_eq!(length.get(), MESSAGE_LENGTH);
        length.sent(begun + Duration::from_secs(10), 1 << 10);
        assert_eq!(length.get(), CHUNK_PAYLOAD);
    }
}

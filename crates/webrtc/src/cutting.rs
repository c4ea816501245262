//! Where a carrier's bytes are cut into messages.

use std::time::Duration;

use tokio::time::Instant;

use crate::limits::{
    BUSY_AFTER, BUSY_RATES, CHUNK_PAYLOAD, HOLD, MESSAGE_LENGTH, MESSAGE_TIME, RATE_EPOCH,
};

/// Cuts by the rate at which bytes were sent of late. Pure: time is an argument.
///
/// **Long messages** cost less processor time per byte, but a message is delivered when all of it has come: 16 KiB are
/// an eighth of a second at 1 Mbit/s, and what is held together so arrives as a burst, is answered in a burst, and the
/// sender's next burst follows. So a message is at most what the path carries in [`MESSAGE_TIME`], in whole packets.
///
/// **A packet that is not full** costs as many headers as a full one, and KCP's packets seldom end where one is full. So while
/// the path is busy, and has been for [`BUSY_AFTER`], what does not fill a packet waits for the rest of it, for [`HOLD`]
/// since the last message at most.
#[derive(Debug)]
pub(crate) struct Cutting {
    length: usize,
    /// When the last message was sent.
    last: Instant,
    /// Since when the path is busy, if it is.
    busy: Option<Instant>,
    /// Sent since then.
    sent: usize,
    since: Instant,
}

/// What to do with the bytes that are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// So many of them are a message.
    Message(usize),
    /// Nothing before more come.
    Keep,
    /// Nothing before more come, or this time does.
    KeepUntil(Instant),
}

impl Cutting {
    pub(crate) fn new(now: Instant) -> Self {
        Self { length: CHUNK_PAYLOAD, last: now, busy: None, sent: 0, since: now }
    }

    /// What to do with `gathered` bytes, which are to be flushed or not.
    pub(crate) fn cut(&self, now: Instant, gathered: usize, flush: bool) -> Cut {
        let whole = gathered / CHUNK_PAYLOAD * CHUNK_PAYLOAD;
        if gathered >= self.length {
            return Cut::Message(self.length);
        } else if !flush || gathered == 0 {
            return Cut::Keep;
        }
        let is_busy = self.busy.is_some_and(|since| now - since >= BUSY_AFTER);
        match self.last + HOLD {
            until if !is_busy || until <= now => Cut::Message(gathered),
            _ if whole > 0 => Cut::Message(whole),
            until => Cut::KeepUntil(until),
        }
    }

    /// Counts a message.
    pub(crate) fn sent(&mut self, now: Instant, bytes: usize) {
        self.last = now;
        self.sent += bytes;
        let elapsed = now - self.since;
        if elapsed >= RATE_EPOCH {
            self.end_epoch(now, elapsed);
        }
    }

    fn end_epoch(&mut self, now: Instant, elapsed: Duration) {
        let rate = self.sent as f64 / elapsed.as_secs_f64();
        let packets = (rate * MESSAGE_TIME.as_secs_f64()) as usize / CHUNK_PAYLOAD;
        self.length = (packets * CHUNK_PAYLOAD).clamp(CHUNK_PAYLOAD, MESSAGE_LENGTH);
        let is_busy = BUSY_RATES.contains(&rate) && elapsed < 2 * RATE_EPOCH;
        self.busy = is_busy.then(|| self.busy.unwrap_or(self.since));
        (self.sent, self.since) = (0, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What KCP sends: a segment of 1400 bytes and the chunk's header.
    const KCP_PACKET: usize = 1402;

    /// A path in use.
    struct Path {
        cutting: Cutting,
        now: Instant,
        gathered: usize,
        messages: Vec<(Instant, usize)>,
    }

    impl Path {
        fn new() -> Self {
            let now = Instant::now();
            Self { cutting: Cutting::new(now), now, gathered: 0, messages: Vec::new() }
        }

        /// Sends what is to be sent, and says when more may be.
        fn flush(&mut self) -> Option<Instant> {
            loop {
                match self.cutting.cut(self.now, self.gathered, true) {
                    Cut::Message(bytes) => {
                        self.gathered -= bytes;
                        self.cutting.sent(self.now, bytes);
                        self.messages.push((self.now, bytes));
                    }
                    Cut::KeepUntil(until) => return Some(until),
                    Cut::Keep => return None,
                }
            }
        }

        /// Lets bursts of so many bytes come for a second, at so many Mbit/s in all.
        fn run(&mut self, rate: f64, bytes: usize) {
            let interval = Duration::from_secs_f64(bytes as f64 * 8.0 / (rate * 1e6));
            let end = self.now + Duration::from_secs(1);
            while self.now < end {
                self.gathered += bytes;
                let next = self.now + interval;
                while let Some(until) = self.flush().filter(|until| *until < next) {
                    assert!(until > self.now);
                    self.now = until;
                }
                self.now = next;
            }
        }

        fn longest_message(&self) -> usize {
            self.messages.iter().map(|(_, bytes)| *bytes).max().unwrap()
        }

        /// Bytes that would fit into the packets that were sent, for each byte that was.
        fn waste(&self) -> f64 {
            let packets: usize =
                self.messages.iter().map(|(_, bytes)| bytes.div_ceil(CHUNK_PAYLOAD)).sum();
            let bytes: usize = self.messages.iter().map(|(_, bytes)| bytes).sum();
            (packets * CHUNK_PAYLOAD) as f64 / bytes as f64
        }
    }

    fn at(rate: f64, bytes: usize) -> Path {
        let mut path = Path::new();
        path.run(rate, bytes);
        assert!(path.gathered == 0 || path.cutting.busy.is_some());
        path.messages.clear();
        path.run(rate, bytes);
        path
    }

    #[test]
    fn a_message_takes_a_few_milliseconds() {
        for (rate, packets) in [(1.0, 1), (5.0, 2), (10.0, 5), (1000.0, 14)] {
            assert_eq!(
                at(rate, 32 << 10).longest_message(),
                packets * CHUNK_PAYLOAD,
                "{rate} Mbit/s"
            );
        }
        assert_eq!(MESSAGE_LENGTH, 14 * CHUNK_PAYLOAD);
    }

    #[test]
    fn a_busy_path_gets_full_packets() {
        for (rate, burst) in [(0.8, 1), (1.0, 2), (5.0, 10), (8.0, 15), (20.0, 40), (40.0, 5)] {
            let waste = at(rate, burst * KCP_PACKET).waste();
            assert!(waste < 1.001, "{waste} at {rate} Mbit/s");
        }
    }

    #[test]
    fn on_a_fast_path_everything_goes_at_once() {
        let mut path = at(100.0, KCP_PACKET);
        path.gathered = 100;
        assert_eq!(path.flush(), None);
        assert_eq!(path.gathered, 0);
    }

    #[test]
    fn small_items_on_an_idle_path_go_at_once() {
        let path = at(0.01, 100);
        assert!(path.messages.iter().all(|(_, bytes)| *bytes == 100));
        assert_eq!(path.gathered, 0);
    }

    #[test]
    fn the_end_of_a_transfer_waits_a_little() {
        let mut path = at(1.0, KCP_PACKET);
        path.gathered = 100;
        let until = path.flush().unwrap();
        assert!(until <= path.now + HOLD);
        assert_eq!(path.gathered, 100);
        path.now = until;
        assert_eq!(path.flush(), None);
        assert_eq!(path.gathered, 0);
    }

    #[test]
    fn the_end_of_a_short_burst_does_not() {
        let mut path = Path::new();
        for _ in 0..20 {
            path.now += RATE_EPOCH / 4;
            path.gathered += KCP_PACKET;
            assert_eq!(path.flush(), None, "the first quarter of a second");
        }
    }

    #[test]
    fn after_a_pause_nothing_waits() {
        let mut path = at(1.0, KCP_PACKET);
        path.now += HOLD;
        path.gathered = 100;
        assert_eq!(path.flush(), None);
        assert_eq!(path.gathered, 0);
        path.now += Duration::from_secs(10);
        path.gathered = MESSAGE_LENGTH;
        path.flush();
        assert_eq!(path.cutting.length, CHUNK_PAYLOAD, "the rate is unknown again");
        assert_eq!(path.cutting.busy, None);
    }
}

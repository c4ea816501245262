//! A busy socket is asked once for several packets, not for each.
//!
//! On a path of some 40 Mbit/s packets come one by one, each every 250 microseconds, and for each the whole connection
//! goes round: what is to be sent, what has happened, what has to be acknowledged, when to wake up again. Who waits two
//! milliseconds with the question gets several at once, and answers them together, so that the peer sends several at
//! once, too. On a faster path they come together anyway, and on a slower one a wait would save nothing.

use std::mem;

use tokio::time::Instant;

use crate::limits::{BATCH_AFTER_LULL, BATCH_BY_ITSELF, DENSE_RUN, DENSE_SPACING, LULL};

/// Whether to wait before a socket that has no more packets is asked again.
#[derive(Debug, Default)]
pub(crate) struct Lull {
    /// Packets since the socket was empty the last time.
    packets: u32,
    /// When it was, after a packet.
    emptied: Option<Instant>,
    /// How often in a row they came densely.
    dense: u32,
}

impl Lull {
    /// Notes packets that came together.
    pub(crate) fn came(&mut self, packets: usize) {
        self.packets = self.packets.saturating_add(packets.try_into().unwrap_or(u32::MAX));
    }

    /// The socket has no more packets: until when not to ask it, if waiting pays.
    pub(crate) fn emptied(&mut self, now: Instant) -> Option<Instant> {
        let packets = mem::take(&mut self.packets);
        if packets == 0 {
            return None;
        }
        let before = self.emptied.replace(now)?;
        let is_dense = packets < self.batch() && now - before < packets * DENSE_SPACING;
        self.dense = if is_dense { self.dense.saturating_add(1) } else { 0 };
        self.waits().then(|| now + LULL)
    }

    /// As many packets at once as need no wait.
    fn batch(&self) -> u32 {
        if self.waits() { BATCH_AFTER_LULL } else { BATCH_BY_ITSELF }
    }

    fn waits(&self) -> bool {
        self.dense >= DENSE_RUN
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// How many packets a question brings on average when `at_once` come every `spacing`.
    fn packets_for_each_question(at_once: u32, spacing: Duration) -> u32 {
        const QUESTIONS: u32 = 1000;
        let (mut lull, begin) = (Lull::default(), Instant::now());
        let (mut now, mut bursts) = (begin, 0);
        for _ in 0..QUESTIONS {
            let came = (now - begin).div_duration_f64(spacing) as u32 + 1;
            lull.came(((came - bursts) * at_once) as usize);
            bursts = came;
            let next = begin + spacing * bursts;
            // The timer counts whole milliseconds.
            let millis = |until: Instant| (until - begin).as_micros().div_ceil(1000) as u64;
            let until = lull.emptied(now).map(|until| begin + micros(1000 * millis(until)));
            now = until.map_or(next, |until| until.max(next));
        }
        (bursts * at_once + QUESTIONS / 2) / QUESTIONS
    }

    const fn micros(micros: u64) -> Duration {
        Duration::from_micros(micros)
    }

    #[test]
    fn packets_that_come_densely_come_several_at_once() {
        assert_eq!(packets_for_each_question(1, micros(250)), 8);
        assert_eq!(packets_for_each_question(2, micros(500)), 8);
        assert_eq!(packets_for_each_question(1, micros(600)), 3);
        assert!((19..=20).contains(&packets_for_each_question(1, micros(100))));
    }

    #[test]
    fn who_is_slow_or_comes_in_batches_is_not_put_off() {
        assert_eq!(packets_for_each_question(1, micros(1500)), 1);
        assert_eq!(packets_for_each_question(14, micros(300)), 14);
    }

    #[test]
    fn a_handshake_and_a_check_are_not_put_off() {
        let (mut lull, mut now) = (Lull::default(), Instant::now());
        for _ in 0..DENSE_RUN {
            lull.came(1);
            assert_eq!(lull.emptied(now), None);
            now += micros(100);
        }
        lull.came(1);
        assert_eq!(lull.emptied(now), Some(now + LULL));
        assert_eq!(lull.emptied(now + LULL), None, "nothing came in the meantime");
        lull.came(1);
        assert_eq!(lull.emptied(now + micros(9_000)), None, "it was the last for long");
    }
}

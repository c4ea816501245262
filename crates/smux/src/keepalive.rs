//! When to send NOP, and when to give the peer up.
//!
//! Two ends that beat at different times wake each other, and all that lies between, twice as often
//! as they must. So the server waits [a little longer](Keepalive::patient), and whoever hears a NOP
//! half an interval or less before its own is due sends it at once: it leaves with the
//! acknowledgement.

use std::time::{Duration, Instant};

/// The two deadlines of a session.
#[derive(Debug)]
pub(crate) struct Keepalive {
    interval: Duration,
    timeout: Duration,
    next_nop: Instant,
    last_heard: Instant,
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    Nothing,
    Nop,
    /// The peer has been silent for this long, which is too long.
    GiveUp(Duration),
}

impl Keepalive {
    pub(crate) fn new(interval: Duration, timeout: Duration, now: Instant) -> Self {
        Self { interval, timeout, next_nop: now + interval, last_heard: now }
    }

    /// The same for the end that lets the other go first.
    pub(crate) fn patient(interval: Duration, timeout: Duration, now: Instant) -> Self {
        let mut keepalive = Self::new(interval, timeout, now);
        keepalive.wait_for_the_peer(now);
        keepalive
    }

    /// Something came from the peer.
    pub(crate) fn heard(&mut self, now: Instant) {
        self.last_heard = now;
    }

    /// A NOP came from the peer; whether ours is to go out with the acknowledgement.
    pub(crate) fn heard_nop(&mut self, now: Instant) -> bool {
        let joins = self.next_nop <= now + self.interval / 2;
        if joins {
            self.wait_for_the_peer(now);
        }
        joins
    }

    /// An eighth longer than the peer takes to its next beat.
    fn wait_for_the_peer(&mut self, now: Instant) {
        self.next_nop = now + self.interval + self.interval / 8;
    }

    /// When to call [`Keepalive::handle_timeout`]. Without `listening` the peer's silence is our
    /// own doing.
    pub(crate) fn deadline(&self, listening: bool) -> Instant {
        if listening { self.next_nop.min(self.last_heard + self.timeout) } else { self.next_nop }
    }

    /// What is due now.
    ///
    /// The Go library looks at its flag every timeout, so it gives a peer up between one and two
    /// timeouts after the last frame. Here it is exactly one. While the receive budget is exhausted
    /// no silence is counted, to within one interval.
    pub(crate) fn handle_timeout(&mut self, now: Instant, listening: bool) -> Due {
        if !listening {
            self.last_heard = self.last_heard.max(now);
        } else if now >= self.last_heard + self.timeout {
            return Due::GiveUp(self.timeout);
        }
        if now < self.next_nop {
            return Due::Nothing;
        }
        // Keep the beat if we are a little late; drop beats, as Go's ticker does, if we are very
        // late.
        let next = self.next_nop + self.interval;
        self.next_nop = if next > now { next } else { now + self.interval };
        Due::Nop
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::epoch;

    const fn secs(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn beats_every_interval_and_gives_up_after_the_timeout() {
        let start = epoch();
        let mut keepalive = Keepalive::new(secs(10), secs(25), start);
        assert_eq!(keepalive.deadline(true), start + secs(10));
        assert_eq!(keepalive.handle_timeout(start + secs(9), true), Due::Nothing);
        assert_eq!(keepalive.handle_timeout(start + secs(11), true), Due::Nop);
        assert_eq!(keepalive.deadline(true), start + secs(20));
        assert_eq!(keepalive.handle_timeout(start + secs(20), true), Due::Nop);
        assert_eq!(keepalive.deadline(true), start + secs(25));
        assert_eq!(keepalive.handle_timeout(start + secs(25), true), Due::GiveUp(secs(25)));
    }

    #[test]
    fn beats_are_dropped_not_bunched() {
        let start = epoch();
        let mut keepalive = Keepalive::new(secs(10), secs(600), start);
        assert_eq!(keepalive.handle_timeout(start + secs(95), true), Due::Nop);
        assert_eq!(keepalive.deadline(true), start + secs(105));
        assert_eq!(keepalive.handle_timeout(start + secs(95), true), Due::Nothing);
    }

    #[test]
    fn whoever_hears_a_beat_shortly_before_its_own_joins_it() {
        let start = epoch();
        let mut keepalive = Keepalive::new(secs(8), secs(600), start);
        assert!(!keepalive.heard_nop(start + secs(3)), "it is five seconds too early");
        assert_eq!(keepalive.deadline(true), start + secs(8));
        assert!(keepalive.heard_nop(start + secs(4)));
        assert_eq!(keepalive.deadline(true), start + secs(13));
        assert!(!keepalive.heard_nop(start + secs(5)), "a flood is not answered");
        assert!(keepalive.heard_nop(start + secs(12)), "the next is expected a second before");
        assert_eq!(keepalive.handle_timeout(start + secs(21), true), Due::Nop, "it did not come");
        assert_eq!(keepalive.deadline(true), start + secs(29));
    }

    #[test]
    fn of_two_ends_one_leads_and_the_other_joins() {
        let (start, path) = (epoch(), Duration::from_millis(100));
        let mut client = Keepalive::new(secs(10), secs(600), start);
        let mut server = Keepalive::patient(secs(10), secs(600), start);
        let mut now = start;
        for _ in 0..100 {
            now = client.deadline(true);
            assert_eq!(client.handle_timeout(now, true), Due::Nop);
            assert!(server.deadline(true) > now + path);
            server.heard(now + path);
            assert!(server.heard_nop(now + path));
            assert!(!client.heard_nop(now + 2 * path));
            client.heard(now + 2 * path);
        }
        assert_eq!(now, start + secs(1000));
    }

    #[test]
    fn silence_counts_from_the_last_word_and_not_while_deaf() {
        let start = epoch();
        let mut keepalive = Keepalive::new(secs(10), secs(25), start);
        keepalive.heard(start + secs(20));
        assert_eq!(keepalive.handle_timeout(start + secs(44), true), Due::Nop);
        assert_eq!(keepalive.deadline(true), start + secs(45));
        assert_eq!(keepalive.deadline(false), start + secs(54));
        assert_eq!(keepalive.handle_timeout(start + secs(54), false), Due::Nop);
        assert_eq!(keepalive.deadline(true), start + secs(64));
        assert_eq!(keepalive.handle_timeout(start + secs(64), true), Due::Nop);
        assert_eq!(keepalive.handle_timeout(start + secs(79), true), Due::GiveUp(secs(25)));
    }
}

//! Sleep for a connection on which nothing happens.
//!
//! The library's ICE agent wants to be called five times a second, also when it is connected and has nothing to do but a
//! check every two seconds. The driver sleeps until the next of all timers, so there is no telling the agent's from SCTP's
//! by its length. But when nothing of the channel is unacknowledged and the last acknowledgement that could be owed is
//! sent, SCTP has hardly any, and a connection whose peer is there may sleep until its next check.
//!
//! What cannot be seen from here is the repetition of a stream reset and of the acknowledgement with which a channel is
//! opened (DCEP). They come late by one [`PATH_CHECK_INTERVAL`] at the most, and only when their first packet is lost.

use std::{
    sync::{
        Arc, Mutex, OnceLock, PoisonError, Weak,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::time::{Instant, sleep};
use webrtc::data_channel::DataChannel;

use crate::{
    alarm,
    connection::Channel,
    limits::{MAX_SILENCE_AT_REST, MIN_PROLONGED_SLEEP, PATH_CHECK_INTERVAL, QUIET_BEFORE_REST},
};

/// What has passed through the sockets of a connection, and whether it may rest.
///
/// STUN's packets begin with 0 to 3, everything else is data here (RFC 7983).
#[derive(Debug, Default)]
pub(crate) struct Rest {
    data: AtomicBool,
    check_sent: AtomicBool,
    heard: AtomicBool,
    times: Mutex<Times>,
    channel: OnceLock<Weak<dyn DataChannel>>,
}

/// When that was last seen to have happened.
#[derive(Debug, Default, Clone, Copy)]
struct Times {
    data: Option<Instant>,
    check_sent: Option<Instant>,
    heard: Option<Instant>,
}

impl Rest {
    /// The channel is open, and the only one; from now on there may be rest.
    pub(crate) fn begin(&self, channel: &Channel) {
        // One that was set before is the same.
        let _ = self.channel.set(Arc::downgrade(channel));
    }

    /// Whether there may be rest at all.
    pub(crate) fn has_begun(&self) -> bool {
        self.channel.get().is_some()
    }

    /// Sleeps until the next timer, due in `wanted`, or longer if that one is only the agent's.
    ///
    /// Cancel safe: nothing is lost but the sleep.
    pub(crate) async fn sleep(&self, wanted: Duration) {
        let duration = self.prolong(wanted).await;
        // An alarm costs more than a timer, but wakes only once.
        if duration > wanted { alarm::sleep(duration).await } else { sleep(duration).await }
    }

    /// How long to sleep when the next timer is due in `wanted`.
    async fn prolong(&self, wanted: Duration) -> Duration {
        self.prolong_if_acknowledged(wanted, self.outstanding()).await
    }

    /// The same, told what is `outstanding`; that is asked only if nothing else speaks against it.
    async fn prolong_if_acknowledged(
        &self,
        wanted: Duration,
        outstanding: impl Future<Output = Option<usize>>,
    ) -> Duration {
        let now = Instant::now();
        let Some(until) = self.look(now).rest_until(now) else { return wanted };
        let may_wait = (MIN_PROLONGED_SLEEP..until - now).contains(&wanted);
        if may_wait && outstanding.await == Some(0) { until - now } else { wanted }
    }

    /// Bytes of the channel that the peer has not acknowledged, for which SCTP has a timer; `None` if it is gone.
    async fn outstanding(&self) -> Option<usize> {
        self.channel.get()?.upgrade()?.outstanding_bytes().await.ok()
    }

    fn look(&self, now: Instant) -> Times {
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        let see = |sign: &AtomicBool, time: &mut Option<Instant>| {
            if sign.swap(false, Relaxed) {
                *time = Some(now);
            }
        };
        see(&self.data, &mut times.data);
        see(&self.check_sent, &mut times.check_sent);
        see(&self.heard, &mut times.heard);
        *times
    }

    /// Notes a packet of ours: a check. What else is sent is unacknowledged at first, or an acknowledgement itself.
    pub(crate) fn sent(&self, packet: &[u8]) {
        if matches!(packet, [0, 1, ..]) {
            self.check_sent.store(true, Relaxed);
        }
    }

    /// Notes a packet that came.
    pub(crate) fn received(&self, packet: &[u8]) {
        self.heard.store(true, Relaxed);
        if !matches!(packet, [0..=3, ..]) {
            self.data.store(true, Relaxed);
        }
    }
}

impl Times {
    /// Until when nothing has to be done but what a packet asks for.
    fn rest_until(self, now: Instant) -> Option<Instant> {
        let is_still = self.data.is_none_or(|data| data + QUIET_BEFORE_REST <= now);
        let peer_is_there = self.heard.is_some_and(|heard| now < heard + MAX_SILENCE_AT_REST);
        let next_check = self.check_sent? + PATH_CHECK_INTERVAL;
        (is_still && peer_is_there && now < next_check).then_some(next_check)
    }
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use super::*;

    const REQUEST: [u8; 2] = [0, 1];
    const RESPONSE: [u8; 2] = [1, 1];
    const RECORD: [u8; 2] = [23, 254];

    fn after(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[tokio::test(start_paused = true)]
    async fn between_two_checks_nothing_has_to_be_done() {
        let (rest, begin) = (Rest::default(), Instant::now());
        assert_eq!(rest.look(begin).rest_until(begin), None, "nothing is known yet");
        rest.sent(&REQUEST);
        assert_eq!(rest.look(begin).rest_until(begin), None, "nobody answered yet");
        rest.received(&RESPONSE);
        let times = rest.look(begin);
        assert_eq!(times.rest_until(begin), Some(begin + PATH_CHECK_INTERVAL));
        assert_eq!(times.rest_until(begin + PATH_CHECK_INTERVAL), None, "now it is time");
    }

    #[tokio::test(start_paused = true)]
    async fn data_that_came_may_have_to_be_acknowledged() {
        let (rest, begin) = (Rest::default(), Instant::now());
        rest.sent(&REQUEST);
        rest.received(&RESPONSE);
        rest.look(begin);
        rest.received(&RECORD);
        let times = rest.look(begin + after(500));
        assert_eq!(times.rest_until(begin + after(799)), None);
        assert_eq!(times.rest_until(begin + after(800)), Some(begin + PATH_CHECK_INTERVAL));
        rest.sent(&RECORD);
        assert!(rest.look(begin + after(800)).rest_until(begin + after(800)).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn there_is_no_rest_with_a_peer_that_may_be_gone() {
        let (rest, begin) = (Rest::default(), Instant::now());
        rest.received(&REQUEST);
        rest.look(begin);
        rest.sent(&REQUEST);
        let times = rest.look(begin + after(3500));
        assert!(times.rest_until(begin + after(3999)).is_some());
        assert_eq!(times.rest_until(begin + after(4000)), None);
    }

    #[tokio::test(start_paused = true)]
    async fn there_is_no_rest_while_a_timer_of_sctp_may_run() {
        let rest = Rest::default();
        rest.sent(&REQUEST);
        rest.received(&RESPONSE);
        let prolonged = PATH_CHECK_INTERVAL;
        for (wanted, outstanding, sleep) in [
            (after(200), Some(0), prolonged),
            (after(200), Some(1), after(200)),
            // The channel is gone.
            (after(200), None, after(200)),
            // Something is due at once.
            (after(4), Some(0), after(4)),
            (after(5), Some(0), prolonged),
            // The next check comes first.
            (prolonged + after(1), Some(0), prolonged + after(1)),
        ] {
            let slept = rest.prolong_if_acknowledged(wanted, ready(outstanding)).await;
            assert_eq!(slept, sleep, "{wanted:?} with {outstanding:?}");
        }
        assert_eq!(rest.prolong(after(200)).await, after(200), "there is no channel");
    }
}

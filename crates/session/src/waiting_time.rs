//! How long the peer's packets wait on their way.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The waiting time of packets over each carrier, from the clock values that the peer writes into its segments.
///
/// **Pure.** Between the peer's clock and ours lies an unknown offset, but it is the same for all packets: what a packet
/// took longer than the fastest one over the same carrier, it waited, be it at the peer, in the proxy or on the link.
/// That is LEDBAT's measurement (RFC 6817), made where the packets arrive.
#[derive(Debug, Default)]
pub(crate) struct WaitingTime {
    /// When our clock was zero.
    origin: Option<Instant>,
    carriers: BTreeMap<u32, Transit>,
}

/// How long packets of an epoch waited, over the carrier where that was shortest: while that has no queue, the peer
/// could send more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Waited {
    /// The one that waited least; the others may have been held up behind a lost one.
    pub(crate) least: Duration,
    /// The last one, which was sent under the newest window.
    pub(crate) last: Duration,
}

/// Times between the peer's clock and ours, in milliseconds, modulo 2³².
#[derive(Debug)]
struct Transit {
    /// The least ever, or since it was [forgotten](WaitingTime::forget_shortest).
    shortest: u32,
    epoch: Option<Epoch>,
}

#[derive(Debug, Clone, Copy)]
struct Epoch {
    least: u32,
    last: u32,
}

impl WaitingTime {
    /// Notes that a segment which the peer sent when its clock was `sent`, in milliseconds, came over `carrier`.
    pub(crate) fn arrived(&mut self, now: Instant, carrier: u32, sent: u32) {
        let ours = now.saturating_duration_since(*self.origin.get_or_insert(now)).as_millis();
        let took = (ours as u32).wrapping_sub(sent);
        let transit =
            self.carriers.entry(carrier).or_insert(Transit { shortest: took, epoch: None });
        transit.shortest = shorter(transit.shortest, took);
        let least = transit.epoch.map_or(took, |epoch| shorter(epoch.least, took));
        transit.epoch = Some(Epoch { least, last: took });
    }

    /// Forgets a carrier that has ended.
    pub(crate) fn ended(&mut self, carrier: u32) {
        self.carriers.remove(&carrier);
    }

    /// Ends an epoch; `None` if nothing came.
    pub(crate) fn end_epoch(&mut self) -> Option<Waited> {
        let carriers = self.carriers.values_mut();
        carriers
            .filter_map(|transit| {
                let Epoch { least, last } = transit.epoch.take()?;
                let waited =
                    |took: u32| Duration::from_millis(took.wrapping_sub(transit.shortest).into());
                Some(Waited { least: waited(least), last: waited(last) })
            })
            .min_by_key(|waited| waited.least)
    }

    /// Ends an epoch and takes the shortest times of it for the truth: paths change, and clocks drift.
    pub(crate) fn forget_shortest(&mut self) {
        for transit in self.carriers.values_mut() {
            transit.shortest = transit.epoch.take().map_or(transit.shortest, |epoch| epoch.least);
        }
    }
}

/// The shorter of two times whose zero is unknown.
fn shorter(a: u32, b: u32) -> u32 {
    if (b.wrapping_sub(a) as i32) < 0 { b } else { a }
}

#[cfg(test)]
mod tests {
    use super::*;
    use snowflake_netsim::epoch;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// What waited least and last in this epoch, in milliseconds.
    fn waited(waiting: &mut WaitingTime) -> Option<(u128, u128)> {
        waiting.end_epoch().map(|waited| (waited.least.as_millis(), waited.last.as_millis()))
    }

    /// The peer's clock is anywhere, also just before it wraps.
    #[test]
    fn the_offset_of_the_clocks_does_not_matter() {
        for offset in [0, 5_000, u32::MAX - 10, 1 << 31] {
            let mut waiting = WaitingTime::default();
            for (sent, took) in [(0, 50), (10, 90), (20, 70)] {
                waiting.arrived(epoch() + ms(sent + took), 1, offset.wrapping_add(sent as u32));
            }
            assert_eq!(waited(&mut waiting), Some((0, 20)));
            waiting.arrived(epoch() + ms(30 + 80), 1, offset.wrapping_add(30));
            assert_eq!(waited(&mut waiting), Some((30, 30)), "the fastest took 50 ms");
            assert_eq!(waited(&mut waiting), None);
        }
    }

    #[test]
    fn each_carrier_has_its_own_way_and_the_emptiest_counts() {
        let mut waiting = WaitingTime::default();
        waiting.arrived(epoch() + ms(20), 1, 0);
        waiting.arrived(epoch() + ms(200), 2, 0);
        waited(&mut waiting);
        waiting.arrived(epoch() + ms(100 + 60), 1, 100);
        waiting.arrived(epoch() + ms(100 + 210), 2, 100);
        assert_eq!(waited(&mut waiting), Some((10, 10)));
        waiting.arrived(epoch() + ms(200 + 210), 2, 200);
        waiting.ended(2);
        waiting.arrived(epoch() + ms(200 + 60), 1, 200);
        assert_eq!(waited(&mut waiting), Some((40, 40)), "the ended one does not count");
    }

    #[test]
    fn a_path_that_became_longer_is_believed_in_time() {
        let mut waiting = WaitingTime::default();
        waiting.arrived(epoch() + ms(20), 1, 0);
        waited(&mut waiting);
        waiting.arrived(epoch() + ms(170), 1, 100);
        waiting.forget_shortest();
        waiting.arrived(epoch() + ms(275), 1, 200);
        assert_eq!(waited(&mut waiting), Some((5, 5)));
    }
}

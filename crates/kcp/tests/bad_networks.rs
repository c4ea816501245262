//! Whatever the network does, the bytes arrive, in order and unaltered, and then there is silence.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "harness/pair.rs"]
mod pair;

use std::time::Duration;

use pair::Pair;
use proptest::prelude::*;
use snowflake_kcp::{Config, Kcp};
use snowflake_netsim::{Path, epoch};

const MIB: usize = 1 << 20;

fn pair(path: &Path, seed: u64) -> Pair<Kcp, Kcp> {
    let end = || Kcp::new(0x0403_0201, Config::default(), epoch());
    Pair::new(end(), end(), path, seed)
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Silence: no packet under way, no timer, and none after an hour either.
fn assert_idle(pair: &mut Pair<Kcp, Kcp>) {
    for side in [&mut pair.a, &mut pair.b] {
        assert!(side.end.is_quiet());
        assert_eq!(side.end.poll_timeout(), None);
        side.end.handle_timeout(pair.now + seconds(3600));
        assert_eq!(side.end.poll_timeout(), None);
        assert_eq!(side.end.held(), 0);
    }
}

#[test]
fn a_perfect_network_repeats_nothing() {
    let mut pair = pair(&Path::perfect().delay(millis(25)), 1);
    pair.transfer(4 * MIB, 4 * MIB, seconds(30));
    for stats in [pair.a.end.stats(), pair.b.end.stats()] {
        assert_eq!((stats.resent_skipped, stats.resent_timeout), (0, 0));
        assert_eq!(stats.duplicates_received, 0);
    }
    assert_idle(&mut pair);
}

#[test]
fn loss_costs_about_what_was_lost() {
    for (seed, loss) in [(1, 0.02), (2, 0.05), (3, 0.2)] {
        let mut pair = pair(&Path::perfect().delay(millis(25)).loss(loss), seed);
        pair.transfer(2 * MIB, 2 * MIB, seconds(60));
        let stats = pair.a.end.stats();
        let repeated = stats.resent_skipped + stats.resent_timeout;
        // A segment is repeated when it or its acknowledgement is lost.
        let unheard = 1.0 - (1.0 - loss) * (1.0 - loss);
        let fair = stats.segments_sent as f64 * unheard / (1.0 - unheard);
        assert!((repeated as f64) < 1.25 * fair + 20.0, "{loss}: {repeated} for {fair}: {stats:?}");
        assert_idle(&mut pair);
    }
}

#[test]
fn duplicates_are_dropped() {
    let mut pair = pair(&Path::perfect().delay(millis(25)).duplicate(0.5), 4);
    pair.transfer(2 * MIB, 2 * MIB, seconds(30));
    assert!(pair.a.end.stats().duplicates_received > 100);
    assert_idle(&mut pair);
}

#[test]
fn order_is_restored() {
    let mut pair = pair(&Path::perfect().delay(millis(25)).jitter(millis(30)), 5);
    pair.transfer(2 * MIB, 2 * MIB, seconds(30));
    assert_idle(&mut pair);
}

#[test]
fn everything_at_once() {
    for seed in 0..8 {
        let mut pair = pair(&Path::poor(), seed);
        pair.transfer(MIB / 2, MIB / 2, seconds(60));
        assert_idle(&mut pair);
    }
}

#[test]
fn a_cut_of_five_minutes_ends_nothing() {
    let path = Path::poor().rate_mbit(8.0).cut(millis(500), seconds(300));
    let mut pair = pair(&path, 6);
    let took = pair.transfer(MIB, MIB, seconds(600));
    assert!(took > seconds(300) && took < seconds(330), "{took:?}");
    assert_idle(&mut pair);
}

#[test]
fn a_path_change_resumes_at_once_after_a_long_cut() {
    let path = Path::perfect().delay(millis(25)).rate_mbit(8.0).cut(millis(500), seconds(300));
    let mut pair = pair(&path, 7);
    pair.a.end.write(&[0; 100_000]);
    // The driver learns of the new path as it opens.
    let mut packets = 0;
    pair.now = epoch() + seconds(300);
    pair.a.end.handle_timeout(pair.now);
    pair.a.end.resend(pair.now, 0);
    while pair::End::poll_transmit(&mut pair.a.end, pair.now).is_some() {
        packets += 1;
    }
    assert_eq!(packets, 32);
}

#[test]
fn a_slow_link_with_a_short_queue_is_kept_busy() {
    let mut pair = pair(&Path::domestic_uplink(), 8);
    pair.ahead = 256 * 1024;
    // 8 Mbit/s: two seconds for 2 MiB at the very best.
    let took = pair.transfer(2 * MIB, 0, seconds(60));
    assert!(took < seconds(8), "{took:?}: {:?}", pair.a.end.stats());
    assert_idle(&mut pair);
}

#[test]
fn a_deep_queue_is_not_filled_with_repetitions() {
    // 1 MiB on its way at 8 Mbit/s: a second of queue, five times the initial timeout.
    let path = Path::domestic_uplink().queue(seconds(5));
    let mut pair = pair(&path, 10);
    pair.transfer(4 * MIB, 0, seconds(60));
    let stats = pair.a.end.stats();
    let repeated = stats.resent_skipped + stats.resent_timeout;
    assert!(repeated < stats.segments_sent / 10, "{stats:?}");
}

#[test]
fn sessions_go_on_after_idle_hours() {
    let mut pair = pair(&Path::poor(), 9);
    for _ in 0..5 {
        pair.transfer(10_000, 10_000, seconds(60));
        assert_idle(&mut pair);
        pair.now += seconds(10 * 24 * 3600);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

    #[test]
    fn any_network_is_survived(
        (delay, jitter) in (0..300u64, 0..200u64),
        (loss, duplicate) in (0.0..0.4, 0.0..0.4),
        (up, down) in (0..100_000usize, 0..100_000usize),
        seed: u64,
    ) {
        let path = Path::perfect()
            .delay(millis(delay))
            .jitter(millis(jitter))
            .loss(loss)
            .duplicate(duplicate);
        let mut pair = pair(&path, seed);
        pair.transfer(up, down, seconds(600));
        assert_idle(&mut pair);
    }
}

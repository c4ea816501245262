//! Two sessions on one virtual clock over paths that lose, repeat, reorder, delay and are cut: the streams stay exact.

use crate::ends::{connect, exchange};
use snowflake_netsim::Path;
use std::time::Duration;
use tokio::time::Instant;

const KIB: usize = 1024;

/// Moves `size` bytes each way at once and returns how long that took on the virtual clock.
async fn transfer(path: Path, seed: u64, size: usize) -> Duration {
    let started = Instant::now();
    let (client, server) = connect(&path, seed).await;
    exchange(client, server, seed, size).await;
    started.elapsed()
}

#[tokio::test(start_paused = true)]
async fn a_perfect_path() {
    assert!(transfer(Path::perfect(), 1, 4096 * KIB).await < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn loss_repetition_and_reordering() {
    for seed in 0..5 {
        let took = transfer(Path::poor(), seed, 512 * KIB).await;
        assert!(took < Duration::from_secs(30), "{took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn five_percent_loss_and_fifty_milliseconds() {
    let path = Path::perfect().delay(Duration::from_millis(50)).loss(0.05);
    let took = transfer(path, 7, 1024 * KIB).await;
    assert!(took < Duration::from_secs(30), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_cut_of_five_minutes_in_the_middle() {
    let (from, to) = (Duration::from_millis(300), Duration::from_secs(300));
    let took = transfer(Path::poor().cut(from, to), 9, 1024 * KIB).await;
    assert!(took > to, "the cut came in the middle: {took:?}");
    assert!(took < to + Duration::from_secs(70), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_slow_path_with_a_short_queue() {
    let took = transfer(Path::domestic_uplink(), 11, 1024 * KIB).await;
    assert!(took < Duration::from_secs(20), "{took:?}");
}

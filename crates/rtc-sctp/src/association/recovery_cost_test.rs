//! What an acknowledgment costs during recovery must not grow with the number of chunks in flight.

use super::recovery_fixture::{ROUND_TRIP, sack, window};
use super::*;

/// The earliest of so many chunks is lost, and then one in so many.
const LOST: u16 = 100;
/// How many chunks arrive between two acknowledgments.
const ARRIVE: u16 = 2;

/// All has arrived up to chunk `last` but what was lost.
fn all_until(last: u16) -> ChunkSelectiveAck {
    let starts = (2..=last).step_by(LOST.into());
    let blocks = starts.map(|start| (start, last.min(start + LOST - 2)));
    sack(0, &blocks.collect::<Vec<_>>())
}

/// What each acknowledgment of a window costs while the earliest chunk is lost with every repetition of it, and how
/// often a chunk is looked up for that.
fn cost(count: u16, track_lookups: bool) -> Result<(Duration, usize)> {
    let mut now = Instant::now();
    let mut a = window(count, now)?;
    a.inflight_queue.track_lookups = track_lookups;
    now += ROUND_TRIP;
    let (mut elapsed, acks) = (Duration::ZERO, (3..=count).step_by(ARRIVE.into()));
    for last in acks.clone() {
        now += 3 * ROUND_TRIP / count.into();
        let sack = all_until(last);
        let started = Instant::now();
        a.handle_sack(&sack, now)?;
        a.gather_outbound(now);
        elapsed += started.elapsed();
    }
    assert!(a.stats.get_num_fast_retrans() >= u64::from(count / LOST));
    let acks = acks.len();
    Ok((elapsed / acks as u32, a.inflight_queue.lookups.get() / acks))
}

#[test]
fn an_acknowledgment_looks_at_few_chunks_in_a_window_of_any_size() -> Result<()> {
    for count in [100, 1000, 5000] {
        let (_, lookups) = cost(count, true)?;
        assert!(lookups <= 16, "{lookups} of {count} in flight");
    }
    Ok(())
}

#[test]
fn a_timeout_repeats_everything_in_time_proportional_to_it() -> Result<()> {
    for count in [100, 1000, 5000] {
        let now = Instant::now();
        let mut a = window(count, now)?;
        let at = now + Duration::from_secs(2);
        a.handle_timeout(at);
        a.inflight_queue.track_lookups = true;
        let mut sent = 0;
        while sent < count.into() {
            sent += data_chunks(&a.gather_data_packets_to_retransmit(vec![], at));
        }
        let lookups = a.inflight_queue.lookups.get() / sent;
        assert!(lookups <= 16, "{lookups} for each of {count}");
    }
    Ok(())
}

#[test]
#[ignore = "manual comparison of times"]
fn benchmark_acknowledgments_in_recovery() -> Result<()> {
    for count in [100, 1000, 5000] {
        let times = (0..20).map(|_| Ok(cost(count, false)?.0));
        let least = times.collect::<Result<Vec<_>>>()?.into_iter().min();
        let (_, lookups) = cost(count, true)?;
        println!("{count} in flight: {least:?}, {lookups} lookups");
    }
    Ok(())
}

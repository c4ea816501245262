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

/// How often a chunk is looked up for each acknowledgment of a window while the earliest is lost with every repetition
/// of it.
fn lookups(count: u16) -> Result<usize> {
    let mut now = Instant::now();
    let mut a = window(count, now)?;
    a.inflight_queue.track_lookups = true;
    now += ROUND_TRIP;
    let acks = (3..=count).step_by(ARRIVE.into());
    for last in acks.clone() {
        now += 3 * ROUND_TRIP / count.into();
        a.handle_sack(&all_until(last), now)?;
        a.gather_outbound(now);
    }
    assert!(a.stats.get_num_fast_retrans() >= u64::from(count / LOST));
    Ok(a.inflight_queue.lookups.get() / acks.len())
}

#[test]
fn an_acknowledgment_looks_at_few_chunks_in_a_window_of_any_size() -> Result<()> {
    for count in [100, 1000, 5000] {
        let lookups = lookups(count)?;
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

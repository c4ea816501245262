//! What an acknowledgment costs during recovery must not grow with the number of chunks in flight.

use super::*;
use crate::chunk::chunk_selective_ack::GapAckBlock;

/// The earliest of so many chunks is lost, and then one in so many.
const LOST: u16 = 100;
/// How many chunks arrive between two acknowledgments.
const ARRIVE: u16 = 2;
const ROUND_TRIP: Duration = Duration::from_millis(50);

/// `count` chunks in flight, numbered from 1.
fn window(count: u16, now: Instant) -> Result<Association> {
    let mut a = timed_test_association();
    (a.my_next_tsn, a.min_tsn2measure_rtt) = (1, 1);
    (a.cumulative_tsn_ack_point, a.advanced_peer_tsn_ack_point) = (0, 0);
    a.cwnd = u32::from(count) * a.mtu;
    a.rwnd = a.cwnd;
    let ppi = PayloadProtocolIdentifier::Binary;
    let mut stream = a.open_stream(1, ppi)?;
    for _ in 0..count {
        stream.write_sctp(now, &Bytes::from_static(&[7; 1024]), ppi)?;
    }
    assert_eq!(usize::from(count), data_chunks(&a.gather_outbound(now).0));
    Ok(a)
}

/// All has arrived up to chunk `last` but what was lost.
fn sack(last: u16) -> ChunkSelectiveAck {
    let blocks = (2..=last).step_by(LOST.into()).map(|start| GapAckBlock {
        start,
        end: last.min(start + LOST - 2),
    });
    ChunkSelectiveAck {
        cumulative_tsn_ack: 0,
        advertised_receiver_window_credit: 16 << 20,
        gap_ack_blocks: blocks.collect(),
        ..Default::default()
    }
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
        let sack = sack(last);
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

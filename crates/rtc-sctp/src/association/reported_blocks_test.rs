//! Passing over what the last SACK has reported changes nothing but the time it takes.

use super::recovery_fixture::*;
use super::*;
use crate::chunk::chunk_selective_ack::GapAckBlock;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Chunks in flight at first.
const WINDOW: u16 = 40;

/// What SACKs change.
fn state(a: &Association) -> impl PartialEq + std::fmt::Debug + use<> {
    let chunk = |tsn: &u32| {
        let c = a.inflight_queue.get(*tsn).unwrap();
        let waits = (c.retransmit, c.lost_again, c.miss_indicator);
        (c.tsn, c.acknowledged, c.user_data.len(), c.nsent, waits)
    };
    let chunks: Vec<_> = a.inflight_queue.sorted.iter().map(chunk).collect();
    let bytes = (
        a.inflight_queue.get_num_bytes(),
        a.streams[&1].buffered_amount,
    );
    let window = (a.cwnd, a.rwnd, a.ssthresh, a.partial_bytes_acked);
    let recovery = (a.in_fast_recovery, a.latest_acked, a.next_suspect);
    let point = (a.cumulative_tsn_ack_point, a.poll_timeout());
    let repeated = (a.to_repeat.clone(), a.repeated.clone());
    (chunks, bytes, window, recovery, point, repeated)
}

/// A block of up to ten chunks that are in flight, or, now and then, one that no honest peer reports.
fn block(in_flight: u16, random: &mut StdRng) -> GapAckBlock {
    let start = random.random_range(1..=in_flight);
    let end = random.random_range(start..=in_flight.min(start + 9));
    match random.random_range(0..80) {
        0 => GapAckBlock { start: 0, end },
        1 => GapAckBlock {
            start,
            end: in_flight + 3,
        },
        2..8 => GapAckBlock {
            start: end,
            end: start,
        },
        _ => GapAckBlock { start, end },
    }
}

/// A SACK with blocks that lie in each other, half of the time in no order.
fn any_sack(a: &Association, random: &mut StdRng) -> ChunkSelectiveAck {
    let point = a.cumulative_tsn_ack_point;
    let in_flight = a.my_next_tsn.wrapping_sub(point).wrapping_sub(1) as u16;
    let advance = random.random_range(0..=in_flight.min(3)) * u16::from(random.random_bool(0.3));
    let left = in_flight - advance;
    let count = random.random_range(0..=4) * u16::from(left > 0);
    let mut blocks: Vec<_> = (0..count).map(|_| block(left, random)).collect();
    if random.random_bool(0.5) {
        blocks.sort_by_key(|block| block.start);
    }
    ChunkSelectiveAck {
        cumulative_tsn_ack: point.wrapping_add(advance.into()),
        advertised_receiver_window_credit: 16 << 20,
        gap_ack_blocks: blocks,
        ..Default::default()
    }
}

/// The outcome of a SACK, and what happens before the next one.
fn handle(
    a: &mut Association,
    sack: &ChunkSelectiveAck,
    writes: u16,
    now: Instant,
) -> Result<(bool, Vec<u32>)> {
    let is_taken = a.handle_sack(sack, now).is_ok();
    if a.poll_timeout().is_some_and(|at| at <= now) {
        a.handle_timeout(now);
    }
    Ok((is_taken, write(a, writes, now)?))
}

#[test]
fn what_was_reported_before_changes_nothing_whatever_a_peer_reports() -> Result<()> {
    let begin = Instant::now();
    let (mut taken, mut refused) = (0, 0);
    for seed in 0..300 {
        let (mut random, mut now) = (StdRng::seed_from_u64(seed), begin);
        // Half of them wrap.
        let last = if seed % 2 == 0 { 0 } else { u32::MAX - 50 };
        let mut knows = window_after(last, WINDOW, now)?;
        let mut forgets = window_after(last, WINDOW, now)?;
        for _ in 0..60 {
            now += Duration::from_millis(random.random_range(0..80));
            let (sack, writes) = (any_sack(&knows, &mut random), random.random_range(0..4));
            forgets.reported_blocks.clear();
            let outcome = handle(&mut knows, &sack, writes, now)?;
            assert_eq!(outcome, handle(&mut forgets, &sack, writes, now)?, "{sack}");
            assert_eq!(state(&knows), state(&forgets), "seed {seed}: {sack}");
            *(if outcome.0 { &mut taken } else { &mut refused }) += 1;
        }
    }
    assert!(refused > 1000 && taken > refused, "{taken}, {refused}");
    Ok(())
}

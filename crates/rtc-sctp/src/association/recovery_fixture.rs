//! What the tests of recovery begin with.

use super::*;
use crate::chunk::chunk_selective_ack::GapAckBlock;

pub(super) const ROUND_TRIP: Duration = Duration::from_millis(50);

/// `count` chunks of 1024 bytes in flight, each a packet, numbered from 1.
pub(super) fn window(count: u16, now: Instant) -> Result<Association> {
    window_after(0, count, now)
}

/// The same, numbered from the one after `last`.
pub(super) fn window_after(last: u32, count: u16, now: Instant) -> Result<Association> {
    let mut a = timed_test_association();
    let first = last.wrapping_add(1);
    (a.my_next_tsn, a.min_tsn2measure_rtt) = (first, first);
    (a.cumulative_tsn_ack_point, a.advanced_peer_tsn_ack_point) = (last, last);
    a.cwnd = u32::from(count) * a.mtu;
    a.rwnd = 16 << 20;
    a.open_stream(1, PayloadProtocolIdentifier::Binary)?;
    assert_eq!(usize::from(count), write(&mut a, count, now)?.len());
    Ok(a)
}

/// Writes `count` more; the numbers of those which leave, and of what is repeated, in the order of leaving.
pub(super) fn write(a: &mut Association, count: u16, now: Instant) -> Result<Vec<u32>> {
    let ppi = PayloadProtocolIdentifier::Binary;
    for _ in 0..count {
        a.stream(1)?
            .write_sctp(now, &Bytes::from_static(&[7; 1024]), ppi)?;
    }
    Ok(transmit(a, now))
}

/// The numbers of what leaves now.
pub(super) fn transmit(a: &mut Association, now: Instant) -> Vec<u32> {
    let sent = transmitted_data(&a.gather_outbound(now).0);
    sent.iter().map(|c| c.tsn).collect()
}

/// All up to `cumulative` has arrived, and what is in `blocks`.
pub(super) fn sack(cumulative: u16, blocks: &[(u16, u16)]) -> ChunkSelectiveAck {
    let block = |&(first, last)| GapAckBlock {
        start: first - cumulative,
        end: last - cumulative,
    };
    ChunkSelectiveAck {
        cumulative_tsn_ack: cumulative.into(),
        advertised_receiver_window_credit: 16 << 20,
        gap_ack_blocks: blocks.iter().map(block).collect(),
        ..Default::default()
    }
}

/// Handles acknowledgments of blocks one after the other while the first chunk is missing; what leaves after each.
pub(super) fn report(
    a: &mut Association,
    now: Instant,
    acks: &[&[(u16, u16)]],
) -> Result<Vec<Vec<u32>>> {
    let mut sent = vec![];
    for blocks in acks {
        a.handle_sack(&sack(0, blocks), now)?;
        sent.push(transmit(a, now));
    }
    Ok(sent)
}

//! How soon what arrives is acknowledged.

use super::*;

fn receiver() -> Association {
    let mut a = timed_test_association();
    (a.peer_last_tsn, a.mtu) = (0, 1191);
    a
}

/// Lets a packet of `len` bytes of data arrive; whether it is acknowledged at once.
fn arrives(a: &mut Association, tsn: u32, len: usize, now: Instant) -> Result<bool> {
    let chunk = ChunkPayloadData {
        tsn,
        beginning_fragment: true,
        ending_fragment: true,
        stream_sequence_number: tsn as u16,
        user_data: Bytes::from(vec![7; len]),
        ..Default::default()
    };
    a.handle_chunk_start();
    a.handle_data(&chunk)?;
    a.handle_chunk_end(now);
    let is_acknowledged = a.ack_state == AckState::Immediate;
    a.gather_outbound(now);
    Ok(is_acknowledged)
}

/// How many of so many packets one after the other are acknowledged at once.
fn acknowledged(count: u32, len: usize) -> Result<usize> {
    let (mut a, now) = (receiver(), Instant::now());
    let answers: Result<Vec<bool>> = (1..=count)
        .map(|tsn| arrives(&mut a, tsn, len, now))
        .collect();
    Ok(answers?.into_iter().filter(|at_once| *at_once).count())
}

#[test]
fn each_other_full_packet_is_acknowledged() -> Result<()> {
    assert_eq!(acknowledged(20, 1160)?, 10);
    Ok(())
}

#[test]
fn small_packets_are_acknowledged_when_there_is_as_much_as_a_packet_holds() -> Result<()> {
    // 43 of them are 1204 bytes, more than the 1191 of a packet.
    assert_eq!((acknowledged(42, 28)?, acknowledged(43, 28)?), (0, 1));
    Ok(())
}

#[test]
fn small_packets_wait_no_longer_than_one_does() -> Result<()> {
    let (mut a, now) = (receiver(), Instant::now());
    let interval = Duration::from_millis(ACK_INTERVAL);
    arrives(&mut a, 1, 28, now)?;
    assert!(!arrives(&mut a, 2, 28, now + interval / 2)?);
    assert_eq!(a.timers.get(Timer::Ack), Some(now + interval));
    a.handle_timeout(now + interval);
    assert_eq!(a.ack_state, AckState::Immediate);
    Ok(())
}

#[test]
fn what_comes_again_is_acknowledged_at_once() -> Result<()> {
    let (mut a, now) = (receiver(), Instant::now());
    arrives(&mut a, 1, 28, now)?;
    assert!(arrives(&mut a, 1, 28, now)?);
    Ok(())
}

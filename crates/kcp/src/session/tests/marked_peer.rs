//! What changes with a peer that says it is paced.

use super::*;
use crate::segment::PACED;

/// A session with a peer that is marked or not, whose window is 65,535.
fn with_peer(marked: bool) -> Kcp {
    let mut kcp = open();
    let mut hex = control(84, 65535, 0, 0, 0);
    if marked {
        hex.replace_range(10..12, &hex::encode([PACED]));
    }
    feed(&mut kcp, 0, &hex);
    assert_eq!(kcp.peer_is_paced(), marked);
    kcp
}

/// Lengths of the packets that are to be sent.
fn lengths(kcp: &mut Kcp, now: u64) -> Vec<usize> {
    let mut out = BytesMut::new();
    std::iter::from_fn(|| kcp.poll_transmit(at(now), &mut out)).collect()
}

#[test]
fn only_a_marked_peer_gets_long_segments() {
    for (marked, longest) in [(false, 1400), (true, LONGEST_PACKET)] {
        let mut kcp = with_peer(marked);
        kcp.set_segment(usize::MAX);
        assert_eq!(kcp.mtu(), longest);
        kcp.write(&vec![7; 2 * (longest - HEADER_LEN) + 1]);
        assert_eq!(lengths(&mut kcp, 0), [longest, longest, HEADER_LEN + 1]);
    }
}

#[test]
fn segments_are_never_shorter_than_a_packet() {
    let mut kcp = with_peer(true);
    kcp.set_segment(0);
    assert_eq!((kcp.segment(), kcp.mtu()), (1376, 1400));
}

#[test]
fn a_long_segment_is_repeated_as_it_was() {
    let mut kcp = with_peer(true);
    kcp.set_segment(usize::MAX);
    kcp.write(&[7; 5000]);
    let rest = 5000 - (LONGEST_PACKET - HEADER_LEN) + HEADER_LEN;
    assert_eq!(lengths(&mut kcp, 0), [LONGEST_PACKET, rest]);
    kcp.set_segment(0);
    feed(&mut kcp, 50, &segment(81, 65535, 0, 0, 0, &[1; 700]));
    kcp.resend(at(50), 0);
    let again = lengths(&mut kcp, 70);
    assert_eq!(again, [HEADER_LEN, LONGEST_PACKET, rest], "acknowledgements go first");
}

/// Whoever sends much and receives little has `una` in all its packets; an acknowledgement is sent twice a second.
#[test]
fn little_data_is_acknowledged_by_the_data_that_goes_the_other_way() {
    for (marked, expected) in [(false, 20..=21), (true, 3..=5)] {
        let mut kcp = with_peer(marked);
        let mut said = 0;
        for tick in 0..200_u64 {
            let now = 10 * tick;
            // One key in 100 ms, one packet of ours in 30.
            if tick % 10 == 0 {
                let sn = tick as u32 / 10;
                feed(&mut kcp, now, &segment(81, 65535, now as u32, sn, 0, b"key"));
            }
            if tick % 3 == 0 {
                kcp.write(&[7; 1000]);
            }
            kcp.handle_timeout(at(now));
            lengths(&mut kcp, now);
            while kcp.read().is_some() {}
            said = said.max(kcp.stats().acks_sent);
        }
        assert!(expected.contains(&said), "{said} acknowledgements of 20, marked: {marked}");
    }
}

/// A session with data in flight, which has just acknowledged something.
fn sending() -> Kcp {
    let mut kcp = with_peer(true);
    kcp.write(&[7; 1000]);
    feed(&mut kcp, 0, &segment(81, 65535, 0, 0, 0, b"first"));
    assert_eq!(lengths(&mut kcp, 0), [1024 + HEADER_LEN], "the first measures");
    kcp
}

#[test]
fn without_data_that_says_as_much_an_acknowledgement_waits_sixty_milliseconds() {
    let mut kcp = sending();
    feed(&mut kcp, 10, &segment(81, 65535, 10, 1, 0, b"key"));
    assert_eq!(kcp.poll_timeout(), Some(at(70)));
    let mut out = BytesMut::new();
    kcp.handle_timeout(at(69));
    assert_eq!(kcp.poll_transmit_over(at(69), 0, Cargo::Nothing, &mut out), None);
    kcp.handle_timeout(at(70));
    let sent = kcp.poll_transmit_over(at(70), 0, Cargo::Nothing, &mut out);
    assert_eq!(sent.map(|sent| sent.len), Some(HEADER_LEN));
}

#[test]
fn a_segment_that_comes_again_because_what_acknowledged_it_is_lost_is_answered_again() {
    let mut kcp = sending();
    feed(&mut kcp, 10, &segment(81, 65535, 10, 1, 0, b"key"));
    kcp.write(&[7; 100]);
    assert_eq!(lengths(&mut kcp, 11), [100 + HEADER_LEN], "its una says as much");
    feed(&mut kcp, 1000, &segment(81, 65535, 1000, 1, 0, b"key"));
    let acks = kcp.stats().acks_sent;
    kcp.handle_timeout(at(1060));
    lengths(&mut kcp, 1060);
    assert_eq!(kcp.stats().acks_sent, acks + 1);
}

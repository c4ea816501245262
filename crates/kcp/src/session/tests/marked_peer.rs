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

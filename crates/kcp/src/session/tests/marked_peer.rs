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
    feed(&mut kcp, 50, &segment(81, 65535, 0, 0, 0, b"to be acknowledged"));
    kcp.resend(at(50), 0);
    let again = lengths(&mut kcp, 70);
    assert_eq!(again, [HEADER_LEN, LONGEST_PACKET, rest], "acknowledgements go first");
}

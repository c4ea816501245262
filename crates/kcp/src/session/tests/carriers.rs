//! What depends on the carriers of a segment, and on what the peer knows of them.

use super::*;

/// One more packet over `carrier`: the numbers of its data segments.
fn transmit_over(kcp: &mut Kcp, now: u64, carrier: u32, cargo: Cargo) -> Option<Vec<u32>> {
    let mut out = BytesMut::new();
    kcp.poll_transmit_over(at(now), carrier, cargo, &mut out)?;
    let number = |at: usize| u32::from_le_bytes(out[at..at + 4].try_into().unwrap());
    let (mut sns, mut next) = (Vec::new(), 0);
    while next < out.len() {
        sns.extend((out[next + 4] == 81).then(|| number(next + 12)));
        next += HEADER_LEN + number(next + 20) as usize;
    }
    Some(sns)
}

#[test]
fn what_one_carrier_has_lost_does_not_hide_what_another_has() {
    let mut kcp = open();
    kcp.write(&[1; 3 * 1376]);
    assert_eq!(transmit_over(&mut kcp, 0, 1, Cargo::Any), Some(vec![0]));
    assert_eq!(transmit_over(&mut kcp, 5, 2, Cargo::Any), Some(vec![1]));
    assert_eq!(transmit_over(&mut kcp, 5, 2, Cargo::Any), Some(vec![2]));
    assert!(!kcp.has_lost(1) && !kcp.has_lost(2));
    // Carrier 1 is dead. On carrier 2 a segment is lost, and both have timed out.
    feed(&mut kcp, 50, &control(82, 65535, 5, 2, 0));
    kcp.write(&[1; 1376]);
    kcp.handle_timeout(at(1000));
    assert!(kcp.has_lost(1) && kcp.has_lost(2));
    assert_eq!(transmit_over(&mut kcp, 1000, 2, Cargo::Lost), Some(vec![1]));
    assert!(kcp.has_lost(1) && !kcp.has_lost(2));
    assert_eq!(transmit_over(&mut kcp, 1000, 2, Cargo::Lost), None);
    assert_eq!(transmit_over(&mut kcp, 1000, 2, Cargo::Nothing), None);
    assert_eq!(
        transmit_over(&mut kcp, 1000, 2, Cargo::Any),
        Some(vec![0]),
        "with room, old before new"
    );
    assert!(!kcp.has_lost(1));
    assert_eq!(transmit_over(&mut kcp, 1000, 2, Cargo::Any), Some(vec![3]));
}

#[test]
fn while_data_is_under_way_there_is_a_timer_and_it_lies_ahead() {
    let mut kcp = open();
    kcp.write(&[1; 2 * 1376]);
    transmit_over(&mut kcp, 0, 1, Cargo::Any);
    transmit_over(&mut kcp, 30, 2, Cargo::Any);
    kcp.write(&[1; 1376]);
    // No carrier has room for what is new.
    assert_eq!(kcp.poll_timeout(), Some(at(200)));
    kcp.handle_timeout(at(200));
    assert!(kcp.has_lost(1) && !kcp.has_lost(2));
    // Carrier 1 is suspect: what it lost waits, and the other is still watched.
    assert_eq!(kcp.poll_timeout(), Some(at(230)));
    kcp.handle_timeout(at(230));
    assert!(kcp.has_lost(2));
    assert_eq!(kcp.poll_timeout(), None, "nothing more will become due by itself");
    assert_eq!(transmit_over(&mut kcp, 230, 2, Cargo::Lost), Some(vec![1]));
    assert_eq!(kcp.poll_timeout(), Some(at(630)));
}

/// The round trip that a sender measures over 50 ms to an end that is paced.
fn measured(sender_is_paced: bool) -> Option<u32> {
    let end = |paced| Kcp::new(CONV, Config { paced, ..Config::default() }, at(0));
    let (mut sender, mut receiver) = (end(sender_is_paced), end(true));
    sender.write(b"data");
    for hex in flush(&mut sender, 0) {
        feed(&mut receiver, 25, &hex);
    }
    for hex in flush(&mut receiver, 35) {
        feed(&mut sender, 60, &hex);
    }
    sender.stats().srtt
}

#[test]
fn acknowledgements_look_old_to_a_peer_that_knows_no_carriers() {
    assert_eq!(measured(true), Some(60));
    assert_eq!(measured(false), Some(60 + 300));
}

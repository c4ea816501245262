//! Streams take turns, and control frames wait for none of them.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "peer/peer.rs"]
mod peer;

use std::collections::HashMap;

use peer::{Peer, frames};
use snowflake_smux::{Config, Role, StreamId};

/// The peer of a client with this many streams, each with a full send buffer.
fn busy(streams: usize) -> (Peer, Vec<StreamId>) {
    let mut peer = Peer::of_client();
    let ids: Vec<_> = (0..streams).map(|_| peer.ours.open().unwrap()).collect();
    for &id in &ids {
        peer.recv(frames::syn(id.0));
        assert_eq!(peer.write_all(id), 65536);
    }
    (peer, ids)
}

#[test]
fn a_lone_stream_sends_the_largest_frames() {
    let (mut peer, _) = busy(1);
    assert_eq!(peer.next().unwrap().body.len(), 32768);
    assert_eq!(peer.next().unwrap().body.len(), 32768);
    peer.recv_nothing();
}

#[test]
fn streams_alternate_in_small_frames() {
    let (mut peer, _) = busy(2);
    for _ in 0..15 {
        for id in [3, 5] {
            let frame = peer.next().unwrap();
            assert_eq!((frame.stream, frame.body.len()), (id, 4096));
        }
    }
}

#[test]
fn a_hundred_streams_are_never_more_than_a_frame_apart() {
    let (mut peer, ids) = busy(100);
    let mut sent: HashMap<u32, usize> = ids.iter().map(|id| (id.0, 0)).collect();
    for _ in 0..1550 {
        let frame = peer.next().unwrap();
        *sent.get_mut(&frame.stream).unwrap() += frame.body.len();
        let (least, most) = (sent.values().min().unwrap(), sent.values().max().unwrap());
        assert!(most - least <= 4096);
    }
}

#[test]
fn a_newcomer_waits_for_one_round_only() {
    let (mut peer, _) = busy(10);
    for _ in 0..25 {
        peer.next().unwrap();
    }
    let late = peer.ours.open().unwrap();
    peer.ours.write(late, b"small").unwrap();
    peer.ours.finish(late).unwrap();
    peer.recv(frames::syn(late.0));
    let round: Vec<_> = (0..11).map(|_| peer.next().unwrap()).collect();
    assert!(round.contains(&frames::psh(late.0, b"small")));
    let next_round: Vec<_> = (0..11).map(|_| peer.next().unwrap()).collect();
    assert!(next_round.contains(&frames::fin(late.0)));
}

#[test]
fn control_frames_overtake_queued_data() {
    let (mut peer, ids) = busy(2);
    peer.send(frames::psh(3, b"hello"));
    assert_eq!(peer.read_all(ids[0]).0, 5);
    peer.pass(std::time::Duration::from_secs(10)).unwrap();
    let opened = peer.ours.open().unwrap();
    peer.recv(frames::upd(3, 5, 1 << 20));
    peer.recv(frames::nop());
    peer.recv(frames::syn(opened.0));
    assert_eq!(peer.next().unwrap().command, 2);
}

#[test]
fn a_stream_without_window_loses_its_turn_not_its_data() {
    let (mut peer, ids) = busy(2);
    let mut sent = 0;
    // Stream 3 uses up its 256 KiB; stream 5 has the path to itself afterwards.
    while sent < 262_144 {
        let frame = peer.next().unwrap();
        if frame.stream == 3 {
            sent += frame.body.len();
            peer.write_all(ids[0]);
        }
    }
    while let Some(frame) = peer.next() {
        assert_eq!(frame.stream, 5);
    }
    peer.send(frames::upd(3, 262_144, 10));
    assert_eq!(peer.next().unwrap(), frames::psh(3, &[9; 10]));
}

#[test]
fn a_frame_is_cut_to_the_room_and_nothing_comes_between() {
    let mut peer = Peer::of(Role::Client, Config::client());
    let id = peer.ours.open().unwrap();
    peer.ours.write(id, b"hello").unwrap();
    assert_eq!(peer.ours.poll_output(0), None);
    let mut wire = Vec::new();
    let mut rooms = [3, 1, 100, 9, 2, 1, 100].into_iter();
    while let Some(bytes) = peer.ours.poll_output(rooms.next().unwrap_or(100)) {
        wire.push(bytes.len());
        if wire.len() == 4 {
            // In the middle of the data frame: the NOP has to wait for its end.
            peer.now += std::time::Duration::from_secs(10);
            peer.ours.handle_timeout(peer.now).unwrap();
        }
    }
    assert_eq!(wire, [3, 1, 4, 9, 2, 1, 1, 8]);
}

/// What does not leave now would wait ahead of everything that is written later.
#[test]
fn a_frame_is_no_longer_than_what_leaves_at_once() {
    let (mut peer, id) = Peer::with_stream(Config::client());
    peer.ours.write(id, &[0; 10_000]).unwrap();
    let header = peer.ours.poll_output(2000).unwrap();
    assert_eq!(u16::from_le_bytes([header[2], header[3]]), 2000);
}

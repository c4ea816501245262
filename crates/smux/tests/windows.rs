//! Nobody is ever further ahead of a reader than the reader allowed.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "peer/peer.rs"]
mod peer;

use peer::{Peer, data, frames};
use snowflake_smux::{
    Config, Event, Misbehaviour, Read, Role, SessionError, StreamError, StreamId,
};

const MIB: u32 = 1 << 20;

/// Writes and sends until nothing moves, and returns how many bytes went out.
fn send_all(peer: &mut Peer, id: StreamId) -> usize {
    let mut total = 0;
    loop {
        peer.write_all(id);
        match peer.recv_data(id.0) {
            0 => return total,
            n => total += n,
        }
    }
}

#[test]
fn sending_stops_at_256_kib_until_the_peer_tells_more() {
    let (mut peer, id) = Peer::with_stream(Config::client());
    assert_eq!(send_all(&mut peer, id), 262_144);
    peer.send(frames::upd(3, 1, MIB));
    assert_eq!(send_all(&mut peer, id), MIB as usize + 1 - 262_144);
    peer.send(frames::upd(3, 524_288, MIB));
    assert_eq!(send_all(&mut peer, id), 524_287);
    peer.send(frames::upd(3, 524_287 + MIB, 10));
    assert_eq!(send_all(&mut peer, id), 9, "the window is replaced, not added to");
    peer.send(frames::upd(3, 524_288 + MIB, 0));
    assert_eq!(send_all(&mut peer, id), 0);
}

#[test]
fn a_writer_is_told_once_when_room_returns() {
    let (mut peer, id) = Peer::with_stream(Config::client());
    assert_eq!(peer.ours.write(id, &[0; 70_000]), Ok(65536));
    assert_eq!(peer.ours.write(id, &[0; 1]), Ok(0));
    assert_eq!(peer.events(), []);
    assert_eq!(peer.next().unwrap().body.len(), 32768);
    assert_eq!(peer.events(), [Event::Writable(id)]);
    peer.recv_data(3);
    assert_eq!(peer.events(), []);
    assert_eq!(peer.ours.write(id, &[0; 100]), Ok(100), "what fits needs no event");
    peer.recv_data(3);
    assert_eq!(peer.events(), []);
}

#[test]
fn the_peer_is_told_at_the_first_read_and_at_every_half_window() {
    let (mut peer, id) = Peer::with_stream(Config::client());
    peer.send_data(3, 262_144);
    peer.recv_nothing();
    assert_eq!(data(peer.ours.read(id, 1).unwrap()).len(), 1);
    peer.recv(frames::upd(3, 1, MIB));
    assert_eq!(peer.read_all(id).0, 262_143);
    peer.recv_nothing();
    peer.send_data(3, 262_144);
    assert_eq!(data(peer.ours.read(id, 65535).unwrap()).len(), 65535);
    peer.recv_nothing();
    assert_eq!(peer.read_all(id).0, 262_144 - 65535);
    peer.recv_nothing();
    peer.send_data(3, 1);
    assert_eq!(peer.read_all(id).0, 1);
    peer.recv(frames::upd(3, 524_289, MIB));
    peer.recv_nothing();
}

#[test]
fn an_update_that_waits_for_output_tells_the_newest_number() {
    let (mut peer, id) = Peer::with_stream(Config::client());
    peer.send(frames::psh(3, b"one"));
    assert_eq!(peer.read_all(id).0, 3);
    peer.send(frames::psh(3, b"two"));
    assert_eq!(peer.read_all(id).0, 3);
    peer.recv(frames::upd(3, 6, MIB));
    peer.recv_nothing();
}

#[test]
fn a_peer_that_ends_is_not_told_that_it_may_go_on() {
    let (mut peer, id) = Peer::with_stream(Config::client());
    peer.send(frames::psh(3, b"bye"));
    peer.send(frames::fin(3));
    assert_eq!(peer.read_all(id), (3, Read::Finished));
    peer.recv_nothing();
}

fn exceeded(stream: u32) -> Result<(), SessionError> {
    Err(SessionError::PeerMisbehaved(Misbehaviour::WindowExceeded(StreamId(stream))))
}

#[test]
fn a_peer_may_use_the_whole_first_window_and_no_more() {
    let mut peer = Peer::of_server();
    peer.send(frames::syn(3));
    peer.send_data(3, 262_144);
    assert_eq!(peer.try_send(frames::psh(3, b"x")), exceeded(3));
    let mut read = 0;
    while let Ok(Read::Data(data)) = peer.ours.read(StreamId(3), usize::MAX) {
        read += data.len();
    }
    assert_eq!(read, 262_144, "what came before is not lost");
}

#[test]
fn a_peer_may_use_the_whole_announced_window_and_no_more() {
    let (mut peer, id) = Peer::with_stream(Config::client());
    peer.send(frames::psh(3, &[0; 10]));
    assert_eq!(peer.read_all(id).0, 10);
    peer.recv(frames::upd(3, 10, MIB));
    peer.send_data(3, MIB as usize);
    assert_eq!(peer.try_send(frames::psh(3, b"x")), exceeded(3));
}

#[test]
fn a_peer_cannot_have_known_of_an_update_that_was_never_sent() {
    let (mut peer, id) = Peer::with_stream(Config::client());
    peer.send_data(3, 262_144);
    assert_eq!(peer.read_all(id).0, 262_144);
    assert_eq!(peer.try_send(frames::psh(3, b"x")), exceeded(3));
}

#[test]
fn claiming_to_have_read_more_than_was_sent_ends_that_direction_of_that_stream() {
    let (mut peer, id) = Peer::with_stream(Config::client());
    let other = peer.ours.open().unwrap();
    peer.recv(frames::syn(5));
    assert_eq!(peer.write_all(id), 65536);
    assert_eq!(peer.next().unwrap().body.len(), 32768);
    peer.events();
    assert_eq!(peer.write_all(id), 32768);
    peer.send(frames::upd(3, 32769, MIB));
    assert_eq!(peer.events(), [Event::Writable(id)]);
    let error = StreamError::PeerMisbehaved(Misbehaviour::ConsumedMoreThanSent(id));
    assert_eq!(peer.ours.write(id, b"x"), Err(error));
    peer.recv_nothing();

    peer.send(frames::psh(3, b"still here"));
    assert_eq!(peer.read_all(id).0, 10);
    peer.recv(frames::upd(3, 10, MIB));
    assert_eq!(peer.ours.write(other, b"fine"), Ok(4));
    peer.recv(frames::psh(5, b"fine"));
    peer.ours.close(id);
    peer.recv(frames::fin(3));
}

#[test]
fn a_session_takes_no_more_than_its_budget_until_someone_reads() {
    let mut peer = Peer::of_server();
    for id in (3..35).step_by(2) {
        assert!(peer.ours.can_receive());
        peer.send(frames::syn(id));
        peer.send_data(id, 262_144);
    }
    assert_eq!(peer.ours.unread(), 4 << 20);
    assert!(!peer.ours.can_receive());
    assert_eq!(data(peer.ours.read(StreamId(3), 1).unwrap()).len(), 1);
    assert!(peer.ours.can_receive());
    peer.send(frames::syn(35));
    peer.send(frames::psh(35, b"x"));
    assert!(!peer.ours.can_receive());
    peer.ours.close(StreamId(5));
    assert_eq!(peer.ours.unread(), (4 << 20) - 262_144, "closing returns the budget");
    assert!(peer.ours.can_receive());
}

#[test]
fn a_small_window_of_ours_still_grants_the_first_256_kib() {
    let config = Config { stream_window: 1000, ..Config::server() };
    let mut peer = Peer::of(Role::Server, config);
    peer.send(frames::syn(3));
    peer.send_data(3, 262_144);
    assert_eq!(data(peer.ours.read(StreamId(3), 1).unwrap()).len(), 1);
    peer.recv(frames::upd(3, 1, 1000));
    assert_eq!(peer.read_all(StreamId(3)).0, 262_143);
    peer.recv(frames::upd(3, 262_144, 1000));
    peer.send_data(3, 1000);
    assert_eq!(peer.try_send(frames::psh(3, b"x")), exceeded(3));
}

//! The two directions of a stream end apart, and a closed stream leaves nothing behind.

#[path = "peer/peer.rs"]
mod peer;

use peer::{Peer, frames};
use snowflake_smux::{Config, Event, OpenError, Read, Role, StreamError, StreamId};

const MIB: u32 = 1 << 20;

#[test]
fn fin_follows_the_data_and_the_other_direction_goes_on() {
    let (mut peer, id) = Peer::with_stream(Config::client());
    assert_eq!(peer.ours.write(id, b"request"), Ok(7));
    assert_eq!(peer.ours.finish(id), Ok(()));
    assert_eq!(peer.ours.finish(id), Ok(()), "finishing twice is finishing once");
    assert_eq!(peer.ours.write(id, b"more"), Err(StreamError::Finished(id)));
    peer.recv(frames::psh(3, b"request"));
    peer.recv(frames::fin(3));
    peer.recv_nothing();

    peer.send(frames::psh(3, b"answer"));
    assert_eq!(peer.events(), [Event::Readable(id)]);
    assert_eq!(peer.read_all(id), (6, Read::Pending));
    peer.recv(frames::upd(3, 6, MIB));
    peer.send(frames::psh(3, b", end"));
    peer.send(frames::fin(3));
    assert_eq!(peer.events(), [Event::Readable(id)]);
    assert_eq!(peer.read_all(id), (5, Read::Finished));
    assert_eq!(peer.ours.streams(), 0, "over both ways: forgotten");
    assert_eq!(peer.ours.read(id, 1), Err(StreamError::Unknown(id)));
}

#[test]
fn after_the_peers_fin_we_may_still_write() {
    let mut peer = Peer::of_server();
    let id = StreamId(3);
    peer.send(frames::syn(3));
    peer.send(frames::fin(3));
    peer.send(frames::fin(3));
    assert_eq!(peer.events(), [Event::Opened(id), Event::Readable(id)]);
    assert_eq!(peer.read_all(id), (0, Read::Finished));
    assert_eq!(peer.read_all(id), (0, Read::Finished), "and can be asked again");
    assert_eq!(peer.ours.write(id, b"answer"), Ok(6));
    peer.recv(frames::psh(3, b"answer"));
    assert_eq!(peer.ours.streams(), 1);
    peer.ours.finish(id).unwrap();
    peer.recv(frames::fin(3));
    assert_eq!(peer.ours.streams(), 0);
}

#[test]
fn fin_waits_for_the_window() {
    let (mut peer, id) = Peer::with_stream(Config::client());
    while peer.write_all(id) > 0 {
        peer.recv_data(3);
    }
    peer.ours.finish(id).unwrap();
    peer.recv_nothing();
    peer.send(frames::upd(3, 262_144, 65535));
    for length in [32768, 32767] {
        assert_eq!(peer.next().unwrap().body.len(), length);
    }
    peer.recv_nothing();
    peer.send(frames::upd(3, 262_145, 65535));
    assert_eq!(peer.next().unwrap().body.len(), 1);
    peer.recv(frames::fin(3));
}

#[test]
fn data_after_fin_is_discarded_without_blame() {
    let (mut peer, id) = Peer::with_stream(Config::client());
    peer.send(frames::fin(3));
    peer.send_data(3, 1 << 20);
    assert_eq!(peer.ours.unread(), 0);
    assert_eq!(peer.read_all(id), (0, Read::Finished));
}

#[test]
fn close_delivers_what_was_written_and_discards_what_comes() {
    let (mut peer, id) = Peer::with_stream(Config::client());
    peer.send(frames::psh(3, b"unread"));
    assert_eq!(peer.ours.write(id, b"last words"), Ok(10));
    peer.ours.close(id);
    assert_eq!(peer.ours.unread(), 0);
    assert_eq!(peer.events(), [], "events of a closed stream are not told");
    assert_eq!(peer.ours.read(id, 1), Err(StreamError::Unknown(id)));
    assert_eq!(peer.ours.write(id, b"x"), Err(StreamError::Unknown(id)));
    assert_eq!(peer.ours.finish(id), Err(StreamError::Unknown(id)));
    peer.send(frames::psh(3, b"too late"));
    peer.recv(frames::psh(3, b"last words"));
    peer.recv(frames::fin(3));
    assert_eq!(peer.ours.streams(), 0);
    peer.send_data(3, 1 << 20);
    peer.send(frames::fin(3));
    assert_eq!(peer.ours.unread(), 0);
    peer.ours.close(id);
    peer.recv_nothing();
}

#[test]
fn a_closed_stream_waits_for_a_peer_that_may_still_read() {
    let (mut peer, id) = Peer::with_stream(Config::client());
    while peer.write_all(id) > 0 {
        peer.recv_data(3);
    }
    peer.ours.close(id);
    peer.recv_nothing();
    assert_eq!(peer.ours.streams(), 1);
    peer.send(frames::upd(3, 262_144, MIB));
    assert_eq!(peer.next().unwrap().body.len(), 32768);
    assert_eq!(peer.next().unwrap().body.len(), 32768);
    peer.recv(frames::fin(3));
    assert_eq!(peer.ours.streams(), 0);
}

/// The Go library forgets a stream that it closes: no UPD will ever let the rest out.
#[test]
fn a_stream_closed_by_both_does_not_wait_for_a_window() {
    for close_first in [true, false] {
        let (mut peer, id) = Peer::with_stream(Config::client());
        while peer.write_all(id) > 0 {
            peer.recv_data(3);
        }
        if close_first {
            peer.ours.close(id);
            peer.send(frames::fin(3));
        } else {
            peer.send(frames::fin(3));
            peer.recv_nothing();
            peer.ours.close(id);
        }
        peer.recv(frames::fin(3));
        assert_eq!(peer.ours.streams(), 0);
    }
}

#[test]
fn a_stream_too_many_is_refused_and_its_data_discarded() {
    let mut peer = Peer::of(Role::Server, Config { max_streams: 2, ..Config::server() });
    for id in [3, 5, 7] {
        peer.send(frames::syn(id));
        peer.send(frames::psh(id, b"hello"));
    }
    let (first, second) = (StreamId(3), StreamId(5));
    assert_eq!(
        peer.events(),
        [
            Event::Opened(first),
            Event::Readable(first),
            Event::Opened(second),
            Event::Readable(second)
        ]
    );
    peer.recv(frames::fin(7));
    assert_eq!(peer.ours.unread(), 10);
    assert_eq!(peer.ours.open(), Err(OpenError::TooManyStreams(2)));

    peer.ours.close(first);
    peer.recv(frames::fin(3));
    peer.send(frames::syn(9));
    assert_eq!(peer.events(), [Event::Opened(StreamId(9))], "closing made room");
}

#[test]
fn refusals_that_nobody_fetches_do_not_pile_up() {
    let mut peer = Peer::of(Role::Server, Config { max_streams: 1, ..Config::server() });
    for id in 0..10_000 {
        peer.send(frames::syn(2 * id + 1));
    }
    let refused = std::iter::from_fn(|| peer.next()).count();
    assert_eq!(refused, 128);
    peer.send(frames::syn(99_999));
    peer.recv(frames::fin(99_999));
}

#[test]
fn both_ends_open_streams() {
    let mut peer = Peer::of_client();
    assert_eq!(peer.ours.open(), Ok(StreamId(3)));
    peer.send(frames::syn(2));
    assert_eq!(peer.events(), [Event::Opened(StreamId(2))]);
    assert_eq!(peer.ours.write(StreamId(2), b"hi"), Ok(2));
    peer.recv(frames::syn(3));
    peer.recv(frames::psh(2, b"hi"));
    let mut server = Peer::of_server();
    assert_eq!(server.ours.open(), Ok(StreamId(2)));
    server.recv(frames::syn(2));
}

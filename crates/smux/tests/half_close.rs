//! The two directions of a stream end apart, and a closed stream leaves nothing behind.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "peer/peer.rs"]
mod peer;

use std::time::{Duration, Instant};

use peer::{Peer, frames};
use snowflake_smux::{Config, Event, OpenError, Read, Role, Smux, StreamError, StreamId};

/// How long a stream that both ends have closed waits for the window.
const STALL_LIMIT: Duration = Duration::from_secs(20 * 60);
/// NOPs are this far apart.
const BEAT: Duration = Duration::from_secs(10);
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

/// Lets time pass with a peer that is alive: it takes what comes, which is all NOPs, and sends its own.
fn idle(peer: &mut Peer, time: Duration) {
    let end = peer.now + time;
    while peer.now < end {
        peer.pass(BEAT.min(end - peer.now)).unwrap();
        peer.send(frames::nop());
        while let Some(frame) = peer.next() {
            assert_eq!(frame, frames::nop());
        }
    }
}

/// Closes a stream before or after the peer's FIN.
fn close_by_both(peer: &mut Peer, id: StreamId, close_first: bool) {
    if close_first {
        peer.ours.close(id);
        peer.send(frames::fin(id.0));
    } else {
        peer.send(frames::fin(id.0));
        peer.ours.close(id);
    }
}

/// A stream that both ends have closed: all of the first window is out, and a full send buffer is
/// not.
fn stalled(config: Config, close_first: bool) -> (Peer, StreamId) {
    let (mut peer, id) = Peer::with_stream(config);
    while peer.write_all(id) > 0 {
        peer.recv_data(3);
    }
    close_by_both(&mut peer, id, close_first);
    peer.recv_nothing();
    assert_eq!(peer.ours.streams(), 1);
    (peer, id)
}

/// Moves all that one end has for the other.
fn carry(from: &mut Smux, to: &mut Smux, now: Instant) {
    while let Some(bytes) = from.poll_output(1400) {
        to.handle_input(now, bytes).unwrap();
    }
}

/// Two ends and time: a request, its end, and an answer that is longer than the first window and is
/// read late.
fn answer_after_the_request_ended(asking: Role) {
    const ANSWER: usize = 400_000;
    let client = Config { send_buffer: ANSWER, ..Config::client() };
    let server = Config { send_buffer: ANSWER, ..Config::server() };
    let mut now = peer::epoch();
    let (mut client, mut server) =
        (Smux::new(Role::Client, client, now), Smux::new(Role::Server, server, now));
    let (asks, answers) = match asking {
        Role::Client => (&mut client, &mut server),
        Role::Server => (&mut server, &mut client),
    };

    let id = asks.open().unwrap();
    asks.write(id, b"request").unwrap();
    asks.finish(id).unwrap();
    carry(asks, answers, now);
    assert_eq!(answers.read(id, 100), Ok(Read::Data("request".into())));
    assert_eq!(answers.read(id, 100), Ok(Read::Finished));
    assert_eq!(answers.write(id, &[5; ANSWER]), Ok(ANSWER));
    answers.finish(id).unwrap();
    answers.close(id);

    let end = now + STALL_LIMIT - BEAT;
    while now < end {
        now += BEAT;
        for smux in [&mut *asks, &mut *answers] {
            smux.handle_timeout(now).unwrap();
        }
        carry(answers, asks, now);
        carry(asks, answers, now);
    }
    assert_eq!(answers.streams(), 1, "the rest waits");
    let mut read = 0;
    loop {
        match asks.read(id, usize::MAX).unwrap() {
            Read::Data(data) => read += data.len(),
            Read::Pending => {
                carry(asks, answers, now);
                carry(answers, asks, now);
            }
            Read::Finished => break,
        }
    }
    assert_eq!(read, ANSWER, "the end comes after all that was written");
    assert_eq!((asks.streams(), answers.streams()), (0, 0));
}

#[test]
fn an_answer_closed_after_the_request_ended_arrives_whole() {
    answer_after_the_request_ended(Role::Client);
    answer_after_the_request_ended(Role::Server);
}

#[test]
fn a_stream_closed_by_both_waits_for_the_window() {
    for close_first in [true, false] {
        let (mut peer, _) = stalled(Config::client(), close_first);
        idle(&mut peer, STALL_LIMIT - BEAT);
        peer.send(frames::upd(3, 262_144, MIB));
        for _ in 0..2 {
            assert_eq!(peer.next().unwrap().body.len(), 32768);
        }
        peer.recv(frames::fin(3));
        assert_eq!(peer.ours.streams(), 0);
    }
}

/// The Go library forgets a stream that it closes: no UPD will ever let the rest out.
#[test]
fn a_stream_closed_by_both_is_given_up_without_fin() {
    for close_first in [true, false] {
        let (mut peer, id) = stalled(Config::client(), close_first);
        let closed = peer.now;
        while peer.ours.streams() > 0 {
            assert!(peer.now <= closed + STALL_LIMIT + 2 * BEAT, "held too long");
            // Nothing but the NOPs wakes the session, and nothing else goes out.
            assert_eq!(peer.ours.poll_timeout(), Some(peer.now + BEAT));
            idle(&mut peer, BEAT);
        }
        assert!(peer.now >= closed + STALL_LIMIT, "given up too soon");
        peer.send(frames::upd(3, 262_144, MIB));
        peer.recv_nothing();
        assert_eq!(peer.ours.read(id, 1), Err(StreamError::Unknown(id)));
    }
}

#[test]
fn a_slow_reader_is_not_given_up() {
    let (mut peer, _) = stalled(Config::client(), false);
    for consumed in 1..=5 {
        idle(&mut peer, STALL_LIMIT - BEAT);
        // It reads a byte; even without more room this shows that it is there.
        let window = if consumed < 5 { 262_144 - consumed } else { 262_144 + 65536 };
        peer.send(frames::upd(3, consumed, window));
    }
    assert_eq!(peer.recv_until_fin(3), 65536);
    assert_eq!(peer.ours.streams(), 0);
}

#[test]
fn a_peer_is_not_given_up_while_we_do_not_listen() {
    let (mut peer, _) = stalled(Config { receive_budget: 10, ..Config::client() }, false);
    peer.send(frames::syn(2));
    peer.send(frames::psh(2, &[0; 10]));
    peer.pass(2 * STALL_LIMIT).unwrap();
    assert_eq!(peer.read_all(StreamId(2)), (10, Read::Pending));
    assert_eq!(peer.ours.streams(), 2, "the UPD may have waited until there was budget");
    peer.send(frames::upd(3, 262_144, MIB));
    peer.recv(frames::nop());
    peer.recv(frames::upd(2, 10, MIB));
    assert_eq!(peer.recv_until_fin(3), 65536);
}

/// Streams that the peer opens and ends without ever reading what we write to them.
#[test]
fn streams_closed_by_both_hold_their_buffer_and_place_and_no_more() {
    const STREAMS: usize = 4;
    let config = Config { max_streams: STREAMS, ..Config::server() };
    let send_buffer = config.send_buffer;
    let mut peer = Peer::of(Role::Server, config);
    let stall = |peer: &mut Peer, stream: u32| {
        let id = StreamId(stream);
        peer.send(frames::syn(stream));
        let (mut written, mut sent) = (0, 0);
        loop {
            match peer.write_all(id) {
                0 => break,
                n => written += n,
            }
            sent += peer.recv_data(stream);
        }
        assert_eq!((written - sent, sent), (send_buffer, 262_144));
        close_by_both(peer, id, false);
    };
    for stream in [1, 3, 5, 7] {
        stall(&mut peer, stream);
    }
    assert_eq!(peer.ours.streams(), STREAMS);
    peer.send(frames::syn(9));
    peer.recv(frames::fin(9));
    assert_eq!(peer.ours.open(), Err(OpenError::TooManyStreams(STREAMS)));

    idle(&mut peer, STALL_LIMIT + BEAT);
    assert_eq!(peer.ours.streams(), 0);
    stall(&mut peer, 11);
    assert_eq!(peer.ours.streams(), 1, "and there is room again");
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

//! A peer may send anything: it is discarded, or the session ends and says what the peer did.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "peer/peer.rs"]
mod peer;

use peer::frames::{self, Frame};
use peer::{Peer, epoch};
use proptest::prelude::*;
use snowflake_smux::frame::Command;
use snowflake_smux::{Config, Event, Misbehaviour, Read, Role, SessionError, Smux, StreamId};

/// What the session says to these bytes.
fn verdict(wire: &str) -> Result<(), SessionError> {
    Peer::of_server().send_bytes(hex::decode(wire).unwrap())
}

#[test]
fn impossible_frames_end_the_session_by_name() {
    let cases = [
        ("0100000003000000", Misbehaviour::Version(1)),
        ("ff00000003000000", Misbehaviour::Version(255)),
        ("0205000003000000", Misbehaviour::Command(5)),
        ("0200010003000000", Misbehaviour::Length { command: Command::Syn, length: 1 }),
        ("0201010003000000", Misbehaviour::Length { command: Command::Fin, length: 1 }),
        ("0203010000000000", Misbehaviour::Length { command: Command::Nop, length: 1 }),
        ("0204070003000000", Misbehaviour::Length { command: Command::Upd, length: 7 }),
        ("0200000002000000", Misbehaviour::NotItsStream(StreamId(2))),
        ("0200000000000000", Misbehaviour::NotItsStream(StreamId(0))),
    ];
    for (wire, misbehaviour) in cases {
        assert_eq!(verdict(wire), Err(SessionError::PeerMisbehaved(misbehaviour)), "{wire}");
    }
}

#[test]
fn a_server_opens_even_streams_only() {
    for id in [0, 1, 3] {
        let misbehaviour = Misbehaviour::NotItsStream(StreamId(id));
        assert_eq!(
            Peer::of_client().try_send(frames::syn(id)),
            Err(SessionError::PeerMisbehaved(misbehaviour))
        );
    }
}

#[test]
fn the_error_stays_and_nothing_more_goes_out() {
    let (mut peer, id) = Peer::with_stream(Config::client());
    peer.ours.write(id, b"never sent").unwrap();
    let error = SessionError::PeerMisbehaved(Misbehaviour::Command(9));
    assert_eq!(peer.send_bytes(vec![2, 9, 0, 0, 0, 0, 0, 0]), Err(error));
    assert_eq!(peer.try_send(frames::nop()), Err(error));
    peer.recv_nothing();
    assert_eq!(peer.ours.poll_timeout(), None);
    assert_eq!(error.to_string(), "smux session ended: the peer sent the unknown command 9");
}

#[test]
fn frames_for_unknown_streams_are_discarded() {
    let mut peer = Peer::of_server();
    for stream in [2, 3, 99] {
        peer.send(frames::psh(stream, &[1; 60_000]));
        peer.send(frames::upd(stream, 7, 7));
        peer.send(frames::fin(stream));
    }
    assert_eq!((peer.ours.unread(), peer.ours.streams()), (0, 0));
    assert_eq!(peer.events(), []);
    peer.recv_nothing();
}

#[test]
fn opening_an_existing_stream_again_changes_nothing() {
    let mut peer = Peer::of_server();
    peer.send(frames::syn(3));
    peer.send(frames::psh(3, b"hello"));
    peer.send(frames::syn(3));
    peer.send(frames::psh(3, b" again"));
    assert_eq!(peer.events(), [Event::Opened(StreamId(3)), Event::Readable(StreamId(3))]);
    assert_eq!(peer.read_all(StreamId(3)), (11, Read::Pending));
}

#[test]
fn odd_but_allowed_frames_are_allowed() {
    let mut peer = Peer::of_server();
    peer.send(Frame { stream: 77, ..frames::nop() });
    peer.send(frames::syn(1));
    peer.send(frames::psh(1, b""));
    assert_eq!(peer.events(), [Event::Opened(StreamId(1))]);
    peer.send(frames::psh(1, &[5; 65535]));
    assert_eq!(peer.read_all(StreamId(1)), (65535, Read::Pending));
}

const BUDGET: usize = 2000;
const STREAMS: usize = 4;

fn small() -> Config {
    Config {
        receive_budget: BUDGET,
        max_streams: STREAMS,
        send_buffer: 100,
        stream_window: 1000,
        ..Config::server()
    }
}

/// Frames that mostly make sense, so that the interesting states are reached, and now and then
/// noise.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let id = prop_oneof![9 => (0..6u32).prop_map(|n| 2 * n + 1), 1 => any::<u32>()];
    let frame =
        (id, 0..5u8, prop::collection::vec(any::<u8>(), 0..700), any::<u32>(), any::<u32>())
            .prop_map(|(id, command, data, consumed, window)| match command {
                0 => frames::syn(id),
                1 => frames::fin(id),
                2 => frames::psh(id, &data),
                3 => frames::nop(),
                _ => frames::upd(id, consumed % 300, window),
            });
    prop_oneof![
        30 => frame.prop_map(|frame| frame.encode()),
        1 => prop::collection::vec(any::<u8>(), 0..20),
    ]
}

proptest! {
    #[test]
    fn whatever_comes_in_whatever_split_stays_within_bounds(
        inputs in prop::collection::vec(hostile(), 0..100),
        cut in 1..100usize,
        obedient in any::<bool>(),
    ) {
        let now = epoch();
        let mut smux = Smux::new(Role::Server, small(), now);
        let wire = inputs.concat();
        for input in wire.chunks(cut) {
            if obedient && !smux.can_receive() {
                for id in (1..12).step_by(2) {
                    let _ = smux.read(StreamId(id), 300);
                }
            }
            if !smux.can_receive() && obedient {
                break;
            }
            let over = smux.handle_input(now, input.to_vec().into()).is_err();
            if let Some(event) = smux.poll_event() {
                let _ = smux.write(event.stream(), &[0; 150]);
            }
            prop_assert!(!obedient || smux.unread() < BUDGET + cut);
            prop_assert!(smux.streams() <= STREAMS);
            if over {
                break;
            }
        }
        while let Some(out) = smux.poll_output(64) {
            prop_assert!(out.len() <= 64);
        }
    }
}

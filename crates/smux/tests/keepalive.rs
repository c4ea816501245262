//! A NOP every ten seconds or with the peer's, whatever happens, and a silent peer is given up exactly after the
//! timeout.

#[path = "peer/peer.rs"]
mod peer;

use std::time::Duration;

use peer::{Peer, frames};
use snowflake_smux::{Config, OpenError, Read, Role, SessionError, StreamError, StreamId};

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

#[test]
fn a_nop_goes_out_every_ten_seconds_also_under_load() {
    let (mut peer, id) = Peer::with_stream(Config::client());
    for _ in 0..5 {
        assert_eq!(peer.ours.write(id, b"busy"), Ok(4));
        peer.pass(secs(10)).unwrap();
        peer.recv(frames::nop());
        peer.recv(frames::psh(3, b"busy"));
        peer.recv_nothing();
        peer.send(frames::nop());
    }
}

#[test]
fn a_nop_that_is_due_soon_goes_out_with_the_answer_to_the_peers() {
    let mut peer = Peer::of_server();
    for _ in 0..5 {
        peer.pass(secs(10)).unwrap();
        peer.recv_nothing();
        peer.send(frames::nop());
        peer.recv(frames::nop());
        peer.send(frames::nop());
        peer.recv_nothing();
    }
}

#[test]
fn nops_that_nobody_fetches_do_not_pile_up() {
    let mut peer = Peer::of_client();
    peer.pass(secs(100)).unwrap();
    peer.recv(frames::nop());
    peer.recv_nothing();
}

#[test]
fn a_silent_peer_is_given_up_after_twenty_minutes_or_eight() {
    for (role, config, limit) in
        [(Role::Client, Config::client(), 1200), (Role::Server, Config::server(), 480)]
    {
        let mut peer = Peer::of(role, config);
        assert_eq!(peer.pass(secs(limit) - Duration::from_nanos(1)), Ok(()));
        let silent = SessionError::PeerSilent(secs(limit));
        assert_eq!(peer.pass(Duration::from_nanos(1)), Err(silent));
        assert_eq!(peer.now - peer.start, secs(limit));
        assert_eq!(peer.ours.poll_timeout(), None);
    }
}

#[test]
fn any_frame_is_a_sign_of_life() {
    let mut peer = Peer::of_server();
    for frame in
        [frames::nop(), frames::syn(3), frames::psh(3, b"x"), frames::upd(3, 0, 1), frames::fin(3)]
    {
        peer.pass(secs(479)).unwrap();
        peer.send(frame);
    }
    assert_eq!(peer.pass(secs(480)), Err(SessionError::PeerSilent(secs(480))));
}

#[test]
fn nothing_but_the_two_deadlines_wakes_us() {
    let (mut peer, id) = Peer::with_stream(Config::server());
    let nop = Some(peer.start + secs(10));
    assert_eq!(peer.ours.poll_timeout(), nop);
    peer.now += secs(5);
    peer.ours.write(id, b"data").unwrap();
    peer.send(frames::psh(3, b"data"));
    assert_eq!(peer.read_all(id), (4, Read::Pending));
    peer.ours.finish(id).unwrap();
    assert_eq!(peer.ours.poll_timeout(), nop);
    // Called too early, it does nothing.
    peer.ours.handle_timeout(peer.now).unwrap();
    assert_eq!(peer.ours.poll_timeout(), nop);
    peer.pass(secs(479)).unwrap();
    // 484 s after the start: the last word came at 5 s.
    assert_eq!(peer.ours.poll_timeout(), Some(peer.start + secs(485)));
}

#[test]
fn a_peer_is_not_blamed_for_the_silence_of_a_full_budget() {
    let config = Config { receive_budget: 10, ..Config::server() };
    let mut peer = Peer::of(Role::Server, config);
    peer.send(frames::syn(3));
    peer.send(frames::psh(3, &[0; 10]));
    assert!(!peer.ours.can_receive());
    // A server's first NOP is due after 11.25 s.
    peer.pass(secs(31200) + Duration::from_millis(11_250)).unwrap();
    assert_eq!(
        peer.ours.poll_timeout(),
        Some(peer.now + secs(10)),
        "still a NOP every ten seconds"
    );
    assert_eq!(peer.read_all(StreamId(3)), (10, Read::Pending));
    peer.pass(secs(479)).unwrap();
    assert_eq!(peer.pass(secs(1)), Err(SessionError::PeerSilent(secs(480))));
}

#[test]
fn a_session_that_is_over_says_so_everywhere() {
    let (mut peer, id) = Peer::with_stream(Config::client());
    peer.send(frames::psh(3, b"last"));
    peer.pass(secs(1199)).unwrap();
    let silent = SessionError::PeerSilent(secs(1200));
    assert_eq!(peer.pass(secs(1)), Err(silent));
    assert_eq!(peer.try_send(frames::nop()), Err(silent));
    assert_eq!(peer.ours.handle_timeout(peer.now), Err(silent));
    assert_eq!(peer.ours.open(), Err(OpenError::SessionOver(silent)));
    assert_eq!(peer.ours.write(id, b"x"), Err(StreamError::SessionOver(silent)));
    assert_eq!(peer.ours.finish(id), Err(StreamError::SessionOver(silent)));
    assert_eq!(peer.ours.read(id, 9), Ok(Read::Data("last".into())));
    assert_eq!(peer.ours.read(id, 9), Err(StreamError::SessionOver(silent)));
    peer.ours.close(id);
    peer.recv_nothing();
}

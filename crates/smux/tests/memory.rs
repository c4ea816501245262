//! What sessions and streams cost, as the operating system counts it.
//!
//! One test, so that nothing else allocates meanwhile.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "peer/peer.rs"]
mod peer;

use peer::{Peer, frames};
use snowflake_smux::{Config, Role, Smux};

/// Bytes of memory that the process holds, private and anonymous.
fn held() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("RssAnon")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}

/// How much more is held after making this, and what was made.
fn cost<T>(make: impl FnOnce() -> T) -> (usize, T) {
    let before = held();
    let made = make();
    (held().saturating_sub(before), made)
}

/// A session that has moved some data on its only stream and is idle again.
fn used_session() -> Smux {
    let (mut peer, id) = Peer::with_stream(Config::client());
    peer.send_data(3, 100_000);
    peer.read_all(id);
    peer.write_all(id);
    while peer.next().is_some() {}
    peer.events();
    peer.ours
}

#[test]
fn memory_is_as_small_as_the_docs_say() {
    let (bytes, sessions) = cost(|| (0..2000).map(|_| Peer::of_client()).collect::<Vec<_>>());
    eprintln!("new session: {} bytes", bytes / sessions.len());
    assert!(bytes / sessions.len() < 1024);

    let (bytes, sessions) = cost(|| (0..2000).map(|_| used_session()).collect::<Vec<_>>());
    eprintln!("idle session with a stream: {} bytes", bytes / sessions.len());
    assert!(bytes / sessions.len() < 2048);

    let config = Config { max_streams: 100_000, ..Config::server() };
    let (bytes, _streams) = cost(|| {
        let mut peer = Peer::of(Role::Server, config);
        for id in 1..=20_000 {
            peer.send(frames::syn(2 * id + 1));
            peer.events();
        }
        peer
    });
    eprintln!("stream: {} bytes", bytes / 20_000);
    assert!(bytes / 20_000 < 600);

    // The worst a peer can do to the budget: each byte in a frame, and in an input, of its own.
    let (bytes, peer) = cost(|| {
        let mut peer = Peer::of_server();
        for id in (3..35).step_by(2) {
            peer.send(frames::syn(id));
            for _ in 0..262_144 {
                peer.send(frames::psh(id, b"x"));
            }
        }
        peer
    });
    eprintln!("4 MiB unread, a byte in each frame: {bytes} bytes");
    assert_eq!(peer.ours.unread(), 4 << 20);
    assert!(bytes < 10 << 20);
}

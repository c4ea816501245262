//! The conversation of a Go client and a Go server, recorded in memory: each of our ends in place
//! of one of theirs.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "peer/peer.rs"]
mod peer;

use std::time::Duration;

use peer::Peer;
use snowflake_smux::{Event, Read, StreamId};

const SYN: &str = "0200000003000000";
const HELLO: &str = "020205000300000068656c6c6f";
const UPD_5: &str = "02040800030000000500000000001000";
const RE_HELLO: &str = "020208000300000072653a68656c6c6f";
const UPD_8: &str = "02040800030000000800000000001000";
const FIN: &str = "0201000003000000";
const NOP: &str = "0203000000000000";

const ID: StreamId = StreamId(3);

fn feed(peer: &mut Peer, wire: &str) {
    peer.send_bytes(hex::decode(wire).unwrap()).unwrap();
}

#[track_caller]
fn expect(peer: &mut Peer, wire: &str) {
    let mut sent = String::new();
    while sent.len() < wire.len()
        && let Some(bytes) = peer.ours.poll_output(usize::MAX)
    {
        sent += &hex::encode(bytes);
    }
    assert_eq!(sent, wire);
}

#[test]
fn our_client_speaks_like_the_go_client() {
    let mut peer = Peer::of_client();
    assert_eq!(peer.ours.open(), Ok(ID));
    expect(&mut peer, SYN);
    peer.ours.write(ID, b"hello").unwrap();
    expect(&mut peer, HELLO);
    feed(&mut peer, UPD_5);
    feed(&mut peer, RE_HELLO);
    assert_eq!(peer.ours.read(ID, 100), Ok(Read::Data("re:hello".into())));
    expect(&mut peer, UPD_8);
    peer.ours.write(ID, &[b'x'; 3000]).unwrap();
    let data = hex::encode([b'x'; 3000]);
    expect(&mut peer, &format!("0202b80b03000000{data}"));
    feed(&mut peer, FIN);
    assert_eq!(peer.ours.read(ID, 100), Ok(Read::Finished));
    peer.ours.close(ID);
    expect(&mut peer, FIN);
    peer.pass(Duration::from_secs(10)).unwrap();
    expect(&mut peer, NOP);
    assert_eq!(peer.ours.poll_output(usize::MAX), None);
}

#[test]
fn our_server_speaks_like_the_go_server() {
    let mut peer = Peer::of_server();
    feed(&mut peer, SYN);
    assert_eq!(peer.events(), [Event::Opened(ID)]);
    feed(&mut peer, HELLO);
    assert_eq!(peer.events(), [Event::Readable(ID)]);
    assert_eq!(peer.ours.read(ID, 100), Ok(Read::Data("hello".into())));
    expect(&mut peer, UPD_5);
    peer.ours.write(ID, b"re:hello").unwrap();
    expect(&mut peer, RE_HELLO);
    feed(&mut peer, UPD_8);
    feed(&mut peer, "0202b80b03000000");
    feed(&mut peer, &"78".repeat(3000));
    assert_eq!(peer.ours.read(ID, 5000), Ok(Read::Data(vec![b'x'; 3000].into())));
    peer.ours.close(ID);
    expect(&mut peer, FIN);
    feed(&mut peer, FIN);
    feed(&mut peer, NOP);
    assert_eq!(peer.ours.poll_output(usize::MAX), None);
}

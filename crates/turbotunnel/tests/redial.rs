//! The client's packet conn outlives its carriers.

#[expect(dead_code, reason = "each test file plays its own part of the peer")]
#[path = "pipes/pipe.rs"]
mod pipe;

use bytes::Bytes;
use futures_util::SinkExt;
use pipe::{Peer, Pipe, pair, recv, send};
use snowflake_turbotunnel::{
    CarrierEnd, ClientId, Dial, PacketConn, RedialConfig, RedialPacketConn, preamble,
};
use std::future::poll_fn;
use std::io;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Hands the far end of every carrier to the test; fails while `failures` is above zero.
struct TestDialer {
    peers: mpsc::Sender<(Peer, Instant)>,
    ends: mpsc::Sender<String>,
    failures: usize,
}

impl Dial for TestDialer {
    type Carrier = Pipe;
    type Error = io::Error;

    async fn dial(&mut self, preamble: Bytes) -> io::Result<Pipe> {
        if self.failures > 0 {
            self.failures -= 1;
            return Err(io::Error::other("no proxy"));
        }
        let (mut near, far) = pair();
        near.send(preamble).await?;
        self.peers.send((Peer::new(far), Instant::now())).await.map_err(io::Error::other)?;
        Ok(near)
    }

    fn ended(&mut self, why: &CarrierEnd) {
        self.ends.try_send(why.to_string()).expect("the test reads the ends");
    }
}

struct Setup {
    conn: RedialPacketConn,
    peers: mpsc::Receiver<(Peer, Instant)>,
    ends: mpsc::Receiver<String>,
    id: ClientId,
}

fn setup(failures: usize) -> Setup {
    let ((peers_in, peers), (ends_in, ends)) = (mpsc::channel(1), mpsc::channel(100));
    let id = ClientId::random();
    let dialer = TestDialer { peers: peers_in, ends: ends_in, failures };
    Setup { conn: RedialPacketConn::new(id, dialer, RedialConfig::default()), peers, ends, id }
}

async fn next_peer(setup: &mut Setup) -> Peer {
    let (mut peer, _) = setup.peers.recv().await.expect("the conn dials");
    assert_eq!(peer.greeting().await, preamble(setup.id));
    peer
}

#[tokio::test(start_paused = true)]
async fn twenty_carriers_in_a_row_carry_one_conn() {
    let mut setup = setup(0);
    for _ in 0..20 {
        let mut peer = next_peer(&mut setup).await;
        send(&mut setup.conn, "up");
        assert_eq!(peer.recv().await.unwrap(), "up");
        peer.send("down").await;
        assert_eq!(recv(&mut setup.conn).await, ["down"]);
        drop(peer);
        assert_eq!(setup.ends.recv().await.unwrap(), "the peer closed the carrier");
    }
}

#[tokio::test(start_paused = true)]
async fn packets_wait_for_the_next_carrier() {
    let mut setup = setup(0);
    drop(next_peer(&mut setup).await);
    setup.ends.recv().await.unwrap();
    send(&mut setup.conn, "patience");
    assert_eq!(next_peer(&mut setup).await.recv().await.unwrap(), "patience");
}

#[tokio::test(start_paused = true)]
async fn failed_dials_are_repeated_with_growing_pauses() {
    let started = Instant::now();
    let mut setup = setup(6);
    let (_, dialed) = setup.peers.recv().await.unwrap();
    let waited = dialed - started;
    assert_eq!(waited, Duration::from_secs(1 + 2 + 4 + 8 + 10 + 10));
}

#[tokio::test(start_paused = true)]
async fn a_silent_carrier_is_replaced_after_twenty_seconds() {
    let mut setup = setup(0);
    let started = Instant::now();
    let mut silent = next_peer(&mut setup).await;
    silent.send("a sign of life").await;
    recv(&mut setup.conn).await;
    let end = setup.ends.recv().await.unwrap();
    assert_eq!(end, "no messages received for 20s, closing stale connection");
    assert_eq!((Instant::now() - started).as_secs(), 20);
    next_peer(&mut setup).await;
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_sends_no_chunks_costs_only_the_carrier() {
    let mut setup = setup(0);
    let mut peer = next_peer(&mut setup).await;
    peer.send_raw(Bytes::from_static(&[0xc0, 0x80, 0x80])).await;
    assert!(setup.ends.recv().await.unwrap().contains("length prefix"));
    next_peer(&mut setup).await;
}

#[tokio::test(start_paused = true)]
async fn a_carrier_that_cannot_be_closed_does_not_delay_the_next() {
    let mut setup = setup(0);
    let mut peer = next_peer(&mut setup).await;
    peer.send("good for a new one at once").await;
    recv(&mut setup.conn).await;
    // The carrier holds 64 KiB and the sink some more; what the queue holds then has nowhere to go.
    loop {
        let room = poll_fn(|cx| setup.conn.poll_room(cx));
        let Ok(room) = tokio::time::timeout(Duration::from_millis(1), room).await else { break };
        setup.conn.send(&mut vec![Bytes::from(vec![0; 1400]); room.unwrap()]);
    }
    let started = Instant::now();
    peer.send_raw(Bytes::from_static(&[0xc0, 0x80, 0x80])).await;
    let (_next, dialed) = setup.peers.recv().await.unwrap();
    assert_eq!(dialed, started);
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_says_so_and_drops() {
    let mut setup = setup(usize::MAX);
    let room = poll_fn(|cx| setup.conn.poll_room(cx)).await.unwrap();
    setup.conn.send(&mut vec![Bytes::from_static(b"x"); room + 1]);
    let full =
        tokio::time::timeout(Duration::from_secs(60), poll_fn(|cx| setup.conn.poll_room(cx)));
    assert!(full.await.is_err(), "no carrier, no room");
}

#[tokio::test(start_paused = true)]
async fn dropping_the_conn_ends_its_carrier() {
    let mut setup = setup(0);
    let mut peer = next_peer(&mut setup).await;
    drop(setup.conn);
    assert_eq!(peer.recv().await, None);
}

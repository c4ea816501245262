//! The client's packet conn outlives its carriers.

use crate::pipe::{Peer, Pipe, Session, pair};
use bytes::Bytes;
use futures_util::SinkExt;
use snowflake_turbotunnel::{
    CarrierEnd, CarrierId, ClientId, Dial, PacketConn, RedialConfig, RedialPacketConn, preamble,
};
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Hands the far end of every carrier to the test; fails while `failures` is above zero.
struct TestDialer {
    peers: mpsc::Sender<(Peer, Instant)>,
    ends: mpsc::Sender<String>,
    failures: AtomicUsize,
}

impl Dial for TestDialer {
    type Carrier = Pipe;
    type Error = io::Error;

    async fn dial(&self, preamble: Bytes) -> io::Result<Pipe> {
        let left = self.failures.load(Ordering::Relaxed);
        if left > 0 {
            self.failures.store(left - 1, Ordering::Relaxed);
            return Err(io::Error::other("no proxy"));
        }
        let (mut near, far) = pair();
        near.send(preamble).await?;
        self.peers.send((Peer::new(far), Instant::now())).await.map_err(io::Error::other)?;
        Ok(near)
    }

    fn ended(&self, why: &CarrierEnd) {
        self.ends.try_send(why.to_string()).expect("the test reads the ends");
    }
}

struct Setup {
    session: Session<RedialPacketConn>,
    peers: mpsc::Receiver<(Peer, Instant)>,
    ends: mpsc::Receiver<String>,
    id: ClientId,
}

fn setup(failures: usize) -> Setup {
    let ((peers_in, peers), (ends_in, ends)) = (mpsc::channel(1), mpsc::channel(100));
    let id = ClientId::random();
    let dialer = TestDialer { peers: peers_in, ends: ends_in, failures: failures.into() };
    let conn = RedialPacketConn::new(id, dialer, RedialConfig::default());
    Setup { session: Session::new(conn), peers, ends, id }
}

/// The next carrier, with its peer.
async fn next_carrier(setup: &mut Setup) -> (CarrierId, Peer) {
    let (mut peer, _) = setup.peers.recv().await.expect("the conn dials");
    assert_eq!(peer.greeting().await, preamble(setup.id));
    (setup.session.opened().await, peer)
}

#[tokio::test(start_paused = true)]
async fn twenty_carriers_in_a_row_carry_one_conn() {
    let mut setup = setup(0);
    for number in 0..20 {
        let (carrier, mut peer) = next_carrier(&mut setup).await;
        assert_eq!(carrier, CarrierId::new(number));
        setup.session.send(carrier, "up");
        assert_eq!(peer.recv().await.unwrap(), "up");
        peer.send("down").await;
        assert_eq!(setup.session.recv(carrier).await, "down");
        drop(peer);
        assert_eq!(setup.session.ended().await, carrier);
        assert_eq!(setup.ends.recv().await.unwrap(), "the peer closed the carrier");
    }
}

#[tokio::test(start_paused = true)]
async fn there_is_one_carrier_at_a_time_whatever_the_session_would_like() {
    let mut setup = setup(0);
    setup.session.want(5);
    let (first, _peer) = next_carrier(&mut setup).await;
    assert!(setup.session.is_quiet().await);
    setup.session.conn.close(first);
    assert_eq!(setup.session.ended().await, first);
    assert_eq!(setup.ends.recv().await.unwrap(), "the session has given the carrier up");
    next_carrier(&mut setup).await;
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
    let (carrier, mut silent) = next_carrier(&mut setup).await;
    silent.send("a sign of life").await;
    setup.session.recv(carrier).await;
    let end = setup.ends.recv().await.unwrap();
    assert_eq!(end, "no messages received, closing stale connection");
    assert_eq!((Instant::now() - started).as_secs(), 20);
    assert_eq!(setup.session.ended().await, carrier);
    next_carrier(&mut setup).await;
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_sends_no_chunks_costs_only_the_carrier() {
    let mut setup = setup(0);
    let (carrier, mut peer) = next_carrier(&mut setup).await;
    peer.send_raw(Bytes::from_static(b"\x81x\xc0\x80\x80")).await;
    assert!(setup.ends.recv().await.unwrap().contains("length prefix"));
    assert_eq!(setup.session.recv(carrier).await, "x", "what came before it counts");
    assert_eq!(setup.session.ended().await, carrier);
    next_carrier(&mut setup).await;
}

#[tokio::test(start_paused = true)]
async fn a_carrier_that_cannot_be_closed_does_not_delay_the_next() {
    let mut setup = setup(0);
    let (carrier, mut peer) = next_carrier(&mut setup).await;
    peer.send("good for a new one at once").await;
    setup.session.recv(carrier).await;
    setup.session.fill(carrier).await;
    let started = Instant::now();
    peer.send_raw(Bytes::from_static(&[0xc0, 0x80, 0x80])).await;
    let (_next, dialed) = setup.peers.recv().await.unwrap();
    assert_eq!(dialed, started);
}

#[tokio::test(start_paused = true)]
async fn dropping_the_conn_ends_its_carrier() {
    let mut setup = setup(0);
    let (_, mut peer) = next_carrier(&mut setup).await;
    drop(setup.session);
    assert_eq!(peer.recv().await, None);
}

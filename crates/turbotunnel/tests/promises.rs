//! What every packet conn promises, put to the client's and to the server's.

#[expect(dead_code, reason = "each test file plays its own part of the peer")]
#[path = "pipes/pipe.rs"]
mod pipe;

use bytes::{Bytes, BytesMut};
use futures_util::{FutureExt, SinkExt};
use pipe::{Peer, Pipe, pair, recv};
use snowflake_encapsulation::encode;
use snowflake_turbotunnel::{
    ClientConn, ClientId, Clients, Closed, Dial, PacketConn, QueueConfig, QueuePacketConn,
    RedialConfig, RedialPacketConn, read_preamble,
};
use std::future::poll_fn;
use std::io;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// An implementer with the far ends of its carriers in the hands of a test.
trait Implementer: Sized {
    type Conn: PacketConn;

    /// A conn and its first carrier.
    async fn new() -> (Self, Peer);
    fn conn(&mut self) -> &mut Self::Conn;
    /// The carrier that follows the one that has just died.
    async fn next_carrier(&mut self) -> Peer;
    /// Lets go of the half that has the carriers.
    async fn drop_other_half(self, carrier: Peer) -> Self::Conn;
}

/// The client's conn, which dials.
struct Client {
    conn: RedialPacketConn,
    dialed: mpsc::Receiver<Peer>,
}

struct Dialer(mpsc::Sender<Peer>);

impl Dial for Dialer {
    type Carrier = Pipe;
    type Error = io::Error;

    async fn dial(&mut self, preamble: Bytes) -> io::Result<Pipe> {
        let (mut near, far) = pair();
        near.send(preamble).await?;
        if self.0.send(Peer::new(far)).await.is_err() {
            // As a panic, but without its message: only a broken dialer ends the carriers' half before the conn.
            std::panic::resume_unwind(Box::new(()));
        }
        Ok(near)
    }
}

impl Implementer for Client {
    type Conn = RedialPacketConn;

    async fn new() -> (Self, Peer) {
        let (dialer, dialed) = mpsc::channel(1);
        let conn =
            RedialPacketConn::new(ClientId::random(), Dialer(dialer), RedialConfig::default());
        let mut client = Self { conn, dialed };
        let peer = client.next_carrier().await;
        (client, peer)
    }

    fn conn(&mut self) -> &mut RedialPacketConn {
        &mut self.conn
    }

    async fn next_carrier(&mut self) -> Peer {
        let mut peer = self.dialed.recv().await.expect("the conn dials");
        peer.greeting().await;
        peer
    }

    async fn drop_other_half(self, carrier: Peer) -> RedialPacketConn {
        drop((self.dialed, carrier));
        self.conn
    }
}

/// The server's conn, to which carriers come.
struct Server {
    conn: ClientConn,
    packets: QueuePacketConn,
    clients: Clients,
    carriers: JoinSet<()>,
}

const ID: ClientId = ClientId::from_bytes([7; 8]);

async fn arrive(packets: &QueuePacketConn, carriers: &mut JoinSet<()>) -> Peer {
    let (mut near, far) = pair();
    let mut peer = Peer::new(far);
    peer.greet(ID).await;
    let packets = packets.clone();
    carriers.spawn(async move {
        let limit = Duration::from_secs(30);
        let (id, rest) = read_preamble(&mut near, limit).await.expect("a preamble");
        packets.serve(id, near, rest).await;
    });
    peer
}

impl Implementer for Server {
    type Conn = ClientConn;

    async fn new() -> (Self, Peer) {
        let (packets, mut clients) = QueuePacketConn::new(QueueConfig::default());
        let mut carriers = JoinSet::new();
        let mut peer = arrive(&packets, &mut carriers).await;
        peer.send("hello").await;
        let (_, mut conn) = clients.accept().await.expect("a client");
        assert_eq!(recv(&mut conn).await, ["hello"]);
        (Self { conn, packets, clients, carriers }, peer)
    }

    fn conn(&mut self) -> &mut ClientConn {
        &mut self.conn
    }

    async fn next_carrier(&mut self) -> Peer {
        self.carriers.join_next().await.expect("there was one").expect("it ended");
        arrive(&self.packets, &mut self.carriers).await
    }

    async fn drop_other_half(mut self, carrier: Peer) -> ClientConn {
        drop((carrier, self.packets));
        while self.carriers.join_next().await.is_some() {}
        assert!(self.clients.accept().await.is_none());
        self.conn
    }
}

/// Packets of all kinds of length, each filled with its own byte.
fn packets() -> Vec<Bytes> {
    let lengths = [0, 1, 63, 64, 65, 1399, 1400, 1500];
    (1..).zip(lengths).map(|(n, len)| Bytes::from(vec![n; len])).collect()
}

async fn packets_arrive_whole_and_unaltered<I: Implementer>() {
    let (mut ends, mut peer) = I::new().await;
    ends.conn().send(&mut packets());
    for expected in packets() {
        assert_eq!(peer.recv().await.expect("a packet"), expected);
    }
    let mut stream = BytesMut::new();
    packets().iter().for_each(|packet| encode(packet, &mut stream).expect("a short packet"));
    let mut received = Vec::new();
    // The borders of messages mean nothing.
    while !stream.is_empty() {
        let piece = stream.split_to(stream.len().min(333)).freeze();
        peer.send_raw(piece).await;
    }
    while received.len() < packets().len() {
        received.extend(recv(ends.conn()).await);
    }
    assert_eq!(received, packets());
}

async fn sending_never_waits_and_what_exceeds_the_room_is_dropped<I: Implementer>() {
    let (mut ends, mut peer) = I::new().await;
    let room = poll_fn(|cx| ends.conn().poll_room(cx)).await.expect("it is open");
    let mut many: Vec<_> = (0..room + 10).map(|n| Bytes::from(format!("{n}"))).collect();
    ends.conn().send(&mut many);
    assert!(many.is_empty(), "sent or dropped");
    for n in 0..room {
        assert_eq!(peer.recv().await.expect("a packet"), format!("{n}"));
    }
    assert!(timeout(Duration::from_secs(1), peer.recv()).await.is_err(), "the rest is gone");
}

async fn room_comes_back_to_who_waits_for_it<I: Implementer>() {
    let (mut ends, mut peer) = I::new().await;
    let waited = loop {
        let Some(room) = poll_fn(|cx| ends.conn().poll_room(cx)).now_or_never() else {
            // Nobody has run since: the carrier takes nothing yet.
            break poll_fn(|cx| ends.conn().poll_room(cx)).await;
        };
        ends.conn().send(&mut vec![Bytes::from_static(b"x"); room.expect("it is open")]);
    };
    assert!(waited.expect("it is open") > 0);
    assert_eq!(peer.recv().await.expect("a packet"), "x");
}

async fn the_death_of_a_carrier_is_no_error<I: Implementer>() {
    let (mut ends, mut peer) = I::new().await;
    for _ in 0..3 {
        drop(peer);
        let quiet = timeout(Duration::from_millis(500), recv(ends.conn())).await;
        assert!(quiet.is_err(), "nothing happened to the session");
        peer = ends.next_carrier().await;
        peer.send("over the next").await;
        assert_eq!(recv(ends.conn()).await, ["over the next"]);
    }
}

async fn it_is_closed_when_the_other_half_is_gone<I: Implementer>() {
    let (ends, peer) = I::new().await;
    let mut conn = ends.drop_other_half(peer).await;
    let mut packets = Vec::new();
    let reading = poll_fn(|cx| conn.poll_recv(cx, &mut packets));
    let read = timeout(Duration::from_secs(2), reading).await.expect("who waits is woken");
    assert_eq!(read, Err(Closed));
    assert_eq!(poll_fn(|cx| conn.poll_room(cx)).await, Err(Closed));
    let mut late = vec![Bytes::from_static(b"late")];
    conn.send(&mut late);
    assert!(late.is_empty(), "dropped, without a wait or a panic");
}

/// One test for each promise and implementer.
macro_rules! promises {
    ($implementer:ident as $name:ident: $($promise:ident)*) => {
        mod $name {
            $(#[tokio::test(start_paused = true)]
            async fn $promise() {
                super::$promise::<super::$implementer>().await;
            })*
        }
    };
    ($($implementer:ident as $name:ident),*) => {
        $(promises! { $implementer as $name:
            packets_arrive_whole_and_unaltered
            sending_never_waits_and_what_exceeds_the_room_is_dropped
            room_comes_back_to_who_waits_for_it
            the_death_of_a_carrier_is_no_error
            it_is_closed_when_the_other_half_is_gone
        })*
    };
}

promises!(Client as redial_packet_conn, Server as client_conn);

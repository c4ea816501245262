//! What every packet conn promises, put to the client's and to the server's.

use crate::pipe::{Peer, Pipe, Session, pair};
use bytes::{Bytes, BytesMut};
use futures_util::{FutureExt, SinkExt};
use snowflake_encapsulation::encode;
use snowflake_turbotunnel::{
    CarrierId, ClientConn, ClientId, Clients, Closed, Dial, Event, MultiplexingConfig,
    MultiplexingPacketConn, PacketConn, QueueConfig, QueuePacketConn, RedialConfig,
    RedialPacketConn, read_preamble,
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
    async fn new() -> (Self, CarrierId, Peer);
    fn session(&mut self) -> &mut Session<Self::Conn>;
    /// The carrier that follows the one that has just died.
    async fn next_carrier(&mut self) -> Peer;
    /// Lets go of the half that has the carriers.
    async fn drop_other_half(self, carrier: Peer) -> Session<Self::Conn>;
}

/// A client's conn, which dials.
struct Client<P> {
    session: Session<P>,
    dialed: mpsc::Receiver<Peer>,
}

struct Dialer(mpsc::Sender<Peer>);

impl Dial for Dialer {
    type Carrier = Pipe;
    type Error = io::Error;

    async fn dial(&self, preamble: Bytes) -> io::Result<Pipe> {
        let (mut near, far) = pair();
        near.send(preamble).await?;
        if self.0.send(Peer::new(far)).await.is_err() {
            // As a panic, but without its message: only a broken dialer ends the carriers' half before the conn.
            std::panic::resume_unwind(Box::new(()));
        }
        Ok(near)
    }
}

trait Dials: PacketConn {
    fn with(dialer: Dialer) -> Self;
}

impl Dials for RedialPacketConn {
    fn with(dialer: Dialer) -> Self {
        Self::new(ClientId::random(), dialer, RedialConfig::default())
    }
}

impl Dials for MultiplexingPacketConn {
    fn with(dialer: Dialer) -> Self {
        Self::new(ClientId::random(), dialer, MultiplexingConfig::default())
    }
}

impl<P: Dials> Implementer for Client<P> {
    type Conn = P;

    async fn new() -> (Self, CarrierId, Peer) {
        let (dialer, dialed) = mpsc::channel(1);
        let mut client = Self { session: Session::new(P::with(Dialer(dialer))), dialed };
        let peer = client.next_carrier().await;
        let carrier = client.session.opened().await;
        (client, carrier, peer)
    }

    fn session(&mut self) -> &mut Session<P> {
        &mut self.session
    }

    async fn next_carrier(&mut self) -> Peer {
        self.session.want(1);
        let mut peer = self.dialed.recv().await.expect("the conn dials");
        peer.greeting().await;
        peer
    }

    async fn drop_other_half(mut self, carrier: Peer) -> Session<P> {
        self.session.want(2);
        drop((self.dialed, carrier));
        self.session
    }
}

/// The server's conn, to which carriers come.
struct Server {
    session: Session<ClientConn>,
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

    async fn new() -> (Self, CarrierId, Peer) {
        let (packets, mut clients) = QueuePacketConn::new(QueueConfig::default());
        let mut carriers = JoinSet::new();
        let mut peer = arrive(&packets, &mut carriers).await;
        peer.send("hello").await;
        let (_, conn) = clients.accept().await.expect("a client");
        let mut session = Session::new(conn);
        let carrier = session.opened().await;
        assert_eq!(session.recv(carrier).await, "hello");
        (Self { session, packets, clients, carriers }, carrier, peer)
    }

    fn session(&mut self) -> &mut Session<ClientConn> {
        &mut self.session
    }

    async fn next_carrier(&mut self) -> Peer {
        self.carriers.join_next().await.expect("there was one").expect("it ended");
        arrive(&self.packets, &mut self.carriers).await
    }

    async fn drop_other_half(mut self, carrier: Peer) -> Session<ClientConn> {
        drop((carrier, self.packets));
        while self.carriers.join_next().await.is_some() {}
        assert!(self.clients.accept().await.is_none());
        self.session
    }
}

/// Packets of all kinds of length, each filled with its own byte.
fn packets() -> Vec<Bytes> {
    let lengths = [0, 1, 63, 64, 65, 1399, 1400, 1500];
    (1..).zip(lengths).map(|(n, len)| Bytes::from(vec![n; len])).collect()
}

async fn packets_arrive_whole_and_unaltered<I: Implementer>() {
    let (mut ends, carrier, mut peer) = I::new().await;
    ends.session().conn.send(carrier, &mut packets());
    for expected in packets() {
        assert_eq!(peer.recv().await.expect("a packet"), expected);
    }
    let mut stream = BytesMut::new();
    packets().iter().for_each(|packet| encode(packet, &mut stream).expect("a short packet"));
    // The borders of messages mean nothing.
    while !stream.is_empty() {
        let piece = stream.split_to(stream.len().min(333)).freeze();
        peer.send_raw(piece).await;
    }
    for expected in packets() {
        assert_eq!(ends.session().recv(carrier).await, expected);
    }
}

async fn sending_never_waits_and_what_exceeds_the_room_is_dropped<I: Implementer>() {
    let (mut ends, carrier, mut peer) = I::new().await;
    let room = ends.session().room(carrier).await;
    assert_eq!(room, 256);
    let mut many: Vec<_> = (0..room + 10).map(|n| Bytes::from(format!("{n}"))).collect();
    ends.session().conn.send(carrier, &mut many);
    assert!(many.is_empty(), "sent or dropped");
    for n in 0..room {
        assert_eq!(peer.recv().await.expect("a packet"), format!("{n}"));
    }
    assert!(timeout(Duration::from_secs(1), peer.recv()).await.is_err(), "the rest is gone");
}

async fn room_comes_back_to_who_waits_for_it<I: Implementer>() {
    let (mut ends, carrier, mut peer) = I::new().await;
    let session = ends.session();
    let waited = loop {
        let Some(room) = session.room(carrier).now_or_never() else {
            // Nobody has run since: the carrier takes nothing yet.
            break session.room(carrier).await;
        };
        session.conn.send(carrier, &mut vec![Bytes::from_static(b"x"); room]);
    };
    assert!(waited > 0);
    assert_eq!(peer.recv().await.expect("a packet"), "x");
}

async fn the_death_of_a_carrier_is_an_event_and_no_error<I: Implementer>() {
    let (mut ends, mut carrier, mut peer) = I::new().await;
    for _ in 0..3 {
        peer.send("its last").await;
        drop(peer);
        assert_eq!(ends.session().recv(carrier).await, "its last");
        assert_eq!(ends.session().ended().await, carrier);
        assert_eq!(ends.session().room(carrier).await, 0);
        ends.session().send(carrier, "too late");
        peer = ends.next_carrier().await;
        let next = ends.session().opened().await;
        assert!(next > carrier, "no number is used twice");
        carrier = next;
        peer.send("over the next").await;
        assert_eq!(ends.session().recv(carrier).await, "over the next");
        ends.session().send(carrier, "back");
        assert_eq!(peer.recv().await.expect("a packet"), "back", "and not what came too late");
    }
}

async fn a_carrier_that_is_closed_ends<I: Implementer>() {
    let (mut ends, carrier, mut peer) = I::new().await;
    ends.session().conn.close(carrier);
    assert_eq!(ends.session().room(carrier).await, 0);
    assert_eq!(ends.session().ended().await, carrier);
    assert_eq!(peer.recv().await, None, "the peer is told");
    peer = ends.next_carrier().await;
    let next = ends.session().opened().await;
    ends.session().conn.close(carrier);
    peer.send("unharmed").await;
    assert_eq!(ends.session().recv(next).await, "unharmed");
}

async fn there_is_no_room_in_a_carrier_that_there_never_was<I: Implementer>() {
    let (mut ends, _, _peer) = I::new().await;
    let nobody = CarrierId::new(1000);
    assert_eq!(ends.session().room(nobody).await, 0);
    ends.session().send(nobody, "into the void");
    ends.session().conn.close(nobody);
    assert!(ends.session().is_quiet().await);
}

async fn who_takes_no_events_stops_the_carrier<I: Implementer>() {
    let (mut ends, _, mut peer) = I::new().await;
    let flood = tokio::spawn(async move {
        for _ in 0..2000 {
            peer.send(&"x".repeat(1400)).await;
        }
        peer
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!flood.is_finished(), "the carrier pushes back");
    let mut total = 0;
    while total < 2000 {
        let batch = ends.session().batch().await.expect("the conn is open");
        assert!(batch.iter().all(|event| matches!(event, Event::Packet(..))));
        assert!(batch.len() <= 512, "{}", batch.len());
        total += batch.len();
    }
    flood.await.expect("it ends");
}

async fn it_is_closed_when_the_other_half_is_gone<I: Implementer>() {
    let (ends, carrier, peer) = I::new().await;
    let mut session = ends.drop_other_half(peer).await;
    let closed = async { while session.event().await.is_ok() {} };
    timeout(Duration::from_secs(30), closed).await.expect("who waits is woken");
    let mut events = Vec::new();
    let read = poll_fn(|cx| session.conn.poll_recv(cx, &mut events)).await;
    assert_eq!(read, Err(Closed));
    assert_eq!(session.room(carrier).await, 0);
    let mut late = vec![Bytes::from_static(b"late")];
    session.conn.send(carrier, &mut late);
    assert!(late.is_empty(), "dropped, without a wait or a panic");
}

/// One test for each promise and implementer.
macro_rules! promises {
    ($implementer:ty as $name:ident: $($promise:ident)*) => {
        mod $name {
            use super::*;
            $(#[tokio::test(start_paused = true)]
            async fn $promise() {
                super::$promise::<$implementer>().await;
            })*
        }
    };
    ($($implementer:ty as $name:ident),*) => {
        $(promises! { $implementer as $name:
            packets_arrive_whole_and_unaltered
            sending_never_waits_and_what_exceeds_the_room_is_dropped
            room_comes_back_to_who_waits_for_it
            the_death_of_a_carrier_is_an_event_and_no_error
            a_carrier_that_is_closed_ends
            there_is_no_room_in_a_carrier_that_there_never_was
            who_takes_no_events_stops_the_carrier
            it_is_closed_when_the_other_half_is_gone
        })*
    };
}

promises!(
    Client<RedialPacketConn> as redial_packet_conn,
    Client<MultiplexingPacketConn> as multiplexing_packet_conn,
    Server as client_conn
);

//! Carriers in memory, a peer at their far ends, and a session that looks at one event at a time.

use bytes::{Bytes, BytesMut};
use futures_util::stream::MapOk;
use futures_util::{SinkExt, StreamExt, TryStreamExt};
use snowflake_encapsulation::{Decoder, encode};
use snowflake_turbotunnel::{
    CarrierId, ClientId, Closed, Event, PREAMBLE_LEN, PacketConn, preamble,
};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::time::Duration;
use tokio::io::DuplexStream;
use tokio::time::timeout;
use tokio_util::codec::{BytesCodec, Framed};

/// A carrier over a tokio byte stream.
pub(crate) type Pipe = MapOk<Framed<DuplexStream, BytesCodec>, fn(BytesMut) -> Bytes>;

/// The two ends of a carrier that holds 64 KiB in each direction.
pub(crate) fn pair() -> (Pipe, Pipe) {
    let (near, far) = tokio::io::duplex(65536);
    let pipe =
        |io| Framed::new(io, BytesCodec::new()).map_ok(BytesMut::freeze as fn(BytesMut) -> Bytes);
    (pipe(near), pipe(far))
}

/// One end of a carrier in the hands of a test that plays the peer.
pub(crate) struct Peer {
    pipe: Pipe,
    decoder: Decoder,
}

impl Peer {
    /// A peer that has neither sent nor read anything.
    pub(crate) fn new(pipe: Pipe) -> Self {
        Self { pipe, decoder: Decoder::new(1500) }
    }

    /// Sends the preamble of `client`.
    pub(crate) async fn greet(&mut self, client: ClientId) {
        self.pipe.send(preamble(client)).await.expect("the carrier is open");
    }

    /// Reads the preamble that the other side sent.
    pub(crate) async fn greeting(&mut self) -> Bytes {
        let mut seen = BytesMut::new();
        while seen.len() < PREAMBLE_LEN {
            seen.extend_from_slice(
                &self.pipe.next().await.expect("a preamble").expect("the carrier is open"),
            );
        }
        let greeting = seen.split_to(PREAMBLE_LEN).freeze();
        self.decoder.push(seen.freeze());
        greeting
    }

    /// Sends one packet as a chunk.
    pub(crate) async fn send(&mut self, packet: &str) {
        let mut chunk = BytesMut::new();
        encode(packet.as_bytes(), &mut chunk).expect("a short packet");
        self.pipe.send(chunk.freeze()).await.expect("the carrier is open");
    }

    /// Sends bytes as they are.
    pub(crate) async fn send_raw(&mut self, bytes: Bytes) {
        self.pipe.send(bytes).await.expect("the carrier is open");
    }

    /// The next packet, or `None` when the carrier has ended.
    pub(crate) async fn recv(&mut self) -> Option<Bytes> {
        loop {
            if let Some(packet) = self.decoder.next_packet().expect("chunks") {
                return Some(packet);
            }
            self.decoder.push(self.pipe.next().await?.ok()?);
        }
    }
}

/// A session that takes a conn's events one by one; a test says which it expects.
pub(crate) struct Session<P> {
    pub(crate) conn: P,
    /// Taken from the conn and not looked at yet.
    events: VecDeque<Event>,
    missing: usize,
}

impl<P: PacketConn> Session<P> {
    pub(crate) fn new(conn: P) -> Self {
        Self { conn, events: VecDeque::new(), missing: 0 }
    }

    /// Misses so many carriers, and one less with each that opens.
    pub(crate) fn want(&mut self, carriers: usize) {
        self.missing = carriers;
        self.conn.set_missing(carriers);
    }

    /// The next event.
    pub(crate) async fn event(&mut self) -> Result<Event, Closed> {
        while self.events.is_empty() {
            let batch = self.batch().await?;
            self.events.extend(batch);
        }
        Ok(self.events.pop_front().expect("at least one"))
    }

    /// Everything that has happened.
    pub(crate) async fn batch(&mut self) -> Result<Vec<Event>, Closed> {
        let mut batch = Vec::new();
        poll_fn(|cx| self.conn.poll_recv(cx, &mut batch)).await?;
        assert!(!batch.is_empty(), "ready with nothing");
        let opened = batch.iter().filter(|event| matches!(event, Event::Opened(_))).count();
        self.want(self.missing.saturating_sub(opened));
        Ok(batch)
    }

    /// The carrier that opens next.
    pub(crate) async fn opened(&mut self) -> CarrierId {
        match self.event().await {
            Ok(Event::Opened(carrier)) => carrier,
            other => panic!("a carrier opens, and not {other:?}"),
        }
    }

    /// The carrier that ends next.
    pub(crate) async fn ended(&mut self) -> CarrierId {
        match self.event().await {
            Ok(Event::Ended(carrier)) => carrier,
            other => panic!("a carrier ends, and not {other:?}"),
        }
    }

    /// The next packet and its carrier.
    pub(crate) async fn packet(&mut self) -> (CarrierId, Bytes) {
        match self.event().await {
            Ok(Event::Packet(carrier, packet)) => (carrier, packet),
            other => panic!("a packet, and not {other:?}"),
        }
    }

    /// The next packet, which comes over `carrier`.
    pub(crate) async fn recv(&mut self, carrier: CarrierId) -> Bytes {
        let (over, packet) = self.packet().await;
        assert_eq!(over, carrier, "the carrier of {packet:?}");
        packet
    }

    /// That nothing happens for a while.
    pub(crate) async fn is_quiet(&mut self) -> bool {
        self.events.is_empty() && timeout(Duration::from_millis(500), self.event()).await.is_err()
    }

    pub(crate) fn send(&mut self, carrier: CarrierId, packet: &'static str) {
        self.conn.send(carrier, &mut vec![Bytes::from_static(packet.as_bytes())]);
    }

    pub(crate) async fn room(&mut self, carrier: CarrierId) -> usize {
        poll_fn(|cx| self.conn.poll_room(cx, carrier)).await
    }

    /// Sends packets of 1400 bytes until there has been no room for a millisecond.
    ///
    /// The carrier holds 64 KiB and the sink some more; what the queue holds then has nowhere to go.
    pub(crate) async fn fill(&mut self, carrier: CarrierId) {
        while let Ok(room) = timeout(Duration::from_millis(1), self.room(carrier)).await {
            self.conn.send(carrier, &mut vec![Bytes::from(vec![0; 1400]); room]);
        }
    }
}

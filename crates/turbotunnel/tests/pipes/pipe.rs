//! Carriers in memory, and helpers to speak chunks over their far ends.

use bytes::{Bytes, BytesMut};
use futures_util::stream::MapOk;
use futures_util::{SinkExt, StreamExt, TryStreamExt};
use snowflake_encapsulation::{Decoder, encode};
use snowflake_turbotunnel::{ClientId, PREAMBLE_LEN, PacketConn, preamble};
use std::future::poll_fn;
use tokio::io::DuplexStream;
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

/// The next batch of packets of a conn.
pub(crate) async fn recv(conn: &mut impl PacketConn) -> Vec<Bytes> {
    let mut packets = Vec::new();
    poll_fn(|cx| conn.poll_recv(cx, &mut packets)).await.expect("the conn is open");
    packets
}

/// Sends one packet on a conn.
pub(crate) fn send(conn: &mut impl PacketConn, packet: &'static str) {
    conn.send(&mut vec![Bytes::from_static(packet.as_bytes())]);
}

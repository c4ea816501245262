//! Packet conns: a virtual path for packets over carriers that may die.
//!
//! **Async** (tokio), and of no use only to Snowflake: any transport whose connections break can lie under it.
//!
//! A *carrier* is a pipe of bytes that may die at any moment: a data channel, a WebSocket, a TCP connection. A
//! *packet conn* carries packets, and promises little: it may lose them, reorder them or bring them twice, never
//! alter them, never mix in those of somebody else. A session that can live with that (KCP, QUIC) does not notice
//! when one carrier is replaced by the next:
//!
//! ```text
//!   session                                                       session
//!      |  packets                                            packets  ^
//!      v                                                              |
//!  RedialPacketConn  -- carrier: token, ClientId, chunks -->  QueuePacketConn
//!                    -- the next carrier, the same ClientId -->
//! ```
//!
//! * [`ClientId`]: eight random bytes that name the session to the server on each new carrier.
//! * [`preamble()`] and [`read_preamble`]: the token and the ClientId that begin each carrier.
//! * [`PacketConn`]: the trait, with its promises in full.
//! * [`RedialPacketConn`]: the client's side, one carrier after another. A failing carrier is an event.
//! * [`QueuePacketConn`]: the server's side, all carriers of all clients; it yields a [`ClientConn`] for each client.
//! * [`ClientMap`]: which clients there are, and whose queue has waited too long for a carrier. Pure.
//!
//! **Not here:** the session above (nothing that is lost is sent again here), and how a carrier is made: the caller
//! brings a [`Dial`] on one side and accepted carriers on the other.
//!
//! An example: packets over a pair of in-memory carriers, the first of which dies.
//!
//! ```
//! use bytes::{Bytes, BytesMut};
//! use futures_util::TryStreamExt as _;
//! use snowflake_turbotunnel::*;
//! use std::{future::poll_fn, io, time::Duration};
//! use tokio::{io::DuplexStream, sync::mpsc};
//! use tokio_util::codec::{BytesCodec, Framed};
//!
//! // Anything that is a Stream and a Sink of Bytes is a carrier; this makes one of a tokio byte stream.
//! type Pipe = futures_util::stream::MapOk<Framed<DuplexStream, BytesCodec>, fn(BytesMut) -> Bytes>;
//! fn pipe(io: DuplexStream) -> Pipe {
//!     Framed::new(io, BytesCodec::new()).map_ok(BytesMut::freeze)
//! }
//!
//! // A dialer finds the next carrier: here it hands the far end to the "server" below.
//! struct Dialer(mpsc::Sender<DuplexStream>);
//! impl Dial for Dialer {
//!     type Carrier = Pipe;
//!     type Error = io::Error;
//!     async fn dial(&mut self, preamble: Bytes) -> io::Result<Pipe> {
//!         let (near, far) = tokio::io::duplex(65536);
//!         self.0.send(far).await.map_err(io::Error::other)?;
//!         let mut near = pipe(near);
//!         futures_util::SinkExt::send(&mut near, preamble).await?;
//!         Ok(near)
//!     }
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let (dialed, mut arriving) = mpsc::channel(1);
//! let mut client = RedialPacketConn::new(ClientId::random(), Dialer(dialed), RedialConfig::default());
//! let (server, mut clients) = QueuePacketConn::new(QueueConfig::default());
//!
//! for text in ["over the first carrier", "over the second"] {
//!     client.send(&mut vec![Bytes::from(text)]);
//!     let mut carrier = pipe(arriving.recv().await.unwrap());
//!     let (id, rest) = read_preamble(&mut carrier, Duration::from_secs(30)).await.unwrap();
//!     let server = server.clone();
//!     let serving = tokio::spawn(async move { server.serve(id, carrier, rest).await });
//!     if text.contains("first") {
//!         let (accepted, mut conn) = clients.accept().await.unwrap();
//!         assert_eq!(accepted, id);
//!         let mut packets = Vec::new();
//!         poll_fn(|cx| conn.poll_recv(cx, &mut packets)).await.unwrap();
//!         assert_eq!(packets, [text]);
//!     }
//!     serving.abort(); // the carrier dies; the client dials again
//! }
//! # });
//! ```

mod carrier;
mod client_id;
mod client_map;
mod config;
mod error;
mod packet_conn;
mod packet_queue;
mod preamble;
mod pump;
mod queue;
mod redial;

pub use carrier::Carrier;
pub use client_id::ClientId;
pub use client_map::ClientMap;
pub use config::{MAX_MESSAGE, MAX_PACKET, QueueConfig, RedialConfig};
pub use error::{CarrierEnd, Closed, PreambleError};
pub use packet_conn::PacketConn;
pub use preamble::{PREAMBLE_LEN, PreambleParser, Step, TOKEN, preamble, read_preamble};
pub use queue::{ClientConn, Clients, QueuePacketConn};
pub use redial::{Dial, RedialPacketConn};

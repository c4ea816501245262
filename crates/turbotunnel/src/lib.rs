//! Packet conns: a virtual path for packets over carriers that may die.
//!
//! **Async** (tokio), and of no use only to Snowflake: any transport whose connections break can lie under it.
//!
//! A *carrier* is a pipe of bytes that may die at any moment: a data channel, a WebSocket, a TCP connection. A
//! *packet conn* carries packets over any number of them, and promises little: it may lose packets, reorder them or
//! bring them twice, never alter them, never mix in those of somebody else. A session that can live with that (KCP,
//! QUIC) goes on when carriers die, and uses several at once if it likes:
//!
//! ```text
//!   session                                                           session
//!      |  packets, each for a carrier                            packets  ^
//!      v                                                                  |
//!  MultiplexingPacketConn  -- carrier: token, ClientId, chunks -->  QueuePacketConn
//!                          -- another, the same ClientId ------->
//! ```
//!
//! * [`ClientId`]: eight random bytes that name the session to the server on each new carrier.
//! * [`preamble()`] and [`read_preamble`]: the token and the ClientId that begin each carrier.
//! * [`PacketConn`]: the trait, with its promises in full; [`CarrierId`] and [`Event`] are its words.
//! * [`MultiplexingPacketConn`]: the client's side, as many carriers at once as the session asks for.
//! * [`RedialPacketConn`]: the client's side at its simplest, one carrier after another.
//! * [`QueuePacketConn`]: the server's side, all carriers of all clients; it yields a [`ClientConn`] for each client.
//! * [`ClientMap`]: which clients there are. Pure.
//!
//! Inside, each carrier has a task that pumps packets between it and its lane, a pair of bounded queues that it shares
//! with its session; when to dial is decided by a pure plan, which a manager task follows.
//!
//! **Not here:** the session above (nothing that is lost is sent again here, and no carrier is judged good or bad), and
//! how a carrier is made: the caller brings a [`Dial`] on one side and accepted carriers on the other. The crate's
//! `README.md` has both for TCP, and what another transport should know before.
//!
//! An example: a session with two carriers in memory, of which one dies.
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
//! // A dialer finds carriers: here it hands the far ends to the "server" below.
//! struct Dialer(mpsc::Sender<DuplexStream>);
//! impl Dial for Dialer {
//!     type Carrier = Pipe;
//!     type Error = io::Error;
//!     async fn dial(&self, preamble: Bytes) -> io::Result<Pipe> {
//!         let (near, far) = tokio::io::duplex(65536);
//!         let mut near = pipe(near);
//!         futures_util::SinkExt::send(&mut near, preamble).await?;
//!         self.0.send(far).await.map_err(io::Error::other)?;
//!         Ok(near)
//!     }
//! }
//!
//! async fn events(conn: &mut impl PacketConn) -> Vec<Event> {
//!     let mut events = Vec::new();
//!     poll_fn(|cx| conn.poll_recv(cx, &mut events)).await.unwrap();
//!     events
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let (dialed, mut arriving) = mpsc::channel(1);
//! let config = MultiplexingConfig::default();
//! let mut client = MultiplexingPacketConn::new(ClientId::random(), Dialer(dialed), config);
//! let (server, mut clients) = QueuePacketConn::new(QueueConfig::default());
//! let mut carriers = Vec::new();
//!
//! for number in 0..2 {
//!     client.set_missing(1); // one more than there are
//!     let mut carrier = pipe(arriving.recv().await.unwrap());
//!     let (id, rest) = read_preamble(&mut carrier, Duration::from_secs(30)).await.unwrap();
//!     let server = server.clone();
//!     carriers.push(tokio::spawn(async move { server.serve(id, carrier, rest).await }));
//!     assert_eq!(events(&mut client).await, [Event::Opened(CarrierId::new(number))]);
//! }
//! client.set_missing(0);
//! let (first, second) = (CarrierId::new(0), CarrierId::new(1));
//! let packet = Bytes::from_static(b"over the second");
//! client.send(second, &mut vec![packet.clone()]);
//!
//! // The server counts the client's carriers on its own; there, too, the second is number one.
//! let (_, mut conn) = clients.accept().await.unwrap();
//! let arrived = [Event::Opened(first), Event::Opened(second), Event::Packet(second, packet)];
//! assert_eq!(events(&mut conn).await, arrived);
//!
//! carriers[0].abort(); // one dies; the other goes on
//! assert_eq!(events(&mut conn).await, [Event::Ended(first)]);
//! assert_eq!(events(&mut client).await, [Event::Ended(first)]);
//! let answer = Bytes::from_static(b"back");
//! conn.send(second, &mut vec![answer.clone()]);
//! assert_eq!(events(&mut client).await, [Event::Packet(second, answer)]);
//! # });
//! ```

mod carrier;
mod carrier_id;
mod client_id;
mod client_map;
mod config;
mod delegate;
mod dial;
mod dial_plan;
mod error;
mod lanes;
mod multiplexing;
mod packet_conn;
mod preamble;
mod pump;
mod queue;
mod redial;

pub use carrier::Carrier;
pub use carrier_id::CarrierId;
pub use client_id::ClientId;
pub use client_map::ClientMap;
pub use config::{MAX_MESSAGE, MAX_PACKET, MultiplexingConfig, QueueConfig, RedialConfig};
pub use dial::Dial;
pub use error::{CarrierEnd, Closed, PreambleError};
pub use multiplexing::MultiplexingPacketConn;
pub use packet_conn::{Event, PacketConn};
pub use preamble::{PREAMBLE_LEN, PreambleParser, Step, TOKEN, preamble, read_preamble};
pub use queue::{ClientConn, Clients, QueuePacketConn};
pub use redial::RedialPacketConn;

/// Has the example in there run as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

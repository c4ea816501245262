//! A reliable byte stream over packets that may be lost: KCP, sans-IO.
//!
//! **After any call that takes `&mut self` — a packet, a timeout, a write, a read — call
//! [`Kcp::poll_transmit`] until it returns `None` or the path has no room, and then ask
//! [`Kcp::poll_timeout`] anew.** If the path had no room, go on with `poll_transmit` when it has:
//! until then no timer is needed.
//!
//! **Pure**: no sockets, no clock, no runtime. Packets, time and bytes come in as arguments; packets,
//! deadlines and bytes come out as results. The order of a driver's loop is
//!
//! 1. [`Kcp::handle_packet`] for each packet that has arrived, [`Kcp::handle_timeout`] if the deadline
//!    has passed;
//! 2. [`Kcp::read`] while the layer above takes bytes, [`Kcp::write`] what it gives;
//! 3. [`Kcp::poll_transmit`] until `None` or the path is full;
//! 4. sleep until [`Kcp::poll_timeout`], a packet, a write, or room in the path.
//!
//! An idle session has no deadline: it sleeps until something happens.
//!
//! ```
//! use std::time::Duration;
//! use bytes::BytesMut;
//! use snowflake_kcp::{Config, Kcp};
//!
//! let mut now = snowflake_netsim::epoch();
//! let mut client = Kcp::new(0x0403_0201, Config::default(), now);
//! let mut server = Kcp::new(0x0403_0201, Config::default(), now);
//!
//! // Carries packets both ways until nobody has one to send, dropping every seventh.
//! let mut count = 0;
//! let mut exchange = |now, a: &mut Kcp, b: &mut Kcp| {
//!     let mut packet = BytesMut::new();
//!     loop {
//!         let (from, to) = if a.poll_transmit(now, &mut packet).is_some() {
//!             (&*a, &mut *b)
//!         } else if b.poll_transmit(now, &mut packet).is_some() {
//!             (&*b, &mut *a)
//!         } else {
//!             break;
//!         };
//!         count += 1;
//!         let arrived = packet.split().freeze();
//!         if count % 7 != 0 {
//!             to.handle_packet(now, arrived).expect("the packet comes from a Kcp");
//!         }
//!         assert_eq!(from.conv(), to.conv());
//!     }
//! };
//!
//! let sent = vec![7; 20_000];
//! assert_eq!(client.write(&sent), sent.len());
//! let mut received = Vec::new();
//! while !(client.is_quiet() && server.is_quiet()) {
//!     exchange(now, &mut client, &mut server);
//!     while let Some(bytes) = server.read() {
//!         received.extend_from_slice(&bytes);
//!     }
//!     let deadline = client.poll_timeout().into_iter().chain(server.poll_timeout()).min();
//!     now = deadline.unwrap_or(now + Duration::from_millis(1));
//!     client.handle_timeout(now);
//!     server.handle_timeout(now);
//! }
//! assert_eq!(received, sent);
//! ```
//!
//! # On the wire
//!
//! KCP as kcp-go speaks it with Snowflake's settings: stream mode, windows of up to 65535 segments, no congestion
//! window here (`snowflake-multiplex` has one for each carrier), packets of at most 1400 bytes (longer ones to a peer
//! that is ours as well, see [`Kcp::set_segment`]), no encryption, no error correction. There is no handshake and no
//! end: the client draws `conv` at random, the server takes it from the first packet, and a session that is over is
//! simply forgotten.
//!
//! # What differs from kcp-go, unseen by the peer
//!
//! * Nothing is scanned. An acknowledgement and a transmission cost the same with ten segments in
//!   flight as with 65,000.
//! * Each segment knows over which of several carriers it was last sent, because order holds only within one; an
//!   [`Outcome`] says what each carrier delivered, and [`Kcp::probe`] asks one for proof of life.
//! * Segments without data may carry a mark ([`Config::paced`]) by which two ends that control their own sending know
//!   each other. What such ends tell each other, byte for byte and with every mix of peers, is in this crate's
//!   `docs/negotiation.md`.
//! * Between such ends data acknowledges the little that comes the other way.
//! * Timers are exact deadlines instead of a tick every 10 ms.
//! * A segment is taken for lost when anything sent later has arrived, in the order of sending (as in
//!   RACK, RFC 8985), not only when a higher number has.
//! * No timeout expires within one retransmission timeout of an acknowledgement that brought news: data
//!   that waits in a deep queue on its way is not sent twice.
//! * What waits and what was received is bounded in bytes, see [`Config`].
//! * A closed window is questioned only while there is data to send.
//! * A segment's own timeout grows to a minute at most; segments of an overtaken packet do not set the
//!   peer's window; an `una` beyond what was sent is ignored.
//!
//! # Not in this crate
//!
//! Which packets belong to which session (see [`peek`] for the rule), streams within the session, and
//! when to give a session up: nothing in KCP ends one, and nothing here does.

mod ack;
mod clock;
mod config;
mod error;
mod outcome;
mod probe;
mod recv;
mod rtt;
mod segment;
mod send;
mod session;
mod stats;
mod window;

pub use config::{Config, LONGEST_PACKET};
pub use error::PacketError;
pub use outcome::Outcome;
pub use segment::{HEADER_LEN, Peek, peek};
pub use session::{Cargo, Kcp, Sent};
pub use stats::Stats;

/// Has the example in there run as a test.
#[cfg(doctest)]
#[doc = include_str!("../docs/negotiation.md")]
struct Negotiation;

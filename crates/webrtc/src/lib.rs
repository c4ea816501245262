//! A WebRTC data channel as a carrier: the hop between client and proxy.
//!
//! ```text
//! client                      broker                      proxy
//! offer(...).await            --- Offerer::sdp --->       answer(.., sdp).await
//! offerer.open(sdp, 10 s)     <-- Answerer::sdp ---       answerer.open(20 s)
//! DataChannel                 ==== DTLS, SCTP ====        DataChannel
//! ```
//!
//! Nothing trickles: each description holds all candidates. [`DataChannel`] is a `Stream` and a `Sink` of [`Bytes`] with
//! back-pressure both ways; dropping any of the types closes its connection.
//!
//! Only this crate names the WebRTC library, pinned to one release, and it works around its traits: small socket
//! buffers ([`limits::SOCKET_RECEIVE_BUFFER`]), an unbounded send buffer ([`limits::SEND_BUFFER`]), a gathering that
//! waits ten seconds for a dead server ([`Config::gathering_deadline`]), leaks when a connection is dropped, slow
//! checks ([`limits::CHECK_INTERVAL`]), five calls a second of a connection that is idle, one for each packet of one that
//! is busy, large receive buffers that lie idle, packets that wait for a timer to be sent, and a channel that waits a
//! round trip before it opens ([`offer`]). One remains: a channel opened by the peer as unreliable is served reliably
//! and in order, which is correct but slower.
//!
//! - [`config`](Config): what the caller chooses
//! - [`offer`], [`answer`]: the two sides
//! - [`DataChannel`]: the carrier
//! - [`sdp`]: pure functions on session descriptions
//! - [`local_addresses`]: which of our addresses are used
//! - [`limits`]: timers and capacities
//!
//! No address and no session description is logged. The library itself logs addresses through the `log` crate, so no
//! logger may be installed there.
//!
//! [`Bytes`]: bytes::Bytes

mod addresses;
mod alarm;
mod answerer;
mod batches;
mod channel;
mod config;
mod connection;
mod cutting;
mod error;
mod events;
mod gathering;
pub mod limits;
mod lull;
mod offerer;
mod rest;
mod runtime;
pub mod sdp;
mod send_buffer;
mod sockets;
mod udp;
mod upstream;

pub use crate::{
    answerer::{Answerer, answer},
    channel::DataChannel,
    config::{Config, IceScheme, IceServer, IceServerError, StunServer},
    error::SetupError,
    offerer::{Offerer, offer},
    sockets::local_addresses,
};

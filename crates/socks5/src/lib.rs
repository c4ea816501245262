//! A user's SOCKS5 proxy, for connections and for datagrams (RFC 1928, RFC 1929).
//!
//! ```text
//!            .-- connect ───> TCP to a name or an address; the proxy looks the name up
//! Proxy ─────|
//!            '-- associate ─> Association ── send_to, recv_from ─> UDP to addresses
//!                                        '── lookup ───────────────> names, by a public name server
//! ```
//!
//! Whoever has such a proxy wants nothing to go around it. So the UDP socket of an [`Association`] is connected to the
//! proxy and can reach nobody else, and names are looked up over it and not by the system.
//!
//! * [`Proxy`]: where it is and what it wants to hear.
//! * [`Association`]: datagrams through it, for as long as the connection to it lives.
//! * [`handshake`], [`datagram`], [`dns`]: the bytes, without sockets.
//! * [`limits`]: every number. [`error`]: what can go wrong.

mod association;
pub mod datagram;
pub mod dns;
pub mod error;
pub mod handshake;
pub mod limits;
mod proxy;

pub use association::Association;
pub use error::Error;
pub use handshake::Target;
pub use proxy::{Credentials, Proxy, connect_over};

//! A WebSocket as a carrier: the hop between the proxy and the server.
//!
//! ```text
//! proxy: dial(wss://relay/?client_ip=…) ── HTTP/1.1 upgrade ── accept(TCP or TLS stream): server
//!                    WebSocket  <══ binary messages, borders without meaning ══>  WebSocket
//! ```
//!
//! [`WebSocket`] is a `Stream<Item = io::Result<Bytes>>` and a `Sink<Bytes, Error = io::Error>`: a byte pipe cut into
//! messages. It always sends binary messages and accepts binary and text, as the Go programs do. The sender decides
//! when a batch is over: `start_send` only fills a buffer, `poll_flush` writes it out.
//!
//! A peer of whom nothing comes is asked with a Ping after [`limits::PING_AFTER`], and given up [`limits::PONG_LIMIT`]
//! later if it does not answer: a frozen peer does not hold a WebSocket for ever.
//!
//! Not here: TLS certificates of the server, what the bytes mean, and how long a WebSocket may go unused.
//!
//! * [`mod@dial`]: the proxy's side.
//! * [`mod@accept`]: the server's side.
//! * [`socket`]: the carrier itself.
//! * `silence`: when to ask whether the peer is still there, and when to give it up.
//! * [`client_ip`]: the one query parameter, written and read.
//! * [`limits`]: every size and time in one place.
//! * [`error`]: why a dial, a handshake or a carrier failed.

pub mod accept;
pub mod client_ip;
pub mod dial;
pub mod error;
pub mod limits;
mod silence;
pub mod socket;

pub use accept::{Accepted, accept};
pub use dial::{dial, dial_over};
pub use error::{AcceptError, DialError, PeerClosed, PeerSilent};
pub use socket::{Role, WebSocket};

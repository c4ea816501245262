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
//! Not here: TLS certificates of the server, what the bytes mean, and how long a quiet WebSocket may live.
//!
//! * [`mod@dial`]: the proxy's side.
//! * [`mod@accept`]: the server's side.
//! * [`socket`]: the carrier itself.
//! * [`client_ip`]: the one query parameter, written and read.
//! * [`limits`]: every size and time in one place.
//! * [`error`]: why a dial, a handshake or a carrier failed.

pub mod accept;
pub mod client_ip;
pub mod dial;
pub mod error;
pub mod limits;
pub mod socket;

pub use accept::{Accepted, accept};
pub use dial::dial;
pub use error::{AcceptError, DialError, PeerClosed};
pub use socket::{Role, WebSocket};

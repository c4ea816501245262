//! One bounded HTTP exchange with the broker, domain fronting included.
//!
//! ```text
//!              TCP and TLS: the front's name        HTTP: the broker's name
//! Exchange ══════════════════════════════════> front ─────────────────────> broker
//! ```
//!
//! Each [`Exchange::post`] is one connection, one request and one response. TLS sessions are resumed, connections are not
//! kept. Every step has its own time limit and the response its size limit, so an exchange always ends; dropping the
//! future ends it at once, with no task left behind.
//!
//! Not here: what is asked and answered (`snowflake-messages`), and when to try again.
//!
//! * [`exchange`]: where a request goes, and through which front.
//! * [`upstream`]: a user's proxy on the way.
//! * [`tls`]: which certificate authorities are believed.
//! * [`limits`]: every size and time in one place.
//! * [`error`]: which step failed.

mod connect;
pub mod error;
pub mod exchange;
mod http;
pub mod limits;
pub mod tls;
pub mod upstream;

pub use error::{ConfigError, ExchangeError, Step};
pub use exchange::Exchange;
pub use upstream::{Upstream, UpstreamKind};

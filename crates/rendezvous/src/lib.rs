//! How a client's poll reaches its broker: the ways there are, and one bounded HTTP exchange, domain fronting included.
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
//! * [`method`]: what a way to the broker is; [`Rendezvous`] is for whoever has another one.
//! * [`http_method`]: the usual way, by HTTPS to the broker or its front.
//! * [`amp_cache`]: through a cache of web pages.
//! * [`exchange`]: where a request goes, and through which front.
//! * [`upstream`]: a user's proxy on the way.
//! * [`environment`]: the proxies that the system's environment names.
//! * [`tls`]: which certificate authorities are believed.
//! * [`limits`]: every size and time in one place.
//! * [`error`]: which step failed.

pub mod amp_cache;
mod connect;
mod connection;
pub mod environment;
pub mod error;
pub mod exchange;
mod http;
pub mod http_method;
pub mod limits;
pub mod method;
pub mod tls;
pub mod upstream;

pub use amp_cache::AmpCache;
pub use connection::Connection;
pub use environment::{Environment, EnvironmentError};
pub use error::{ConfigError, ExchangeError, RendezvousError, Step};
pub use exchange::Exchange;
pub use http_method::Http;
pub use hyper::{HeaderMap, Response};
pub use method::{Exchanging, Poll, Rendezvous};
pub use upstream::{Credentials, Upstream, UpstreamKind};

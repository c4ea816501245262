//! The Snowflake server: a bridge's transport, WebSockets in, tor's ORPort out.
//!
//! ```text
//!  proxy ══ WebSocket ══╗
//!  proxy ══ WebSocket ══╬══> packets of each client ══> its session ══ stream ══> tor's ORPort
//!  proxy ══ WebSocket ══╝                                           ══ stream ══> tor's ORPort
//!  └──────────────────────── a Listener ────────────────────────────────────┘
//! ```
//!
//! Proxies bring WebSockets; each is a carrier that begins with the name of its client. A client's session outlives its
//! carriers. A [`Listener`] takes the carriers and gives the streams of all sessions; [`run`] hands each of them to tor,
//! which starts the program and tells it where to listen. Several listeners may run in one process, and share nothing.
//!
//! Sessions are tasks, which the runtime spreads over all processors. Go's server has one lock for all sessions of a
//! KCP instance and `num-turbotunnel` to have several instances; here the option is checked and has no effect.
//!
//! # In another program
//!
//! Anything can stand behind a listener in tor's place. Here every client gets back what it sends:
//!
//! ```
//! # use std::{net::SocketAddr, sync::Arc, time::Duration};
//! # use bytes::Bytes;
//! # use futures_util::SinkExt;
//! # use rustls::{ClientConfig, RootCertStore, crypto::ring};
//! # use snowflake_turbotunnel::{ClientId, Dial, RedialConfig, RedialPacketConn};
//! # use snowflake_websocket::{DialError, WebSocket, dial};
//! # use tokio::io::AsyncReadExt;
//! # struct Proxies(SocketAddr);
//! # impl Dial for Proxies {
//! #     type Carrier = WebSocket;
//! #     type Error = DialError;
//! #     async fn dial(&self, preamble: Bytes) -> Result<WebSocket, DialError> {
//! #         let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
//! #             .with_safe_default_protocol_versions()
//! #             .unwrap()
//! #             .with_root_certificates(RootCertStore::empty())
//! #             .with_no_client_auth();
//! #         let url = format!("ws://{}", self.0).parse().unwrap();
//! #         let mut proxy = dial(&url, None, Arc::new(tls), Duration::from_secs(10)).await?;
//! #         proxy.send(preamble).await.map_err(DialError::Handshake)?;
//! #         Ok(proxy)
//! #     }
//! # }
//! # async fn a_client_is_content(server: SocketAddr) -> std::io::Result<()> {
//! #     let proxies = Proxies(server);
//! #     let conn = RedialPacketConn::new(ClientId::random(), proxies, RedialConfig::default());
//! #     let (session, driver) = snowflake_session::open(conn, &snowflake_session::Config::client());
//! #     tokio::spawn(driver);
//! #     let mut stream = session.open_stream().unwrap();
//! #     stream.write_all(b"anybody there?").await?;
//! #     stream.shutdown().await?;
//! #     let mut echo = String::new();
//! #     stream.read_to_string(&mut echo).await?;
//! #     assert_eq!(echo, "anybody there?");
//! #     Ok(())
//! # }
//! use snowflake_server::{Config, Transport};
//! use tokio::io::{AsyncWriteExt, copy, split};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Without TLS, on a free port; a bridge has a certificate in `Config::tls`.
//! let transport = Transport::new(Config::default())?;
//! let mut listener = transport.listen("127.0.0.1:0".parse()?).await?;
//! println!("ws://{}", listener.local_addr()?);
//!
//! # let a_client_is_content = a_client_is_content(listener.local_addr()?);
//! let serving = async {
//!     while let Some(stream) = listener.accept().await {
//!         tokio::spawn(async move {
//!             let (mut from, mut to) = split(stream);
//!             copy(&mut from, &mut to).await?;
//!             to.shutdown().await
//!         });
//!     }
//! };
//! tokio::select! {
//!     () = serving => {}
//!     content = a_client_is_content => content?,
//! }
//! // Whoever is still served has a minute.
//! listener.finish().await;
//! # Ok(())
//! # }
//! ```
//!
//! # The parts
//!
//! * [`args`]: the flags. [`managed`]: what tor wants, and what it is told.
//! * [`transport`]: where a listener comes from; [`config`]: its settings; [`limits`]: every size and time.
//! * [`listener`]: carriers in, streams out; [`stream`]: one of those.
//! * `arrivals`: a port, and the connections that arrive at it; `carrier`: one of them, from its request to its end.
//! * `bridge`: streams to tor; `relay`: the copying; `stats`: how many of them had an address.
//! * `server`, `tasks`: what connections share, and how they end with it.
//! * [`error`]: what was wrong with the settings, or with a port.

pub mod args;
mod arrivals;
mod bridge;
mod carrier;
pub mod config;
pub mod error;
pub mod limits;
pub mod listener;
pub mod managed;
mod relay;
mod server;
mod stats;
pub mod stream;
mod tasks;
pub mod transport;

pub use args::Args;
pub use bridge::run;
pub use config::Config;
pub use error::{ConfigError, ListenError, MethodError, Reason};
pub use limits::Limits;
pub use listener::Listener;
pub use managed::Method;
pub use snowflake_session::{ACCEPT_BACKLOG, PacedSocket};
pub use snowflake_tls_server::Tls;
pub use snowflake_turbotunnel::{ClientId, QueueConfig};
pub use stream::Stream;
pub use transport::Transport;

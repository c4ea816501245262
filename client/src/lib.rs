//! The Snowflake client: tor's SOCKS connections over volunteer proxies, and the same for other programs.
//!
//! **Program**: a library and a thin `main`. One connection is one session, one stream and one ClientId; it lives as long as
//! its owner wants, over as many proxies as it takes.
//!
//! ```text
//!   tor
//!    |  SOCKS5, bridge line in user name and password
//!    v
//!   socks      one task per connection: config, client, copy
//!    |
//!    v                                                                                     another program
//!   client     settings, and what connections know together                <----------------------'
//!    |
//!    v
//!   connection stream > session > MultiplexingPacketConn    names every layer
//!    |
//!    v
//!   proxies    another proxy whenever one is missing, up to -max at once
//!    |
//!    v
//!   proxy      one attempt: offer, rendezvous, open         broker <- HTTPS or another method; proxy <- WebRTC
//! ```
//!
//! * [`Client`]: dials [`Connection`]s. [`ClientConfig`]: its settings. [`Shared`]: what clients know together.
//! * [`Event`]: what happens; [`EventStream`]: how one hears of it. tor's user hears of the same.
//! * [`Method`]: a way to the broker, of which there may be several; [`Rendezvous`]: one of one's own.
//! * [`Upstream`]: a user's proxy between us and everybody else.
//! * [`ConfigError`], [`DialError`], [`AttemptError`]: what is wrong with settings, a dial, one attempt to reach a proxy.
//! * [`Args`]: the flags. [`run`]: serves a SOCKS listener until told to stop.
//!
//! # In another program
//!
//! ```no_run
//! use snowflake_client::{Client, ClientConfig, Method};
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let broker = "https://1098762253.rsc.cdn77.org/";
//! let client = Client::new(ClientConfig {
//!     methods: vec![Method::http(broker, &["www.cdn77.com", "www.phpmyadmin.net"])?],
//!     stun_servers: ClientConfig::stun_servers(["stun:stun.epygi.com:3478"])?,
//!     ..ClientConfig::default()
//! })?;
//! // Any number of times; each is a session with the bridge. Proxies come and go unseen.
//! let mut connection = client.dial().await?;
//! connection.write_all(b"what a tor client says to a bridge").await?;
//! let mut answer = [0; 1024];
//! let length = connection.read(&mut answer).await?;
//! # drop((answer, length));
//! // Whoever only drops it leaves the bridge waiting for some minutes.
//! connection.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! # A rendezvous of one's own
//!
//! How a poll gets to a broker and the response back is all that [`Rendezvous`] is about; [`messages`](snowflake_messages)
//! are bytes to it. This one asks a friend who has no proxy today, and the event says so:
//!
//! ```
//! use futures_util::StreamExt;
//! use snowflake_client::{
//!     AttemptError, Client, ClientConfig, Event, Exchanging, Method, Poll, Rendezvous,
//! };
//!
//! #[derive(Debug)]
//! struct Friend;
//!
//! impl Rendezvous for Friend {
//!     fn name(&self) -> &str {
//!         "friend"
//!     }
//!
//!     fn broker(&self) -> &str {
//!         "the friend's broker"
//!     }
//!
//!     fn exchange(&self, poll: Poll) -> Exchanging<'_> {
//!         Box::pin(async {
//!             // Here: whatever takes time and tells nobody anything. Then, once it is our turn:
//!             let message = poll.message().await;
//!             assert!(message.starts_with(b"1.0\n{"));
//!             // Here: there and back.
//!             Ok(r#"{"error":"no snowflake proxies currently available"}"#.into())
//!         })
//!     }
//! }
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let methods = vec![Method::own(Friend)];
//!     let client = Client::new(ClientConfig { methods, ..ClientConfig::default() })?;
//!     let mut events = client.events();
//!     // Without waiting for a proxy, of which there is none: `dial` would try again for a minute.
//!     let connection = client.open()?;
//!     while let Some(event) = events.next().await {
//!         println!("{event}");
//!         if let Event::RendezvousFailed(why) = event {
//!             assert!(matches!(*why, AttemptError::Refused(_)));
//!             assert_eq!(why.to_string(), "no snowflake proxies currently available");
//!             break;
//!         }
//!     }
//!     // No task and no socket stays behind.
//!     drop((connection, client));
//!     Ok(())
//! }
//! ```

mod args;
mod attempt;
mod check;
mod client;
mod config;
mod config_error;
mod connection;
mod copy;
mod error;
mod event;
mod events;
mod imitation;
mod lines;
mod meter;
mod nat;
mod progress;
mod proxies;
mod rendezvous;
mod settings;
mod shared;
mod socks;
mod sqs;
mod timers;
mod to_tor;
mod upstream;

pub use args::Args;
pub use client::Client;
pub use config::ClientConfig;
pub use config_error::{ConfigError, Reason};
pub use connection::Connection;
pub use error::{Asked, AttemptError, DialError};
pub use event::Event;
pub use events::EventStream;
pub use imitation::Imitation;
pub use rendezvous::Method;
pub use shared::Shared;
pub use snowflake_cli::CovertDtls;
pub use snowflake_messages::Fingerprint;
pub use snowflake_pt::UpstreamProxy;
pub use snowflake_rendezvous::{Exchanging, Poll, Rendezvous, RendezvousError};
pub use snowflake_webrtc::StunServer;
pub use socks::run;
pub use upstream::Upstream;

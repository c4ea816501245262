//! The Snowflake proxy: a volunteer's machine, data channel in, WebSocket out.
//!
//! ```text
//!  broker  <── poll, answer ── proxy ── client_ip ──> server
//!  client  <══ data channel ══ proxy ══ WebSocket ══> server
//! ```
//!
//! A [`Proxy`] asks the broker for a client, answers its offer, and copies bytes between the two carriers until one of
//! them ends. It does not know what the bytes mean. Everything hangs on [`Proxy::run`]: several proxies may run in one
//! process, and when its future is done nothing of the proxy is left.
//!
//! # In another program
//!
//! ```no_run
//! use futures_util::StreamExt;
//! use snowflake_proxy::{Config, Event, Proxy, ProxyType};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let config = Config { proxy_type: ProxyType::IptProxy, ..Config::default() };
//! let proxy = Proxy::new(config)?;
//! let mut events = proxy.events();
//! let running = proxy.start();
//! while let Some(event) = events.next().await {
//!     match event {
//!         Event::Over { country } => println!("helped somebody in {country}"),
//!         Event::Stats(summary) if summary.connections > 100 => break,
//!         _ => {}
//!     }
//! }
//! // Whoever is connected has a minute; `stop` does not wait.
//! running.finish().await;
//! # Ok(())
//! # }
//! ```
//!
//! # The parts
//!
//! * [`args`], [`config`]: flags, and what they mean once checked.
//! * [`proxy`](mod@proxy): the parts of a running proxy; [`running`]: one in a task; [`shutdown`]: its end.
//! * [`event`]: what happens; `events`: who hears of it; `figures`, [`metrics`]: what Prometheus is shown.
//! * `poll`: when to ask for a client; `capacity`: how many at once; `broker`: the question and the answer.
//! * `serve`: one client from offer to close; `relay_url`: where it may be taken; `relay`: the copying.
//! * `nat`, `reachability`: what is checked before the first poll, and now and then; `outbound`: by which address clients
//!   come.
//! * `dialer`: the way to broker, probe server and relays. [`timers`]: every time and bound. [`error`]: what went wrong.

pub mod args;
mod broker;
mod capacity;
pub mod config;
mod dialer;
pub mod error;
pub mod event;
mod events;
mod figures;
pub mod metrics;
mod nat;
mod outbound;
mod poll;
pub mod proxy;
mod reachability;
mod relay;
mod relay_url;
pub mod running;
mod serve;
pub mod shutdown;
pub mod timers;

pub use args::Args;
pub use config::Config;
pub use error::{ConfigError, Reason, SetupError};
pub use event::{Event, Summary};
pub use events::EventStream;
pub use metrics::MetricsAddress;
pub use proxy::Proxy;
pub use running::Running;
pub use shutdown::Shutdown;
pub use snowflake_geoip::{Country, GeoIp};
pub use snowflake_messages::{NatType, ProxyType};
pub use snowflake_rendezvous::Environment;

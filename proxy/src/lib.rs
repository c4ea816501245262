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
//! * [`args`], [`config`]: flags, and what they mean once checked.
//! * [`proxy`](mod@proxy): the parts of a running proxy.
//! * `poll`: when to ask for a client; `capacity`: how many at once; `broker`: the question and the answer.
//! * `serve`: one client from offer to close; `relay_url`: where it may be taken; `relay`: the copying.
//! * `nat`, `reachability`: what is checked before the first poll, and now and then.
//! * `events`: the lines for the operator. [`timers`]: every time and bound. [`error`]: what went wrong.

pub mod args;
mod broker;
mod capacity;
pub mod config;
pub mod error;
mod events;
mod nat;
mod poll;
pub mod proxy;
mod reachability;
mod relay;
mod relay_url;
mod serve;
pub mod timers;

pub use args::Args;
pub use config::Config;
pub use error::{ConfigError, SetupError};
pub use proxy::Proxy;

//! Finds out for proxies what their NATs let in.
//!
//! **Program**: a library and a thin `main`. A proxy posts an offer to `/probe?InCoSim=strict` or `moderate` ("interactive
//! connectivity simulation") and is answered from behind a NAT of that kind:
//!
//! ```text
//!             POST /probe            UDP through the SOCKS5 proxy
//! proxy ───────────────────> http ─> probe ──> strict:   a port for each destination, and an answer without candidates
//!       <──────── answer ───              '──> moderate: one port that lets in whom it has sent to
//!       <════════ data channel ══════════
//! ```
//!
//! If the data channel opens, the proxy is reached from behind such a NAT. The two SOCKS5 proxies are other programs; they
//! make the NATs, and without them nothing here has a meaning.
//!
//! * [`Args`]: the flags. [`Config`]: what they mean, checked before anything starts.
//! * [`run`]: serves a listener until told to stop.
//! * [`limits`]: every number.

mod args;
mod config;
mod error;
mod http;
pub mod limits;
mod probe;
mod serve;

pub use args::Args;
pub use config::{Config, Timers};
pub use error::{ConfigError, NotSocks5, Reason};
pub use serve::{bind, run};

//! The local network: every program on one machine, checked end to end.
//!
//! [`run()`] starts a broker, a server, some proxies and a client, moves a known stream of bytes through them both ways, kills the
//! proxy that carries it in the middle, and compares every byte. This program plays tor at both ends, or starts a whole private
//! Tor network. [`run_scenario()`] asks other questions of the same programs, over links that are slow, long, lossy or broken.
//! The order of the modules is the order in which a run meets them.

pub mod args;
pub mod build_programs;
pub mod place;
pub mod run;

pub mod netns;
pub mod open_files;
pub mod ports;
pub mod process;

pub mod amp_cache;
pub mod backbone;
pub mod between;
pub mod flags;
pub mod front;
pub mod loopback;
pub mod managed;
pub mod network;
pub mod orport;
pub mod proxies;
pub mod stun;
pub mod tor;
pub mod udp_socks;

pub mod crowd;
pub mod lab;
pub mod probe;
pub mod scenario;

pub mod hold;
pub mod measure;
pub mod meter;
pub mod origin;
pub mod pattern;
pub mod socks;
pub mod transfer;

pub mod error;
pub mod progress;
pub mod report;
pub mod sheet;
pub mod stats;
pub mod usage;

mod http;
mod listener;

pub use args::Args;
pub use error::Error;
pub use report::Report;
pub use run::{exit_code, run, run_scenario};
pub use scenario::Scenario;
pub use sheet::Sheet;

//! Sessions over simulated carriers, on a virtual clock: do they keep going, keep quick, and keep apart?
//!
//! **For tests only.** The code under test is what the programs run: `snowflake_session::open` over a
//! `MultiplexingPacketConn` at the client, a `QueuePacketConn` and a `Listener` at the server. Only what carries the
//! bytes is simulated, and the clock, which stands still while anything can be computed and jumps to the next timer
//! when nothing can. Everything follows from a seed.
//!
//! ```text
//!   streams with checked bytes       Flow, Transfer          streams with checked bytes
//!        session (real)                                            session (real)
//!        Watched: are the promises of a packet conn kept?          Watched
//!        Buggy: only to see that the checks find bugs              Buggy
//!        MultiplexingPacketConn (real)                             QueuePacketConn (real)
//!        Volunteers: dials          Link: two wires, faults        Server
//! ```
//!
//! * [`World`]: one simulation; [`simulate`] runs one, [`for_seeds`] several.
//! * [`Client`]: a session and its streams ([`Transfer`]).
//! * [`Volunteers`] offer carriers ([`Offer`], [`Line`]) and let faults happen to them ([`Link`]).
//! * [`Check`]: what is checked; [`Failure`]: what was found.
//! * [`Bug`]: bugs that can be put in.
//! * [`scenario`]: what is played more than once.
//!
//! A carrier is modelled as what a proxy makes of it: a reliable pipe with a bottleneck, a delay, and a queue before the
//! bottleneck that takes everything. So nothing is ever refused; what is sent too soon stands there, and is measured.
//!
//! A test that fails names its seed; `SIMULATION_SEED=7 cargo test -p snowflake-simulation --test simulated chaos` plays that
//! seed only. Two things are not the seed's: the jitter of pauses after failed dials and the order in which a
//! client's packet conn looks at what happened at one instant. Both come from the operating system's randomness.
//!
//! ```
//! use snowflake_simulation::{Line, Offer, simulate};
//! use std::time::Duration;
//!
//! let took = simulate(1, None, async |world| {
//!     let line = Line::mbit(8.0).round_trip(Duration::from_millis(50));
//!     let client = world.client(1, move |_, _| Offer::new(line));
//!     let began = tokio::time::Instant::now();
//!     client.transfer(0, 1_000_000)?.finished().await;
//!     Ok(began.elapsed())
//! });
//! assert!(took.unwrap() < Duration::from_secs(2));
//! ```

mod bug;
mod check;
mod client;
mod flow;
mod line;
mod meter;
mod pattern;
mod pipe;
pub mod scenario;
mod server;
mod volunteers;
mod watched;
mod wire;
mod world;

pub use bug::Bug;
pub use check::{Check, Failure, Verdict};
pub use client::Client;
pub use flow::{ENDLESS, Flow, Purpose, Transfer};
pub use line::Line;
pub use meter::Meter;
pub use pipe::{Link, Ways};
pub use volunteers::{Offer, Volunteers};
pub use watched::Segments;
pub use wire::Waits;
pub use world::{World, for_seeds, simulate};

//! smux over KCP over any packet conn: the session that outlives its carriers.
//!
//! **Async** (tokio), thin: the logic is in the machines `snowflake-smux`, `snowflake-kcp` and `snowflake-multiplex`,
//! which this crate only drives. One [`Driver`] future per session owns the packet conn and moves everything;
//! [`Stream`]s share the machines with it behind a lock that is never held across an await.
//!
//! ```text
//!   Stream   Stream          AsyncRead + AsyncWrite, one for each connection of tor
//!      \      /
//!       smux                 frames; streams, windows, keep-alive
//!         |                                                          all of this survives
//!        KCP                 segments; lost packets are sent again    the death of a carrier
//!         |
//!      multiplex             which carrier gets the next packet
//!         |
//!    packet conn             packets                                 --------------------
//!         |
//!      carriers                                                      these come and go
//! ```
//!
//! The client calls [`open`], spawns the driver and opens streams. The server makes a [`Listener`] over the clients of
//! a [`QueuePacketConn`](snowflake_turbotunnel::QueuePacketConn) and accepts streams of all sessions; [`serve()`] is
//! the same for one client over any packet conn.
//!
//! The driver sleeps until the next deadline or event. An idle session wakes for smux's keep-alive, to ask a
//! carrier that has long been silent, and for nothing else, where Go's wakes a hundred times a second.
//!
//! **Not here:** how carriers are found and replaced (`snowflake-turbotunnel`), what is sent again and when
//! (`snowflake-kcp`), frames and windows (`snowflake-smux`), and tor at either end (the programs).

mod config;
mod core;
mod driver;
mod error;
mod kept;
mod listener;
mod paced;
mod receive_window;
#[cfg(test)]
mod scripted;
mod sending;
mod serve;
mod session;
mod stream;
mod waiting_time;

pub use config::{ACCEPT_BACKLOG, Config, LINGER};
pub use driver::Driver;
pub use error::{OpenError, SessionEnd};
pub use listener::Listener;
pub use paced::PacedSocket;
pub use serve::serve;
pub use session::{Session, open};
pub use stream::Stream;

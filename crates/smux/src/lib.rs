//! Many streams in one byte stream: smux version 2, sans-IO.
//!
//! This is the layer between a user's streams and the reliable byte stream that KCP makes. It talks
//! to the Go library `xtaci/smux` (version 2, as Snowflake sets it up) and to itself.
//!
//! **After any call that takes `&mut Smux`, drain [`Smux::poll_event`] and [`Smux::poll_output`]
//! until they return `None` (or the byte stream has no more room), then sleep until
//! [`Smux::poll_timeout`].** There is no clock, no task and no socket in here: the driver brings
//! the bytes and the time.
//!
//! # The wire
//!
//! Every frame begins with eight bytes, little endian:
//!
//! ```text
//!   0        1        2                 4                                   8
//!   +--------+--------+-----------------+-----------------------------------+-----------
//!   | version| command|      length     |             stream id             |  length bytes ...
//!   |    2   |        |                 |                                   |
//!   +--------+--------+-----------------+-----------------------------------+-----------
//!
//!   command  name  length   meaning
//!      0     SYN   0        open this stream
//!      1     FIN   0        the sender will send no more on this stream
//!      2     PSH   1-65535  data
//!      3     NOP   0        keep-alive; stream id 0
//!      4     UPD   8        window update: consumed (4 bytes), window (4 bytes)
//! ```
//!
//! The client opens odd streams, the first is 3; the server opens even ones, the first is 2.
//!
//! # Flow control
//!
//! Each direction of each stream may be ahead of its reader by one window: 262144 bytes until the
//! reader says otherwise, then what its last UPD said. Besides, a session stops taking input
//! ([`Smux::can_receive`]) when [`Config::receive_budget`] bytes wait for readers.
//!
//! # Half close
//!
//! [`Smux::finish`] ends one direction and leaves the other alone. **The Go library cannot do
//! this**: its `Close` sends FIN and forgets the stream both ways, so what we send afterwards is
//! thrown away there; and once our FIN has reached a Go writer, that writer fails as soon as its
//! window is used up, because it takes our FIN for a full close. Against a Go peer, then, finish
//! only when everything that matters has been received, or is less than a window.
//!
//! What was written before [`Smux::close`] goes out as the window allows, and then FIN, also to a
//! peer that finished first, as one does who sends a request and reads the answer. A peer that has
//! forgotten the stream instead looks the same, so such a stream is given up, without FIN, when no
//! UPD has come for 20 minutes.
//!
//! # Not in this crate
//!
//! What makes the byte stream reliable (KCP below), and readers, writers and their tasks (the session
//! above).
//!
//! # Modules
//!
//! - [`frame`]: the header and the five commands, both ways.
//! - `window`: the arithmetic of UPD.
//! - `stream`: one stream: its states, its buffers, its windows.
//! - `session`: the machine: ids, frames in, frames out, events.
//! - `keepalive`: when to send NOP, when to give the peer up.
//! - `config`, `error`: sizes and times; who did what wrong.

pub mod frame;

mod config;
mod error;
mod keepalive;
mod session;
mod stream;
mod window;

pub use config::Config;
pub use error::{Misbehaviour, OpenError, SessionError, StreamError};
pub use frame::StreamId;
pub use session::{Event, Read, Role, Smux};

#[cfg(test)]
mod testing {
    use std::time::Instant;

    /// The instant at which unit tests begin.
    #[expect(
        clippy::disallowed_methods,
        reason = "tests need one base instant; all later ones are computed from it"
    )]
    pub(crate) fn epoch() -> Instant {
        Instant::now()
    }
}

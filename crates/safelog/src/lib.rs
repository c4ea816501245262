//! No address, session description or ClientID in any log unless the operator asks.
//!
//! Two nets, one behind the other:
//!
//! * [`Sensitive`] wraps a value where it is logged. Its `Display` and `Debug` print
//!   [`SCRUBBED`] unless [`allow_unsafe_logging`] was called at the start of the program.
//! * [`ScrubbingWriter`] stands between the log and its file. It looks at every finished line and
//!   replaces what still looks like an address, a ClientID or a secret part of a session
//!   description; [`scrub()`] says exactly what that is. It catches what a library, an error text or
//!   a forgotten wrapper lets through.
//!
//! [`scrubbed`] does the same to a text that leaves by another way, such as the lines for tor.
//!
//! ```
//! use std::net::Ipv4Addr;
//!
//! use snowflake_safelog::Sensitive;
//!
//! let peer = Ipv4Addr::new(192, 0, 2, 7);
//! assert_eq!(format!("closed by {}", Sensitive::new(peer)), "closed by [scrubbed]");
//! ```

mod scrub;
mod sensitive;
mod writer;

pub use scrub::{MAX_GROWTH, SCRUBBED, scrub, scrubbed};
pub use sensitive::{Sensitive, allow_unsafe_logging, unsafe_logging_allowed};
pub use writer::{MAX_LINE, ScrubbingWriter};

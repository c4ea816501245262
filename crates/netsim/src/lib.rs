//! A seeded link on a virtual clock: it loses, duplicates, reorders, delays, queues and can be cut.
//!
//! **Pure; for tests only**, no part of the data path; it does not look into packets. The caller owns the clock: it sends
//! packets in with [`Link::send`], asks with [`Link::next_arrival`] when the next one comes out, advances its clock to
//! that instant and takes it with [`Link::receive`]. The same seed and the same calls give the same losses, so a failing
//! seed is a test case.
//!
//! ```
//! use bytes::Bytes;
//! use snowflake_netsim::{Link, Path, epoch};
//! use std::time::Duration;
//!
//! let mut link = Link::new(Path::perfect().delay(Duration::from_millis(25)), 1);
//! link.send(epoch(), Bytes::from_static(b"packet"));
//! let arrival = link.next_arrival().unwrap();
//! assert_eq!(arrival - epoch(), Duration::from_millis(25));
//! assert_eq!(link.receive(arrival).unwrap(), "packet");
//! ```

mod link;
mod path;
mod rng;

pub use link::{Counts, Link};
pub use path::Path;
pub use rng::Rng;

use std::sync::LazyLock;
use std::time::Instant;

/// The instant at which every virtual clock of this process starts.
///
/// `Instant` has no public zero; one fixed base makes the offsets of a test reproducible.
pub fn epoch() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "the one base of all virtual clocks")]
    static EPOCH: LazyLock<Instant> = LazyLock::new(Instant::now);
    *EPOCH
}

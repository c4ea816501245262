//! Every size and time of this crate.

use std::time::Duration;

/// How long the service holds a request for messages at the most: its own limit, and what Go's client asks for.
pub const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// Response headers: 10 s after the longest wait. For [`Exchange::new`](snowflake_rendezvous::Exchange::new).
pub const HEADERS: Duration = Duration::from_secs(30);

/// Messages in one response: 10, the service's own limit.
pub const MOST_MESSAGES: usize = 10;

/// Queues in one response: 1000, the service's own limit.
pub const MOST_QUEUES: usize = 1000;

/// A message as JSON: 3 MiB and a bit. One has at most 1 MiB, as JSON at most thrice that, and some attributes.
pub const MESSAGE: usize = (3 << 20) + (64 << 10);

/// Every other response: 256 KiB; [`MOST_QUEUES`] have half of that.
pub const RESPONSE: usize = 256 << 10;

/// Between the client's message to the broker and its first look for a queue of its own, and between two looks: 1 s, as
/// Go's client.
pub(crate) const LOOK_PAUSE: Duration = Duration::from_secs(1);

/// Looks for the client's queue, and requests for the message in it: 5 each, as Go's client.
pub(crate) const TRIES: u32 = 5;

/// By how much longer each pause is after a request that brought no message, of which the first is [`LOOK_PAUSE`]: 0.5 s,
/// as Go's client.
pub(crate) const LONGER_PAUSE: Duration = Duration::from_millis(500);

/// From a client's message to its response, if all goes well: 15 s. The queue of the response may be there only at the
/// last of five looks, each over a connection of its own, and then the broker still holds the client for 5 s. A broker
/// that has made no queue by then is given up.
pub const PATIENCE: Duration = Duration::from_secs(15);

/// Of the code of an error: no more of it is kept.
pub(crate) const LONGEST_CODE: usize = 64;

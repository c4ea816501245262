//! Every time and size.

use std::time::Duration;

/// Time between two looks at certificate files. Two `stat` calls, and whoever renews them does so days in advance.
pub const WATCH_INTERVAL: Duration = Duration::from_secs(60);

/// Longest sleep until a certificate is due, and the pause after it was renewed. By the hour, because a clock may be set
/// and a machine may sleep; and lest a wrong clock makes us ask the authority again and again.
pub const CHECK_INTERVAL: Duration = Duration::from_secs(3600);

/// A certificate is renewed when less than this part of its life is left: a third, that is the last 30 of Let's Encrypt's
/// 90 days, at which Go's autocert begins, too.
pub const LAST_PART: u32 = 3;

/// The pause after orders that failed, doubled with each further time. Let's Encrypt allows a name five failures an hour,
/// and each time may cost two, one for each challenge. At 0, 20 and 60 min that is four in any hour, so that who mends his
/// DNS and starts again is not refused.
pub const FIRST_PAUSE: Duration = Duration::from_secs(20 * 60);

/// The longest pause between two orders: four in a day.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(6 * 3600);

/// Longest time for an order: connections, challenges and all. An authority tells within a minute what it thinks.
pub const ORDER: Duration = Duration::from_secs(300);

/// Connections to the HTTP-01 port at one time; when it is full, further ones wait in the system's backlog.
pub const HTTP_CONNECTIONS: usize = 32;

/// The longest life of a connection to the HTTP-01 port: one request and its response.
pub const HTTP_REQUEST: Duration = Duration::from_secs(10);

/// Longest head of a request to the HTTP-01 port, and its read buffer. hyper takes no less.
pub const HTTP_HEAD: usize = 8 << 10;

/// The pause after a failed `accept` on the HTTP-01 port, most likely for want of file descriptors.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

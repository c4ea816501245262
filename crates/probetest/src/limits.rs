//! Every number of the program.

use std::time::Duration;

/// Time for candidates: 10 s, as Go's.
pub const GATHERING: Duration = Duration::from_secs(10);

/// Time for the data channel after the answer: 20 s, as Go's, which is what the proxy waits too.
pub const OPEN: Duration = Duration::from_secs(20);

/// How long an open channel is kept unless the proxy closes it: 5 s, as Go's.
pub const LINGER: Duration = Duration::from_secs(5);

/// Questions under way, answered ones whose channel may still open among them. Each holds a connection to a SOCKS5 proxy
/// for some 25 s. When it is reached, further ones get status 503, and proxies ask again later.
pub const PROBES: usize = 1024;

/// Connections at once; when it is reached, further ones wait in the kernel's queue.
pub const CONNECTIONS: usize = 4096;

/// Files open at once when both are reached: one for each connection, two for each question, and some others.
pub const OPEN_FILES: u64 = (CONNECTIONS + 2 * PROBES + 64) as u64;

/// Time for a TLS handshake.
pub const TLS: Duration = Duration::from_secs(10);

/// Time for a request's head, and between two requests.
pub const HEAD: Duration = Duration::from_secs(15);

/// Time for a request's body.
pub const BODY: Duration = Duration::from_secs(10);

/// Longest life of a connection: more than a question takes, with all that is before it.
pub const CONNECTION_AGE: Duration = Duration::from_secs(60);

/// Largest head of a request.
pub const MAX_HEAD: usize = 32 << 10;

/// The pause after a failed `accept`, most likely for want of file descriptors.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

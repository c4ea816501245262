//! Every time and size of the client, with its reason.

use std::time::Duration;

/// From setting the answer to the open data channel: Go's `DataChannelTimeout`.
pub(crate) const OPEN_LIMIT: Duration = Duration::from_secs(10);

/// Proxies that one connection uses at once: 16, as many as the server keeps for one client.
///
/// Whoever asks for more gets so many: with each further one the server would let go of another.
pub(crate) const MAX_PROXIES: usize = 16;

/// How long the other direction may go on when one has ended.
///
/// Go ends both at once. tor does not use half-closed connections, so this only lets what is under way arrive; longer
/// would hold a proxy for nothing.
pub(crate) const HALF_CLOSED: Duration = Duration::from_secs(10);

/// How long connections may still tell the bridge that they end when the program is told to stop.
///
/// tor sends SIGKILL a few seconds after SIGTERM.
pub(crate) const STOP_LIMIT: Duration = Duration::from_secs(1);

/// SOCKS connections at one time. tor opens one per bridge line and a few more; each costs a session and a WebRTC
/// connection. When it is reached, further ones wait for an answer until one ends.
pub(crate) const MAX_CONNECTIONS: usize = 1024;

/// Bytes copied at a time between tor and a stream: two cells' worth of TLS records.
pub(crate) const COPY_BUFFER: usize = 32 * 1024;

/// The same while little or nothing comes: 2 KiB, almost four cells.
pub(crate) const IDLE_COPY_BUFFER: usize = 2 * 1024;

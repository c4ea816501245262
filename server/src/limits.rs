//! Every size and time of the server. Those that tests shorten are in [`Limits`].

use std::time::Duration;

use snowflake_turbotunnel::QueueConfig;

/// The bounds of one server. HTTP and WebSocket have theirs in `snowflake_websocket::limits`, the ORPort's handshake in
/// `snowflake_pt::orport`.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections from proxies at one time. Default 65,536: 32,768 users with a carrier and its successor; they hold
    /// less than 2 GiB when idle. When it is full, no more are accepted until one ends: they wait in the system's
    /// backlog.
    pub connections: usize,
    /// Streams at one time, to tor or whoever has accepted them. Default 65,536; when it is full, a new stream is refused
    /// with a FIN.
    pub streams: usize,
    /// Time for a TLS handshake, if TLS is not somebody else's affair. Default 10 s, as for the request that follows.
    pub tls_handshake: Duration,
    /// From a WebSocket's beginning to the end of its client's token and ClientId. Default 30 s: Go's clients keep a
    /// spare proxy for 20 s before they use it or let it go. The Go server waits for ever.
    pub preamble: Duration,
    /// How long a stream to tor with one finished direction may stand still. Default 60 s. The Go server ends both
    /// directions at once, and loses what was under way in the other. Other streams end as their owners like.
    pub half_closed_idle: Duration,
    /// From [`Listener::finish`](crate::Listener::finish) until the streams that are still there are closed. Default 60 s,
    /// as with a proxy. The program itself stops at once, as tor wants it to.
    pub finish: Duration,
    /// Clients, carriers for each of them, and the queues between carriers and sessions.
    pub packets: QueueConfig,
}

impl Limits {
    /// Files that are open when there are as many connections and streams as there may be. Default: 131,136.
    pub fn open_files(&self) -> u64 {
        (self.connections + self.streams + OTHER_FILES) as u64
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1 << 16,
            streams: 1 << 16,
            tls_handshake: Duration::from_secs(10),
            preamble: Duration::from_secs(30),
            half_closed_idle: Duration::from_secs(60),
            finish: Duration::from_secs(60),
            packets: QueueConfig::default(),
        }
    }
}

/// Files that are open besides connections, with room: listeners, the log, cookies, the runtime's.
const OTHER_FILES: usize = 64;

/// Bytes that one direction of a stream moves at once: 32 KiB, as much as a smux frame holds. They are on the stack of
/// whoever copies; an idle stream has no buffer.
pub(crate) const COPY_CHUNK: usize = 32 << 10;

/// Chunks that one direction of a stream copies before it lets other tasks run.
pub(crate) const CHUNKS_PER_TURN: usize = 16;

/// The pause after a failed `accept`, most likely for want of file descriptors: 100 ms, as in the Go server.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Time between two lines of statistics: a day, as in the Go server.
pub(crate) const STATS_INTERVAL: Duration = Duration::from_secs(86_400);

//! Every size and time of the packet conns, with its reason.

use std::time::Duration;

/// The longest packet that is taken from a carrier, in bytes.
///
/// KCP sends at most 1400; Go's client reads into a buffer of 1500, so that is what a peer may use at the most. A
/// longer one is dropped, as a path drops what exceeds its MTU.
pub const MAX_PACKET: usize = 1500;

/// The most bytes of chunks that go out in one message of a carrier.
///
/// 16 KiB is the largest data channel message that every WebRTC implementation takes; on a WebSocket it is far under
/// any limit. Eleven full packets then cost one message instead of eleven.
pub const MAX_MESSAGE: usize = 16 * 1024;

/// Messages that one direction of a carrier moves before it lets other tasks run.
pub(crate) const MESSAGES_PER_TURN: usize = 32;

/// How long closing a carrier politely may take before it is simply dropped.
pub(crate) const CLOSE_LIMIT: Duration = Duration::from_secs(1);

/// How a [`RedialPacketConn`](crate::RedialPacketConn) behaves.
#[derive(Clone, Debug)]
pub struct RedialConfig {
    /// Packets that wait for the carrier. Default 128, about 175 KiB: a session must not fill a long queue below it,
    /// or its timers fire for packets that merely wait. Go's queue holds 512. When it is full, the session is told
    /// that there is no room; what it sends all the same is dropped.
    pub outgoing: usize,
    /// Packets that wait for the session. Default 512, as Go. When it is full the carrier is not read.
    pub incoming: usize,
    /// A carrier from which nothing came for so long is dead. Default 20 s, Go's `SnowflakeTimeout`: twice the
    /// interval of smux's keep-alive.
    pub silence: Duration,
    /// The pause after the first failed attempt, counted from its start; it doubles up to `retry_max`. Default 1 s.
    pub retry_min: Duration,
    /// The longest pause between attempts. Default 10 s, Go's `ReconnectTimeout`.
    pub retry_max: Duration,
}

impl Default for RedialConfig {
    fn default() -> Self {
        Self {
            outgoing: 128,
            incoming: 512,
            silence: Duration::from_secs(20),
            retry_min: Duration::from_secs(1),
            retry_max: Duration::from_secs(10),
        }
    }
}

/// How a [`QueuePacketConn`](crate::QueuePacketConn) behaves.
#[derive(Clone, Debug)]
pub struct QueueConfig {
    /// Packets that wait for a client's carrier. Default 128; see [`RedialConfig::outgoing`].
    pub outgoing: usize,
    /// Packets of one client that wait for its session. Default 512. When it is full, that client's carriers are
    /// not read; other clients do not notice (Go's server has one such queue for all clients).
    pub incoming: usize,
    /// Clients that wait to be accepted. Default 128, as kcp-go. When it is full, packets of further new clients are
    /// dropped; they will send them again.
    pub backlog: usize,
    /// Clients at one time. Default 262,144. When it is reached, carriers of new clients are refused.
    pub clients: usize,
    /// Carriers of one client at one time. Default 16: Snowflake's clients use a handful. One more displaces the
    /// oldest, which is the one most likely to be dead.
    pub carriers: usize,
    /// How long packets wait for a client that has no carrier before they are dropped. Default 60 s, as Go.
    pub expiry: Duration,
    /// A carrier from which nothing came for so long is closed. Default 90 s: a client in use says something every
    /// 10 s, and Go's server closes a WebSocket after 60 to 90 s without traffic.
    pub silence: Duration,
}

impl Default for QueueConfig {
    fn default() -> Self {
        Self {
            outgoing: 128,
            incoming: 512,
            backlog: 128,
            clients: 1 << 18,
            carriers: 16,
            expiry: Duration::from_secs(60),
            silence: Duration::from_secs(90),
        }
    }
}

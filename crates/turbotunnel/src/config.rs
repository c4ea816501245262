//! Every size and time of the packet conns, with its reason.

use crate::lanes::Limits;
use std::ops::RangeInclusive;
use std::time::Duration;

/// The longest packet that is taken from a carrier, in bytes.
///
/// Go's KCP sends at most 1400 bytes and takes 1500, so that is what a session may send to Go. Two ends of ours send longer
/// ones to each other over fast carriers, four to a [`MAX_MESSAGE`]. A packet that is longer still is dropped, as a path
/// drops what exceeds its MTU.
pub const MAX_PACKET: usize = 4096;

/// The most bytes of chunks that go out in one message of a carrier.
///
/// 16 KiB is the largest data channel message that every WebRTC implementation takes; on a WebSocket it is far under
/// any limit. Eleven packets of Go's size then cost one message instead of eleven.
pub const MAX_MESSAGE: usize = 16 * 1024;

/// Messages that a carrier sends before it lets other tasks run.
pub(crate) const MESSAGES_PER_TURN: usize = 32;

/// Batches that a carrier reads before it lets other tasks run.
pub(crate) const BATCHES_PER_TURN: usize = 4;

/// Packets that are read before they are handed to the session: one lock and one wake-up for all of them.
///
/// As many can wait in each carrier beside the session's queue when that is full.
pub(crate) const BATCH: usize = 32;

/// Messages that are read for one batch, so that a flood of messages without packets does not keep others waiting.
pub(crate) const MESSAGES_PER_BATCH: usize = 32;

/// How long closing a carrier politely may take before it is simply dropped.
pub(crate) const CLOSE_LIMIT: Duration = Duration::from_secs(1);

/// The pause after the first failed dial, counted from its start. It doubles with each further one.
pub(crate) const RETRY_MIN: Duration = Duration::from_secs(1);

/// The longest pause between dials: Go's `ReconnectTimeout`.
pub(crate) const RETRY_MAX: Duration = Duration::from_secs(10);

/// By how much a pause is made shorter or longer at random, so that many clients that failed together do not come back
/// together.
pub(crate) const RETRY_JITTER: f64 = 0.2;

/// Dials under way at one time: the two of a client with `-max 2`, and one that races them. One missing carrier may have
/// two racers, so that two silent proxies in a row do not stop it; with three missing there is no room for a race.
pub(crate) const DIALS: usize = 3;

/// How much longer than the last successful dial the newest may take before another is begun beside it.
pub(crate) const RACE_FACTOR: u32 = 3;

/// The shortest and the longest time before that. Less would race dials that are not slow; with more, a user waits for a
/// proxy that most likely is gone.
pub(crate) const RACE: RangeInclusive<Duration> =
    Duration::from_millis(500)..=Duration::from_secs(3);

/// The time before that when no dial has succeeded yet.
pub(crate) const RACE_FIRST: Duration = Duration::from_millis(1500);

/// Dials that may begin at any rate, as long as they are earned: the time in which one is, and how many can be saved.
///
/// Carriers that work for a moment each give no reason for a pause; this still bounds how often the broker is polled:
/// 460 times an hour, where Go's client polls every 10 s (`ReconnectTimeout`), 360 times. Sixty saved ones are enough for
/// twenty proxies in a row that freeze, each of which the broker may hand out twice before it notices.
pub(crate) const EARN_DIAL: Duration = Duration::from_secs(9);

/// See [`EARN_DIAL`].
pub(crate) const SAVED_DIALS: u32 = 60;

/// Packets that wait for one carrier: the default for every conn.
///
/// 256, at most 1 MiB: room for a burst of a fast carrier. The session must keep it short, or its timers fire for
/// packets that merely wait. Go's queue holds 512. When it is full, the session is told that there is no room; what it
/// sends all the same is dropped.
const OUTGOING: usize = 256;

/// Packets that wait for one session: the default for every conn.
///
/// 512, as Go, at most 2 MiB. When it is full, no carrier of that session is read.
const INCOMING: usize = 512;

/// Carriers of one client, at either end: 32, so that all of the sixteen that it may want can be silent, and not known to be
/// dead, while as many take their place.
///
/// At the client, nothing is dialed beyond them until one has ended. At the server, one more displaces the oldest of those
/// that have not proven themselves to the session, which is the one most likely to be dead or a stranger's. If all have, one
/// more is refused.
const CARRIERS: usize = 32;

/// How a [`RedialPacketConn`](crate::RedialPacketConn) behaves.
#[derive(Clone, Debug)]
pub struct RedialConfig {
    /// Packets that wait for the carrier. Default 256, at most 1 MiB. When it is full, the session is told that there
    /// is no room; what it sends all the same is dropped.
    pub outgoing: usize,
    /// Packets that wait for the session. Default 512, as Go, at most 2 MiB. When it is full the carrier is not read.
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
            outgoing: OUTGOING,
            incoming: INCOMING,
            silence: Duration::from_secs(20),
            retry_min: RETRY_MIN,
            retry_max: RETRY_MAX,
        }
    }
}

impl RedialConfig {
    pub(crate) fn limits(&self) -> Limits {
        Limits { outgoing: self.outgoing, incoming: self.incoming, carriers: 1 }
    }
}

/// How a [`MultiplexingPacketConn`](crate::MultiplexingPacketConn) behaves.
///
/// When it dials is not a matter of configuration: the broker must bear it from every client there is.
#[derive(Clone, Debug)]
pub struct MultiplexingConfig {
    /// Packets that wait for one carrier. Default 256; see [`RedialConfig::outgoing`].
    pub outgoing: usize,
    /// Packets that wait for the session. Default 512, at most 2 MiB. When it is full no carrier is read.
    pub incoming: usize,
    /// Carriers at one time, in any case. Default 32, as our server: twice what a client may want, for suspects keep their
    /// places while others take over. With so many, nothing is dialed until one has ended.
    pub carriers: usize,
    /// A carrier from which nothing came for so long is ended in any case. Default 60 s.
    ///
    /// The last resort: the session asks its carriers for signs of life, and closes much sooner those that give none.
    pub silence: Duration,
    /// Where the random part of the pauses between dials begins. Default `None`, the operating system's randomness; a
    /// simulation that is to be repeated names one.
    pub seed: Option<u32>,
}

impl Default for MultiplexingConfig {
    fn default() -> Self {
        Self {
            outgoing: OUTGOING,
            incoming: INCOMING,
            carriers: CARRIERS,
            silence: Duration::from_secs(60),
            seed: None,
        }
    }
}

impl MultiplexingConfig {
    pub(crate) fn limits(&self) -> Limits {
        Limits { outgoing: self.outgoing, incoming: self.incoming, carriers: self.carriers }
    }
}

/// How a [`QueuePacketConn`](crate::QueuePacketConn) behaves.
#[derive(Clone, Debug)]
pub struct QueueConfig {
    /// Packets that wait for one carrier. Default 256; see [`RedialConfig::outgoing`].
    pub outgoing: usize,
    /// Packets of one client that wait for its session. Default 512, at most 2 MiB. When it is full, that client's carriers are
    /// not read; other clients do not notice (Go's server has one such queue for all clients).
    pub incoming: usize,
    /// Clients that wait to be accepted. Default 128, as kcp-go. When it is full, packets of further new clients are
    /// dropped; they will send them again.
    pub backlog: usize,
    /// Clients at one time. Default 262,144. When it is reached, carriers of new clients are refused.
    pub clients: usize,
    /// Carriers of one client at one time. Default 32, twice what a client may want: all of them can be dead, and not
    /// known to be, while as many take their place. One more displaces the oldest of those that have not proven
    /// themselves to the session; if all have, one more is refused.
    ///
    /// Every proxy that a client has used knows its ClientID; that alone costs it no carrier that works. It knows the
    /// conversation, too, and with that a stranger can pass for a carrier and take one of the free places.
    pub carriers: usize,
    /// A carrier from which nothing came for so long is closed. Default 90 s: a client in use says something every
    /// 10 s, and Go's server closes a WebSocket after 60 to 90 s without traffic.
    pub silence: Duration,
}

impl Default for QueueConfig {
    fn default() -> Self {
        Self {
            outgoing: OUTGOING,
            incoming: INCOMING,
            backlog: 128,
            clients: 1 << 18,
            carriers: CARRIERS,
            silence: Duration::from_secs(90),
        }
    }
}

impl QueueConfig {
    pub(crate) fn limits(&self) -> Limits {
        Limits { outgoing: self.outgoing, incoming: self.incoming, carriers: self.carriers }
    }
}

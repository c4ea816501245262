//! What may be set per session, and the constants that may not.

use std::time::Duration;

/// Settings of one session; the defaults are what both ends of Snowflake use.
///
/// Nothing here is negotiated. `mtu` and `receive_window` become visible to the peer; the rest is our
/// own affair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Largest packet sent, in bytes, headers included. Default 1400, the default of kcp-go, and the
    /// length to which a Go server cuts longer packets. Values below 50 count as 50, as in kcp-go.
    pub mtu: u16,
    /// Most segments in flight. Default 65535, `WindowSize` in Go Snowflake and the largest number
    /// that the window field holds.
    pub send_window: u16,
    /// Most segments received in order and not yet read, and so the largest window advertised.
    /// Default 65535, `WindowSize` in Go Snowflake. See also [`Kcp::set_receive_window`].
    ///
    /// [`Kcp::set_receive_window`]: crate::Kcp::set_receive_window
    pub receive_window: u16,
    /// Most bytes written but not yet in flight. Default 256 KiB: what a path of 20 Mbit/s swallows
    /// in a tenth of a second. It only has to bridge the time until the driver comes round again;
    /// more would be latency for whatever is written last.
    ///
    /// When full, [`Kcp::write`](crate::Kcp::write) takes nothing until a packet has left.
    pub queue_limit: usize,
    /// Most bytes received and not yet read, in or out of order, each segment counted with 96 bytes
    /// for its book-keeping. Default 8 MiB, twice the session buffer of Snowflake's smux layer, whose
    /// own windows keep an honest peer below that.
    ///
    /// When full, segments ahead of the next one are dropped without acknowledgement (the peer will
    /// send them again), and with 8 MiB in order and unread the window is closed.
    pub receive_limit: usize,
    /// Shortest retransmission timeout. Default 100 ms, `IKCP_RTO_MIN` of kcp-go.
    ///
    /// Over carriers that lose nothing while they live, a longer one is better: what is late there only waits.
    pub shortest_timeout: Duration,
    /// Whether to tell the peer that this end controls how much it has under way, and so needs no narrow window, and that it
    /// takes packets of up to [`LONGEST_PACKET`]: the driver must pass on such. Default false. kcp-go does not notice.
    ///
    /// Where both ends say so, what little comes may be acknowledged by the `una` of data that goes the other way, up to
    /// 60 ms later than otherwise.
    pub paced: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            mtu: 1400,
            send_window: u16::MAX,
            receive_window: u16::MAX,
            queue_limit: 256 * 1024,
            receive_limit: 8 * 1024 * 1024,
            shortest_timeout: Duration::from_millis(RTO_MIN as u64),
            paced: false,
        }
    }
}

/// Longest packet to a peer that is paced too, in bytes; see [`Kcp::set_segment`](crate::Kcp::set_segment).
///
/// With the two bytes that frame it on a carrier, four of them make one data channel message of 16,240 bytes, which are
/// fourteen full SCTP packets. To any other peer a packet is never longer than [`Config::mtu`].
pub const LONGEST_PACKET: usize = 4058;

// Times are in milliseconds.

/// Smallest MTU that is taken literally (kcp-go: `SetMtu`).
pub(crate) const MTU_MIN: u16 = 50;

/// Longest an acknowledgement waits for company: 20 ms.
///
/// kcp-go waits for 10. Go's SCTP answers every other packet of acknowledgements in the direction of the data: at 10 ms
/// that takes 3 % of a path of 1 Mbit/s, and each wakes both ends. With 25 ms data would leave in bursts that make the queue
/// of a path a quarter longer.
pub(crate) const ACK_INTERVAL: u32 = 20;

/// Longest that acknowledgements of less than [`FEW_BYTES`] wait for data going the same way to say as much: 60 ms, two
/// long segments at 1 Mbit/s. Only for a paced peer, which does not take the wait for a loss.
pub(crate) const ACK_PATIENCE: u32 = 60;

/// How much data is little: less than half a packet, as keys that are pressed or a request now and then.
pub(crate) const FEW_BYTES: usize = 700;

/// How often one of them is sent all the same, to measure the round trip: half a second.
pub(crate) const ACK_EVERY: u32 = 500;

/// Longest that what was skipped waits for a flush, and the least that a timeout allows beyond the round trip (kcp-go: the
/// interval of 0 that Snowflake sets is raised to 10). Our own acknowledgements may take longer; the shortest timeout
/// is far above that.
pub(crate) const INTERVAL: u32 = 10;

/// By how much the last acknowledgement in a packet looks older than it is to a peer that does not know that carriers
/// lose nothing.
///
/// kcp-go sends everything in flight once more when an answer is some 30 ms later than usual: whenever a lost packet
/// below the carrier holds up what is behind it, or a queue grows. The copies fill the queue, and the next answers are
/// later still. It measures its round trip by the last acknowledgement in a packet; a clock value that is 300 ms old
/// makes that, and so its timeout, 300 ms longer: enough for what a lost packet holds up. What was skipped it sees by
/// all acknowledgements, so the others are as they are, and what a dead carrier took still comes at once.
pub(crate) const ACK_AGE: u32 = 300;

/// Shortest retransmission timeout (kcp-go: `IKCP_RTO_MIN`).
pub(crate) const RTO_MIN: u32 = 100;

/// Retransmission timeout before anything was measured (kcp-go: `IKCP_RTO_DEF`).
pub(crate) const RTO_INITIAL: u32 = 200;

/// Longest retransmission timeout (kcp-go: `IKCP_RTO_MAX`).
pub(crate) const RTO_MAX: u32 = 60_000;

/// What the peer's window is taken for until it says so, in segments (kcp-go: `IKCP_WND_RCV`).
pub(crate) const PEER_WINDOW_INITIAL: u16 = 32;

/// Wait before the first question to a closed window (kcp-go: `IKCP_PROBE_INIT`).
pub(crate) const QUESTION_FIRST: u64 = 7_000;

/// Longest wait between two such questions (kcp-go: `IKCP_PROBE_LIMIT`).
pub(crate) const QUESTION_LIMIT: u64 = 120_000;

/// Transmissions after which kcp-go calls a link dead (`IKCP_DEADLINK`); here it is only counted.
pub(crate) const MANY_TRANSMISSIONS: u32 = 20;

/// Segments ahead of the next expected one that are accepted at all.
///
/// The largest window that can ever have been advertised, not the current one: narrowing the window
/// must not cost what is already on its way.
pub(crate) const ACCEPTANCE: i32 = u16::MAX as i32;

/// Book-keeping counted per received segment, in bytes, so that empty ones are bounded too.
pub(crate) const SEGMENT_COST: usize = 96;

/// Most acknowledgements kept while the path takes no packets; the oldest is dropped, its segment
/// comes again.
pub(crate) const ACKS_LIMIT: usize = 4096;

/// Buffers larger than this are given back, in bytes, once little of them is used for [`KEEP_TIME`].
pub(crate) const KEEP_CAPACITY: usize = 256 * 1024;

/// How long a large buffer is kept of which less than a quarter is used, in milliseconds.
pub(crate) const KEEP_TIME: u64 = 1000;

/// A table of segments ahead of a gap that has room for more than this many is given back once empty; with fewer it is
/// smaller than most packets.
pub(crate) const KEEP_AHEAD: usize = 28;

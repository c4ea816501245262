//! Counters of one session.

/// What a session has sent, received and measured so far.
///
/// Losses, duplicates and the like are counted in segments.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Packets handed out by [`Kcp::poll_transmit`](crate::Kcp::poll_transmit).
    pub packets_sent: u64,
    /// Packets given to [`Kcp::handle_packet`](crate::Kcp::handle_packet), bad ones included.
    pub packets_received: u64,
    /// Packets that were refused in whole or in part.
    pub packets_bad: u64,
    /// Data segments sent for the first time.
    pub segments_sent: u64,
    /// Data segments sent again because something sent later had arrived.
    pub resent_skipped: u64,
    /// Data segments sent again because their timeout had passed.
    pub resent_timeout: u64,
    /// Data segments that were sent for the twentieth time: what kcp-go calls a dead link.
    pub stubborn: u64,
    /// Acknowledgements sent.
    pub acks_sent: u64,
    /// Acknowledgements received.
    pub acks_received: u64,
    /// Data segments received for the first time.
    pub segments_received: u64,
    /// Data segments received again.
    pub duplicates_received: u64,
    /// Data segments dropped unacknowledged, being too far ahead or beyond the byte limit.
    pub segments_refused: u64,
    /// Questions put to a closed window.
    pub questions_sent: u64,
    /// Smoothed round trip in milliseconds, `None` before the first measurement.
    pub srtt: Option<u32>,
    /// Current retransmission timeout in milliseconds.
    pub rto: u32,
    /// The window that the peer last advertised, in segments.
    pub peer_window: u16,
}

//! What can be wrong with a packet.

/// Why the rest of an incoming packet was thrown away.
///
/// Segments in front of the bad one have been processed, and the session goes on: a packet may have
/// been cut on its way, or belong to an earlier session. kcp-go returns -1, -1, -2 and -3 in the same
/// places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    /// The packet is shorter than one segment header.
    #[error("the peer's packet of {len} bytes is shorter than a segment header")]
    TooShort {
        /// Length of the packet, in bytes.
        len: usize,
    },
    /// A segment belongs to another conversation.
    #[error("the peer's segment belongs to conversation {found:#010x}, this is {expected:#010x}")]
    OtherConv {
        /// The conversation of this session.
        expected: u32,
        /// The conversation in the segment.
        found: u32,
    },
    /// A segment announces more data than the packet holds.
    #[error("the peer's segment announces {announced} bytes of data, the packet holds {left}")]
    Truncated {
        /// Bytes announced in the header.
        announced: u32,
        /// Bytes left in the packet.
        left: usize,
    },
    /// A segment's command is none of PUSH, ACK, WASK and WINS.
    #[error("the peer's segment has the unknown command {0}")]
    UnknownCommand(u8),
}

//! Packets into chunks.

use crate::TooLong;
use crate::prefix::{Kind, MAX_CHUNK, Prefix, size_of_prefix};
use bytes::BytesMut;

/// Appends `packet` as one chunk with the shortest prefix.
///
/// # Errors
///
/// [`TooLong`] above [`MAX_CHUNK`] bytes; nothing is appended then.
pub fn encode(packet: &[u8], out: &mut BytesMut) -> Result<(), TooLong> {
    if packet.len() > MAX_CHUNK {
        return Err(TooLong(packet.len()));
    }
    out.reserve(encoded_len(packet.len()));
    Prefix { kind: Kind::Data, len: packet.len() }.write(out);
    out.extend_from_slice(packet);
    Ok(())
}

/// How many bytes a packet of `len` bytes becomes.
pub fn encoded_len(len: usize) -> usize {
    size_of_prefix(len) + len
}

/// The longest packet whose chunk fits in `budget` bytes.
///
/// 0 when not even one byte fits. A budget one above a border of the prefix sizes cannot be filled exactly: 64 bytes
/// hold 62, because 63 is the last length with a prefix of one byte.
pub fn largest_packet(budget: usize) -> usize {
    // As Go's MaxDataForSize: the prefix is reckoned for the whole budget, so a border costs a byte.
    budget.saturating_sub(size_of_prefix(budget)).min(MAX_CHUNK - 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_over_the_limit_is_refused() {
        let mut out = BytesMut::new();
        assert_eq!(encode(&vec![0; MAX_CHUNK + 1], &mut out), Err(TooLong(MAX_CHUNK + 1)));
        assert!(out.is_empty());
        assert_eq!(encode(&vec![0; MAX_CHUNK], &mut out), Ok(()));
        assert_eq!(out.len(), encoded_len(MAX_CHUNK));
    }

    // Wire format vectors: the largest data for a budget.
    #[test]
    fn largest_packet_for_a_budget() {
        let table = [
            (1, 0),
            (2, 1),
            (63, 62),
            (64, 62),
            (65, 63),
            (66, 64),
            (1402, 1400),
            (2048, 2046),
            (8191, 8189),
            (8192, 8189),
            (8193, 8190),
            (8195, 8192),
            (1_048_576, 1_048_572),
            (9_999_999, 1_048_572),
        ];
        for (budget, packet) in table {
            assert_eq!(largest_packet(budget), packet, "{budget}");
            assert!(encoded_len(largest_packet(budget)) <= budget);
        }
        assert_eq!(largest_packet(0), 0);
    }
}

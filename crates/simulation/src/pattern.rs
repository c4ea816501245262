//! Bytes that show where they belong.

use snowflake_netsim::Rng;
use std::sync::LazyLock;

/// A prime, so that no packet, frame or window is a multiple of it.
const LEN: usize = 1_048_573;

/// The longest slice that can be had at once.
const LONGEST: usize = 16 * 1024;

/// Random bytes, the same for all; the first ones again at the end, so that every slice is one piece.
static BYTES: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut bytes = vec![0; LEN];
    Rng::new(0x736e_6f77).fill(&mut bytes);
    bytes.extend_from_within(..LONGEST);
    bytes
});

/// The bytes of one direction of one stream: a place in a long random sequence, and so unlike those of any other.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    at: usize,
}

impl Pattern {
    /// The bytes of this number.
    pub(crate) fn new(number: u64) -> Self {
        Self { at: Rng::new(number).below(LEN as u64) as usize }
    }

    /// The next bytes, at most `most` and at least one if `most` is not 0.
    pub(crate) fn peek(&self, most: usize) -> &'static [u8] {
        &BYTES[self.at..][..most.min(LONGEST)]
    }

    /// Goes on by `bytes`.
    pub(crate) fn advance(&mut self, bytes: usize) {
        self.at = (self.at + bytes) % LEN;
    }

    /// Whether `bytes` are what comes next; goes on behind them.
    pub(crate) fn matches(&mut self, mut bytes: &[u8]) -> bool {
        while !bytes.is_empty() {
            let expected = self.peek(bytes.len());
            if !bytes.starts_with(expected) {
                return false;
            }
            self.advance(expected.len());
            bytes = &bytes[expected.len()..];
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_itself_in_any_pieces_and_nothing_else() {
        let (mut writer, mut reader, mut other) =
            (Pattern::new(1), Pattern::new(1), Pattern::new(2));
        for step in 1..500 {
            let piece = writer.peek(step * 7);
            writer.advance(piece.len());
            assert!(reader.matches(piece));
            assert!(!other.clone().matches(piece));
            other.advance(piece.len());
        }
        assert!(!reader.matches(&writer.peek(100)[1..]), "a byte is missing");
    }
}

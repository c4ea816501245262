//! The bytes that are moved: pseudo-random, made and checked without holding them.
//!
//! Every byte depends on the seed and on its position, so a byte that is lost, doubled, swapped or of another stream is seen.

use thiserror::Error;

/// The odd constant of the splitmix64 generator: 2^64 divided by the golden ratio.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// Bytes made by one step of the generator.
const WORD: usize = 8;

/// One endless stream of bytes, named by its seed.
#[derive(Debug, Clone)]
pub struct Pattern {
    seed: u64,
    position: u64,
}

/// The first byte that was not the expected one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("byte {position} is {found:#04x} instead of {expected:#04x}")]
pub struct Mismatch {
    /// Position in the stream, counted from 0.
    pub position: u64,
    /// The byte that the pattern has there.
    pub expected: u8,
    /// The byte that arrived.
    pub found: u8,
}

impl Pattern {
    /// Starts at position 0 of the stream with this seed.
    pub fn new(seed: u64) -> Self {
        Self { seed, position: 0 }
    }

    /// Fills `out` with the next bytes of the stream.
    pub fn fill(&mut self, out: &mut [u8]) {
        let mut rest = out;
        while !rest.is_empty() {
            let (word, skip) = self.word();
            let n = rest.len().min(WORD - skip);
            rest[..n].copy_from_slice(&word[skip..skip + n]);
            self.position += n as u64;
            rest = &mut rest[n..];
        }
    }

    /// Compares `bytes` with the next bytes of the stream.
    ///
    /// # Errors
    /// [`Mismatch`] for the first byte that differs; the position then stays at the start of its word.
    pub fn check(&mut self, bytes: &[u8]) -> Result<(), Mismatch> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let (word, skip) = self.word();
            let n = rest.len().min(WORD - skip);
            if rest[..n] != word[skip..skip + n] {
                return Err(self.mismatch(&word[skip..], rest));
            }
            self.position += n as u64;
            rest = &rest[n..];
        }
        Ok(())
    }

    /// The generator's word at the position, and how many of its bytes were used already.
    fn word(&self) -> ([u8; WORD], usize) {
        let index = self.position / WORD as u64;
        let word = mix(self.seed.wrapping_add(index.wrapping_mul(GOLDEN))).to_le_bytes();
        (word, (self.position % WORD as u64) as usize)
    }

    fn mismatch(&self, expected: &[u8], found: &[u8]) -> Mismatch {
        let at = expected.iter().zip(found).position(|(a, b)| a != b).unwrap_or(0);
        Mismatch { position: self.position + at as u64, expected: expected[at], found: found[at] }
    }
}

/// The output function of splitmix64 (Steele, Lea, Flood 2014).
fn mix(state: u64) -> u64 {
    let z = state.wrapping_add(GOLDEN);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(seed: u64, n: usize) -> Vec<u8> {
        let mut out = vec![0; n];
        Pattern::new(seed).fill(&mut out);
        out
    }

    /// The published splitmix64 sequence for seed 1234567.
    #[test]
    fn is_splitmix64() {
        let words: Vec<u64> = take(1_234_567, 16)
            .chunks(8)
            .map(|c| u64::from_le_bytes(c.try_into().unwrap()))
            .collect();
        assert_eq!(words, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
    }

    #[test]
    fn any_cutting_gives_the_same_bytes() {
        let whole = take(7, 1000);
        for cut in [1, 3, 7, 8, 9, 64, 999] {
            let mut pattern = Pattern::new(7);
            let mut parts = Vec::new();
            while parts.len() < whole.len() {
                let mut part = vec![0; cut.min(whole.len() - parts.len())];
                pattern.fill(&mut part);
                parts.extend(part);
            }
            assert_eq!(parts, whole, "cut {cut}");
            let mut checker = Pattern::new(7);
            assert!(whole.chunks(cut).all(|part| checker.check(part).is_ok()), "cut {cut}");
        }
    }

    #[test]
    fn every_damage_is_found() {
        let whole = take(7, 64);
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x10;
            let found = Pattern::new(7).check(&damaged).unwrap_err();
            assert_eq!((found.position, found.found), (at as u64, damaged[at]));
        }
        assert!(Pattern::new(7).check(&whole[1..]).is_err(), "a lost byte");
        assert!(Pattern::new(8).check(&whole).is_err(), "another stream");
    }
}

//! The length prefix of one to three bytes.

use crate::DecodeError;
use bytes::{BufMut, BytesMut};

/// The most bytes that a chunk can hold: 20 bits of length.
pub const MAX_CHUNK: usize = (1 << 20) - 1;

const DATA: u8 = 0x80;
const MORE_IN_FIRST: u8 = 0x40;
const MORE: u8 = 0x80;

/// What follows a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A packet.
    Data,
    /// Bytes to skip.
    Padding,
}

/// A decoded prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Prefix {
    pub(crate) kind: Kind,
    /// Bytes that follow the prefix.
    pub(crate) len: usize,
}

impl Prefix {
    /// Reads bytes until the prefix is complete; `None` when they end before that.
    pub(crate) fn read(
        bytes: impl IntoIterator<Item = u8>,
    ) -> Result<Option<(Self, usize)>, DecodeError> {
        let mut bytes = bytes.into_iter();
        let Some(first) = bytes.next() else { return Ok(None) };
        let kind = if first & DATA != 0 { Kind::Data } else { Kind::Padding };
        let mut len = usize::from(first & 0x3f);
        let mut more = first & MORE_IN_FIRST != 0;
        let mut used = 1;
        while more {
            if used == 3 {
                return Err(DecodeError::PrefixTooLong);
            }
            let Some(byte) = bytes.next() else { return Ok(None) };
            len = len << 7 | usize::from(byte & 0x7f);
            more = byte & MORE != 0;
            used += 1;
        }
        Ok(Some((Self { kind, len }, used)))
    }

    /// Appends the shortest form; the length must be at most [`MAX_CHUNK`].
    pub(crate) fn write(self, out: &mut BytesMut) {
        let data = if self.kind == Kind::Data { DATA } else { 0 };
        let low = |shift: u32| (self.len >> shift) as u8 & 0x7f;
        match size_of_prefix(self.len) {
            1 => out.put_u8(data | self.len as u8),
            2 => out.put_slice(&[data | MORE_IN_FIRST | low(7), low(0)]),
            _ => out.put_slice(&[data | MORE_IN_FIRST | low(14), MORE | low(7), low(0)]),
        }
    }
}

/// How many bytes the shortest prefix for `len` has.
pub(crate) fn size_of_prefix(len: usize) -> usize {
    match len {
        0..=0x3f => 1,
        0x40..=0x1fff => 2,
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(kind: Kind, len: usize) -> String {
        let mut out = BytesMut::new();
        Prefix { kind, len }.write(&mut out);
        hex::encode(out)
    }

    // Wire format vectors: data prefixes.
    #[test]
    fn data_prefixes_are_the_shortest() {
        let table = [
            (0, "80"),
            (1, "81"),
            (24, "98"),
            (63, "bf"),
            (64, "c040"),
            (100, "c064"),
            (127, "c07f"),
            (128, "c100"),
            (1400, "ca78"),
            (2048, "d000"),
            (8191, "ff7f"),
            (8192, "c0c000"),
            (65535, "c3ff7f"),
            (1_048_575, "ffff7f"),
        ];
        for (len, hex) in table {
            assert_eq!(written(Kind::Data, len), hex, "{len}");
        }
    }

    #[test]
    fn every_prefix_reads_back() {
        for len in (0..9000).chain([65535, 65536, MAX_CHUNK]) {
            for kind in [Kind::Data, Kind::Padding] {
                let prefix = Prefix { kind, len };
                let mut out = BytesMut::new();
                prefix.write(&mut out);
                assert_eq!(Prefix::read(out.iter().copied()), Ok(Some((prefix, out.len()))));
                assert_eq!(Prefix::read(out[..out.len() - 1].iter().copied()), Ok(None));
            }
        }
    }
}

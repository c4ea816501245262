//! Padding of exactly n bytes.

use crate::prefix::{Kind, Prefix, size_of_prefix};
use bytes::{BufMut, BytesMut};

/// Total size of the largest padding chunk that [`pad`] writes, as Go's writer.
const PIECE: usize = 1024;

/// Appends chunks of padding, zeros, of exactly `n` bytes together with their prefixes.
///
/// Readers skip them anywhere between packets.
pub fn pad(mut n: usize, out: &mut BytesMut) {
    out.reserve(n);
    while n > 0 {
        let piece = n.min(PIECE);
        let (len, prefix) = content_of(piece);
        prefix(len, out);
        out.put_bytes(0, len);
        n -= piece;
    }
}

/// The content of a padding chunk of `total` bytes, and how to write its prefix.
///
/// 65 bytes cannot be filled with the shortest prefix: 63 bytes of content would make 64, 64 would make 66. There the
/// prefix of two bytes is used although one would do, which readers accept.
fn content_of(total: usize) -> (usize, fn(usize, &mut BytesMut)) {
    let shortest = |len, out: &mut BytesMut| Prefix { kind: Kind::Padding, len }.write(out);
    let two_bytes = |len: usize, out: &mut BytesMut| {
        out.put_slice(&[0x40 | (len >> 7) as u8, len as u8 & 0x7f])
    };
    match total {
        65 => (63, two_bytes),
        _ => (total - size_of_prefix(total - 1), shortest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Prefixes of the chunks in `bytes` and the length of each content, all zeros.
    fn chunks(mut bytes: &[u8]) -> Vec<(String, usize)> {
        let mut found = Vec::new();
        while let Some((prefix, used)) = Prefix::read(bytes.iter().copied()).unwrap() {
            assert_eq!(prefix.kind, Kind::Padding);
            assert!(bytes[used..used + prefix.len].iter().all(|b| *b == 0));
            found.push((hex::encode(&bytes[..used]), prefix.len));
            bytes = &bytes[used + prefix.len..];
        }
        found
    }

    // Wire format vectors: the padding writer.
    #[test]
    fn padding_has_the_pieces_of_the_reference() {
        let table: [(usize, &[(&str, usize)]); 10] = [
            (0, &[]),
            (1, &[("00", 0)]),
            (2, &[("01", 1)]),
            (64, &[("3f", 63)]),
            (65, &[("403f", 63)]),
            (66, &[("4040", 64)]),
            (1024, &[("477e", 1022)]),
            (1025, &[("477e", 1022), ("00", 0)]),
            (1900, &[("477e", 1022), ("466a", 874)]),
            (2099, &[("477e", 1022), ("477e", 1022), ("32", 50)]),
        ];
        for (n, expected) in table {
            let mut out = BytesMut::new();
            pad(n, &mut out);
            assert_eq!(out.len(), n);
            let expected: Vec<_> = expected.iter().map(|(p, l)| (p.to_string(), *l)).collect();
            assert_eq!(chunks(&out), expected, "{n}");
        }
    }

    #[test]
    fn padding_is_exact_for_every_size() {
        for n in 0..5000 {
            let mut out = BytesMut::new();
            pad(n, &mut out);
            assert_eq!(out.len(), n);
            chunks(&out);
        }
    }
}

use std::io::{self, Write};

use crate::scrub;

/// The longest line, in bytes, that is written whole: 16 KiB, several times a session description.
pub const MAX_LINE: usize = 16 * 1024;

/// What stands at the end of a line that was longer than [`MAX_LINE`].
const CUT: &[u8] = b" [line cut]\n";

/// Passes finished lines on to `W` with everything that may give a user away replaced.
///
/// An address may come in pieces, so nothing is written before its line is complete; `flush` leaves
/// an unfinished line where it is, dropping the writer writes it. Each line is one `write` of the
/// inner writer. At most [`MAX_LINE`] bytes are held: of a longer line the beginning is written, up
/// to the last space, and the rest is dropped.
///
/// An error of the inner writer costs the line that met it.
#[derive(Debug)]
pub struct ScrubbingWriter<W: Write> {
    inner: W,
    line: Vec<u8>,
    scrubbed: Vec<u8>,
    /// The line was too long: what follows, up to its end, is dropped.
    skipping: bool,
}

impl<W: Write> ScrubbingWriter<W> {
    /// A writer in front of `inner`.
    pub const fn new(inner: W) -> Self {
        Self { inner, line: Vec::new(), scrubbed: Vec::new(), skipping: false }
    }

    /// The writer behind this one.
    pub const fn get_ref(&self) -> &W {
        &self.inner
    }

    /// Takes bytes of one line, the last of which may be its end.
    fn push(&mut self, piece: &[u8]) -> io::Result<()> {
        let ends = piece.ends_with(b"\n");
        if self.skipping {
            self.skipping = !ends;
            return Ok(());
        }
        if self.line.len() + piece.len() > MAX_LINE {
            self.skipping = !ends;
            self.line.extend_from_slice(&piece[..MAX_LINE - self.line.len()]);
            return self.write_cut_line();
        }
        self.line.extend_from_slice(piece);
        if ends { self.write_line() } else { Ok(()) }
    }

    /// Writes the beginning of a line that is too long, without the word that the limit cut in two.
    fn write_cut_line(&mut self) -> io::Result<()> {
        let whole = self.line.iter().rposition(|&byte| byte == b' ').unwrap_or(0);
        self.line.truncate(whole);
        self.line.extend_from_slice(CUT);
        self.write_line()
    }

    fn write_line(&mut self) -> io::Result<()> {
        self.scrubbed.clear();
        scrub(&self.line, &mut self.scrubbed);
        self.line.clear();
        self.inner.write_all(&self.scrubbed)
    }
}

impl<W: Write> Write for ScrubbingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            self.push(piece)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<W: Write> Drop for ScrubbingWriter<W> {
    fn drop(&mut self) {
        if !self.line.is_empty() {
            // Nobody is left to tell.
            let _ = self.write_line();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(pieces: &[&[u8]]) -> String {
        let mut inner = Vec::new();
        let mut writer = ScrubbingWriter::new(&mut inner);
        for piece in pieces {
            writer.write_all(piece).unwrap();
        }
        drop(writer);
        String::from_utf8(inner).unwrap()
    }

    #[test]
    fn an_address_in_pieces_is_one_address() {
        assert_eq!(written(&[b"to 192.", b"0.2", b".7:1\n"]), "to [scrubbed]\n");
    }

    #[test]
    fn a_line_is_held_until_it_ends() {
        let mut writer = ScrubbingWriter::new(Vec::new());
        writer.write_all(b"one\nfrom 192.0").unwrap();
        writer.flush().unwrap();
        assert_eq!(writer.get_ref(), b"one\n");
        writer.write_all(b".2.7\n").unwrap();
        assert_eq!(writer.get_ref(), b"one\nfrom [scrubbed]\n");
    }

    #[test]
    fn dropping_the_writer_writes_the_unfinished_line() {
        assert_eq!(written(&[b"from 192.0.2.7"]), "from [scrubbed]");
    }

    #[test]
    fn a_long_line_is_cut_at_a_space_and_the_next_is_whole() {
        let mut line = b"x".repeat(MAX_LINE - 7);
        line.extend_from_slice(b" 192.0.2.7 and more\nnext 192.0.2.7\n");
        let text = written(&[&line]);
        let (first, second) = text.split_once('\n').unwrap();
        assert!(first.ends_with("xx [line cut]"), "{}", &first[MAX_LINE - 20..]);
        assert_eq!(second, "next [scrubbed]\n");
    }

    #[test]
    fn a_long_word_is_dropped_whole() {
        assert_eq!(written(&[&b"1".repeat(MAX_LINE + 1), b"\n"]), " [line cut]\n");
    }

    #[test]
    fn an_error_of_the_inner_writer_is_reported_and_costs_one_line() {
        struct Full(bool, Vec<u8>);
        impl Write for Full {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                if std::mem::take(&mut self.0) {
                    return Err(io::ErrorKind::StorageFull.into());
                }
                self.1.write(bytes)
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut writer = ScrubbingWriter::new(Full(true, Vec::new()));
        let error = writer.write_all(b"lost\n").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        writer.write_all(b"kept\n").unwrap();
        assert_eq!(writer.get_ref().1, b"kept\n");
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(
            bytes in prop::collection::vec(prop_oneof![any::<u8>(), Just(b'\n'), Just(b':')], 0..400),
            size in 1usize..50,
        ) {
            let whole = {
                let mut inner = Vec::new();
                ScrubbingWriter::new(&mut inner).write_all(&bytes).unwrap();
                inner
            };
            let mut inner = Vec::new();
            let mut writer = ScrubbingWriter::new(&mut inner);
            for piece in bytes.chunks(size) {
                writer.write_all(piece).unwrap();
            }
            drop(writer);
            prop_assert_eq!(inner, whole);
        }
    }
}

//! How bulk bytes and echoes share one stream: frames of a kind, a length and that many bytes.
//!
//! | kind | name | bytes |
//! |---|---|---|
//! | 0 | bulk | the next bytes of the [`Pattern`](crate::pattern::Pattern) |
//! | 1 | ask | 8 of the asker's choice |
//! | 2 | answer | those of the ask |

use thiserror::Error;

/// Bytes before the frame's own: the kind, and the length in two bytes, the high one first.
pub(crate) const HEADER: usize = 3;
/// Bytes of an ask and of an answer.
const MARK: usize = 8;

const BULK: u8 = 0;
const ASK: u8 = 1;
const ANSWER: u8 = 2;

/// What came out of the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// Some of the bulk, maybe only a part of its frame.
    Bulk(&'a [u8]),
    /// Send this back.
    Ask(u64),
    /// This was sent back.
    Answer(u64),
}

/// The stream is not what the other end wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a frame of kind {kind} and {length} bytes has no place in the stream")]
pub(crate) struct FrameError {
    kind: u8,
    length: u16,
}

/// The header of a frame of bulk.
pub(crate) fn bulk_header(length: u16) -> [u8; HEADER] {
    header(BULK, length)
}

/// A whole frame that asks.
pub(crate) fn ask(mark: u64) -> [u8; HEADER + MARK] {
    marked(ASK, mark)
}

/// A whole frame that answers.
pub(crate) fn answer(mark: u64) -> [u8; HEADER + MARK] {
    marked(ANSWER, mark)
}

fn header(kind: u8, length: u16) -> [u8; HEADER] {
    let [high, low] = length.to_be_bytes();
    [kind, high, low]
}

fn marked(kind: u8, mark: u64) -> [u8; HEADER + MARK] {
    let mut frame = [0; HEADER + MARK];
    frame[..HEADER].copy_from_slice(&header(kind, MARK as u16));
    frame[HEADER..].copy_from_slice(&mark.to_be_bytes());
    frame
}

/// Cuts a stream, however it arrives, into pieces. Holds at most one header and one mark.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    held: [u8; HEADER + MARK],
    count: usize,
    /// Bytes of bulk that are still to come.
    bulk: usize,
}

impl Decoder {
    /// Takes bytes off the front of `input` until there is a piece or nothing is left.
    pub(crate) fn take<'a>(
        &mut self,
        input: &mut &'a [u8],
    ) -> Result<Option<Piece<'a>>, FrameError> {
        while !input.is_empty() {
            if self.bulk > 0 {
                let (piece, rest) = input.split_at(self.bulk.min(input.len()));
                *input = rest;
                self.bulk -= piece.len();
                return Ok(Some(Piece::Bulk(piece)));
            }
            let (byte, rest) = (input[0], &input[1..]);
            *input = rest;
            self.held[self.count] = byte;
            self.count += 1;
            if let Some(piece) = self.whole()? {
                return Ok(Some(piece));
            }
        }
        Ok(None)
    }

    /// Looks at what is held, and lets it go when it is complete.
    fn whole(&mut self) -> Result<Option<Piece<'static>>, FrameError> {
        if self.count < HEADER {
            return Ok(None);
        }
        let (kind, length) = (self.held[0], u16::from_be_bytes([self.held[1], self.held[2]]));
        match (kind, usize::from(length)) {
            (BULK, length) => {
                (self.bulk, self.count) = (length, 0);
                Ok(None)
            }
            (ASK | ANSWER, MARK) if self.count < HEADER + MARK => Ok(None),
            (ASK | ANSWER, MARK) => {
                self.count = 0;
                let bytes = &self.held[HEADER..];
                let mark = bytes.iter().fold(0, |mark, byte| mark << 8 | u64::from(*byte));
                Ok(Some(if kind == ASK { Piece::Ask(mark) } else { Piece::Answer(mark) }))
            }
            _ => Err(FrameError { kind, length }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_cutting_gives_the_same_pieces() {
        let bulk: Vec<u8> = (0..=255).collect();
        let mark = 0x0102_0304_0506_0708;
        let stream =
            [&ask(mark)[..], &bulk_header(256), &bulk, &answer(mark), &bulk_header(0), &ask(7)];
        let stream = stream.concat();
        for cut in 1..=stream.len() {
            let (mut decoder, mut got, mut marks) =
                (Decoder::default(), Vec::<u8>::new(), Vec::new());
            for mut part in stream.chunks(cut) {
                while let Some(piece) = decoder.take(&mut part).unwrap() {
                    match piece {
                        Piece::Bulk(bytes) => got.extend(bytes),
                        other => marks.push((got.len(), other)),
                    }
                }
            }
            assert_eq!(got, bulk, "cut {cut}");
            let expected =
                [(0, Piece::Ask(mark)), (256, Piece::Answer(mark)), (256, Piece::Ask(7))];
            assert_eq!(marks, expected, "cut {cut}");
        }
    }

    #[test]
    fn what_no_end_writes_is_refused() {
        for bad in [[3, 0, 0], [ASK, 0, 7], [ANSWER, 1, 8]] {
            assert!(Decoder::default().take(&mut &bad[..]).is_err(), "{bad:?}");
        }
    }
}

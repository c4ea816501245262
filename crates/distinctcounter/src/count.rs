//! Counting over the chunks of a file.

use std::io::{BufRead, Read};

use snowflake_distinct::{Chunk, MAX_LINE, Sketch};
use time::OffsetDateTime;

use crate::error::CountError;

/// From when until when.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// Chunks that begin before are left out.
    pub from: OffsetDateTime,
    /// Chunks that end after are left out.
    pub to: OffsetDateTime,
}

/// What is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Different addresses.
    pub sum: u64,
    /// Chunks that lie in the span, as a whole.
    pub chunks: u64,
}

/// Counts over those chunks of a file that lie in the span as a whole.
///
/// # Errors
///
/// The file cannot be read, or one of its lines is not a chunk.
pub fn count(mut input: impl BufRead, span: Span) -> Result<Counted, CountError> {
    let (mut all, mut chunks, mut text) = (Sketch::new(), 0, Vec::new());
    for line in 1.. {
        text.clear();
        let read = input.by_ref().take(MAX_LINE as u64 + 1).read_until(b'\n', &mut text)?;
        if read == 0 {
            break;
        }
        if read > MAX_LINE {
            return Err(CountError::LongLine { line });
        }
        let text = str::from_utf8(&text).map_err(|_| CountError::NoText { line })?;
        let chunk = Chunk::from_line(text).map_err(|error| CountError::BadChunk { line, error })?;
        if chunk.start >= span.from && chunk.end <= span.to {
            all.merge(&chunk.sketch);
            chunks += 1;
        }
    }
    Ok(Counted { sum: all.count(), chunks })
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::Duration;

    fn at(hours: i64) -> OffsetDateTime {
        OffsetDateTime::UNIX_EPOCH + Duration::hours(hours)
    }

    /// Three chunks of an hour with a hundred addresses each, of which each chunk shares half with the next.
    fn file() -> String {
        let chunk = |hour: i64| {
            let mut sketch = Sketch::new();
            let first = hour as u64 * 50;
            (first..first + 100)
                .for_each(|n| sketch.add((n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)));
            Chunk { start: at(hour), end: at(hour + 1), sketch }.to_line().unwrap()
        };
        (0..3).map(chunk).collect()
    }

    fn counted(from: i64, to: i64) -> Counted {
        count(file().as_bytes(), Span { from: at(from), to: at(to) }).unwrap()
    }

    #[test]
    fn who_is_in_several_chunks_counts_once() {
        assert_eq!(counted(0, 3), Counted { sum: 200, chunks: 3 });
        assert_eq!(counted(1, 3), Counted { sum: 150, chunks: 2 });
        assert_eq!(counted(-9, 1), Counted { sum: 100, chunks: 1 });
        assert_eq!(counted(3, 9), Counted { sum: 0, chunks: 0 });
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let span = Span { from: at(0), to: at(9) };
        let error = |file: &[u8]| count(file, span).unwrap_err().to_string();
        assert!(error((file() + "\n").as_bytes()).starts_with("line 4: not a chunk: EOF"));
        assert_eq!(error(&[b'['; MAX_LINE + 1]), "line 1 has more than 1048576 bytes");
        assert_eq!(error(b"\xff\n"), "line 1 is not UTF-8");
    }
}

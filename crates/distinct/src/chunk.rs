//! A sketch with its time, as a line of a file.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::{ChunkError, Sketch};

/// The longest line of a file, in bytes: 1 MiB. The longest that is ever written has some 370 KiB.
///
/// Go's `distinctcounter` takes 64 KiB, and silently leaves out a longer line and all that follow.
pub const MAX_LINE: usize = 1 << 20;

/// Whom somebody saw from one moment to another: a line of a file, Go's `SinkEntry`.
#[derive(Clone, Debug)]
pub struct Chunk {
    /// From when on.
    pub start: OffsetDateTime,
    /// Until when.
    pub end: OffsetDateTime,
    /// Whom.
    pub sketch: Sketch,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    recording_start: String,
    recording_end: String,
    recorded: String,
}

impl Chunk {
    /// Reads a line, with or without its end.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn from_line(line: &str) -> Result<Self, ChunkError> {
        let Line { recording_start, recording_end, recorded } = serde_json::from_str(line)?;
        Ok(Self {
            start: OffsetDateTime::parse(&recording_start, &Rfc3339)?,
            end: OffsetDateTime::parse(&recording_end, &Rfc3339)?,
            sketch: Sketch::decode(&STANDARD.decode(recorded)?)?,
        })
    }

    /// Writes it as a line, with its end.
    ///
    /// # Errors
    /// When a date has a year that RFC 3339 cannot say.
    pub fn to_line(&self) -> Result<String, ChunkError> {
        let line = Line {
            recording_start: self.start.format(&Rfc3339)?,
            recording_end: self.end.format(&Rfc3339)?,
            recorded: STANDARD.encode(self.sketch.encode()),
        };
        Ok(serde_json::to_string(&line)? + "\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line that a Go broker wrote about one address, from the tests of a public fork of Go Snowflake.
    const LINE: &str = concat!(
        r#"{"recordingStart":"2026-09-06T15:38:44Z","recordingEnd":"2026-09-06T15:39:48Z","#,
        r#""recorded":"AwoAAAYGAP0EAAADBgASAwIAARJ/BAEBA3NldAH/gAABBgECAAAK/4AAAfwC2iSOAQMGAAADCgAAAwYAAA=="}"#,
        "\n"
    );

    #[test]
    fn a_line_of_gos_is_read_and_written_as_it_was() {
        let chunk = Chunk::from_line(LINE).unwrap();
        assert_eq!(chunk.sketch.count(), 1);
        assert_eq!((chunk.end - chunk.start).whole_seconds(), 64);
        assert_eq!(chunk.to_line().unwrap(), LINE);
    }

    #[test]
    fn dates_may_have_offsets_and_fractions() {
        let line = LINE.replace("15:38:44Z", "16:38:44.25+01:00");
        let chunk = Chunk::from_line(&line).unwrap();
        assert_eq!((chunk.end - chunk.start).as_seconds_f64(), 63.75);
        assert_eq!(chunk.to_line().unwrap(), line);
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (from, to, error) in [
            ("recordingEnd", "end", "not a chunk: missing field `recordingEnd`"),
            ("09-06T15:38", "09-31T15:38", "a chunk's date is not of RFC 3339: "),
            ("AwoA", "Aw!A", "what a chunk has recorded is not Base64: "),
            ("AwoAAAYG", "AwoAAAYC", "the sketch has a value of another type"),
        ] {
            let said = Chunk::from_line(&LINE.replace(from, to)).unwrap_err().to_string();
            assert!(said.starts_with(error), "{said}");
        }
    }

    #[test]
    fn the_longest_line_is_within_the_limit() {
        let mut sketch = Sketch::new();
        (0..500_000_u64).for_each(|n| sketch.add(n.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        let epoch = OffsetDateTime::UNIX_EPOCH;
        let line = Chunk { start: epoch, end: epoch, sketch }.to_line().unwrap();
        assert!(line.len() < MAX_LINE, "{} bytes", line.len());
    }
}

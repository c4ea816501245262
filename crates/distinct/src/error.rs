//! Why bytes are no sketch, and a line is no chunk.

use thiserror::Error;

/// Why bytes are not a [`Sketch`](crate::Sketch).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SketchError {
    /// They end in the middle.
    #[error("the sketch is cut short")]
    CutShort,
    /// A value of another type than comes at this place.
    #[error("the sketch has a value of another type than Go's counter writes")]
    WrongType,
    /// A number that is too large for its place.
    #[error("the sketch has a number that is too large")]
    TooLarge,
    /// Not 2^18 registers.
    #[error("the sketch is of another precision than 18")]
    Precision,
    /// The parts contradict each other.
    #[error("the sketch contradicts itself")]
    Contradiction,
}

/// Why a line is not a [`Chunk`](crate::Chunk).
#[derive(Debug, Error)]
pub enum ChunkError {
    /// Not JSON, or not with these keys.
    #[error("not a chunk: {0}")]
    Json(#[from] serde_json::Error),
    /// A date that is none.
    #[error("a chunk's date is not of RFC 3339: {0}")]
    Date(#[from] time::error::Parse),
    /// A date outside of the years 0 to 9999.
    #[error("a chunk's date cannot be written: {0}")]
    Year(#[from] time::error::Format),
    /// What is recorded is not Base64.
    #[error("what a chunk has recorded is not Base64: {0}")]
    Base64(#[from] base64::DecodeError),
    /// What is recorded is no sketch.
    #[error(transparent)]
    Sketch(#[from] SketchError),
}

//! Why a file cannot be counted.

use std::io;

use snowflake_distinct::{ChunkError, MAX_LINE};
use thiserror::Error;

/// Why a file cannot be counted.
#[derive(Debug, Error)]
pub(crate) enum CountError {
    /// It cannot be read, or the result not be written.
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("line {line}: {error}")]
    BadChunk { line: u64, error: ChunkError },
    #[error("line {line} has more than {MAX_LINE} bytes")]
    LongLine { line: u64 },
    #[error("line {line} is not UTF-8")]
    NoText { line: u64 },
}

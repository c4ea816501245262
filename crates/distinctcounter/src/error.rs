//! Why a file cannot be counted.

use std::io;

use snowflake_distinct::{ChunkError, MAX_LINE};
use thiserror::Error;

/// Why a file cannot be counted.
#[derive(Debug, Error)]
pub enum CountError {
    /// It cannot be read, or the result not be written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A line is not a chunk.
    #[error("line {line}: {error}")]
    BadChunk {
        /// Which, from 1 on.
        line: u64,
        /// What is wrong with it.
        error: ChunkError,
    },
    /// A line is longer than any chunk.
    #[error("line {line} has more than {MAX_LINE} bytes")]
    LongLine {
        /// Which, from 1 on.
        line: u64,
    },
    /// A line is no text.
    #[error("line {line} is not UTF-8")]
    NoText {
        /// Which, from 1 on.
        line: u64,
    },
}

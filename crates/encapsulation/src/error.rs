//! What can be wrong with a chunk.

use thiserror::Error;

/// Why the bytes of a carrier are no chunks; the carrier cannot go on after either.
///
/// Both are the sender's fault. That a chunk is not complete yet is no error: the decoder waits for more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// A third prefix byte announced a fourth.
    #[error("the sender's length prefix is longer than three bytes")]
    PrefixTooLong,
    /// The carrier ended inside a prefix or a chunk.
    #[error("the carrier ended inside a chunk")]
    Truncated,
}

/// A packet longer than [`MAX_CHUNK`](crate::MAX_CHUNK) was given to the encoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a packet of {0} bytes does not fit in a chunk")]
pub struct TooLong(pub usize);

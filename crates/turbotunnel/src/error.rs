//! Why a carrier ended, why it never began, and that a packet conn is closed.

use snowflake_encapsulation::DecodeError;
use std::io;
use std::time::Duration;
use thiserror::Error;

/// Why a carrier is no longer used. Never the end of a session.
#[derive(Debug, Error)]
pub enum CarrierEnd {
    /// The peer closed it.
    #[error("the peer closed the carrier")]
    ClosedByPeer,
    /// Reading or writing failed.
    #[error("the carrier failed: {0}")]
    Failed(#[source] io::Error),
    /// Nothing came from it for so long. In Go's words.
    #[error("no messages received, closing stale connection")]
    Silent(Duration),
    /// The peer's bytes are no chunks.
    #[error("the peer sent what is no chunk: {0}")]
    Misframed(#[source] DecodeError),
    /// The client has as many carriers as it may have, newer ones or such as have proven themselves.
    #[error("displaced by other carriers of the same client")]
    Displaced,
    /// The session closed it, because it is of no use to it.
    #[error("the session has given the carrier up")]
    GivenUp,
    /// There are as many clients as the configuration allows.
    #[error("refused: too many clients")]
    TooManyClients,
    /// Our own side closed the packet conn.
    #[error("the packet conn was closed")]
    ConnClosed,
}

/// Why a new carrier was not taken.
#[derive(Debug, Error)]
pub enum PreambleError {
    /// The first eight bytes are another token: another protocol, or none.
    #[error("the client's token is not that of Turbo Tunnel")]
    WrongToken,
    /// The carrier ended before the preamble was complete. Normal for a spare of a Go client that was never used.
    #[error("the carrier ended before its preamble")]
    Ended,
    /// The preamble was not complete in time.
    #[error("no preamble within {0:?}")]
    Timeout(Duration),
    /// Reading failed.
    #[error("the carrier failed before its preamble: {0}")]
    Failed(#[source] io::Error),
}

/// The packet conn was closed by its other half; nothing more will come or go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the packet conn is closed")]
pub struct Closed;

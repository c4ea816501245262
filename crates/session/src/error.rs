//! Why a session ended, and why a stream could not be opened.

use snowflake_smux::SessionError;
use std::io;
use thiserror::Error;

/// Why a session is over. Losing a carrier is never among the reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SessionEnd {
    /// All handles were dropped, and what they wrote was delivered or had its time.
    #[error("the session was closed")]
    Closed,
    /// The peer broke smux's protocol or was silent for too long.
    #[error(transparent)]
    Smux(#[from] SessionError),
    /// The packet conn was closed under it.
    #[error("the packet conn under the session was closed")]
    ConnClosed,
    /// The peer began another session under the same ClientId.
    #[error("the peer began a new session in place of this one")]
    Replaced,
}

impl SessionEnd {
    /// The error that readers and writers of its streams get.
    pub(crate) fn to_io(self) -> io::Error {
        let kind = match self {
            Self::Smux(SessionError::PeerSilent(_)) => io::ErrorKind::TimedOut,
            Self::Smux(SessionError::PeerMisbehaved(_)) => io::ErrorKind::InvalidData,
            Self::Closed | Self::ConnClosed | Self::Replaced => io::ErrorKind::ConnectionReset,
        };
        io::Error::new(kind, self)
    }
}

/// Why a stream could not be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum OpenError {
    /// There are too many, or their ids are used up.
    #[error(transparent)]
    Smux(#[from] snowflake_smux::OpenError),
    /// The session is over.
    #[error("cannot open a stream: {0}")]
    SessionOver(SessionEnd),
}

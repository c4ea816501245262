//! What can go wrong, and who did it.

use std::time::Duration;

use thiserror::Error;

use crate::frame::{Command, StreamId};

/// What a peer did that the protocol forbids.
///
/// All but [`ConsumedMoreThanSent`](Misbehaviour::ConsumedMoreThanSent) end the session, because
/// nothing that follows in the byte stream can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Misbehaviour {
    /// A frame of another version than 2.
    #[error("sent a frame of version {0}, not 2")]
    Version(u8),
    /// A command that version 2 does not have.
    #[error("sent the unknown command {0}")]
    Command(u8),
    /// A length that the command cannot have: SYN, FIN and NOP have 0, UPD has 8.
    #[error("sent a {command:?} frame of length {length}")]
    Length {
        /// The command of the frame.
        command: Command,
        /// The length it gave.
        length: u16,
    },
    /// A SYN for an id that is not the peer's to open: of our parity, or 0.
    #[error("opened stream {0}, which is not its to open")]
    NotItsStream(StreamId),
    /// More data than our windows allowed: 262144 bytes at first, then what each UPD said.
    #[error("sent more on stream {0} than its window allows")]
    WindowExceeded(StreamId),
    /// An UPD which says that more was read than was sent. It ends writing on this stream only.
    #[error("claims to have read more of stream {0} than was sent")]
    ConsumedMoreThanSent(StreamId),
}

/// Why a session is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SessionError {
    /// The peer broke the protocol.
    #[error("smux session ended: the peer {0}")]
    PeerMisbehaved(Misbehaviour),
    /// Nothing came from the peer for the keep-alive timeout.
    #[error("smux session ended: nothing came from the peer for {0:?}")]
    PeerSilent(Duration),
}

/// Why a stream could not be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum OpenError {
    /// As many streams exist as the settings allow; closing one makes room.
    #[error("cannot open a stream: {0} streams exist already")]
    TooManyStreams(usize),
    /// Every id of ours was used (2^31 streams); only a new session helps.
    #[error("cannot open a stream: all stream ids are used up")]
    IdsUsedUp,
    /// The session is over.
    #[error("cannot open a stream: {0}")]
    SessionOver(SessionError),
}

/// Why a stream could not be read, written or finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum StreamError {
    /// No such stream: it was never opened, was closed, or ended both ways.
    #[error("there is no stream {0}")]
    Unknown(StreamId),
    /// It was written to after `finish`.
    #[error("stream {0} was finished and takes no more data")]
    Finished(StreamId),
    /// The peer broke the protocol in a way that ends only this direction of this stream.
    #[error("cannot write: the peer {0}")]
    PeerMisbehaved(Misbehaviour),
    /// The session is over.
    #[error(transparent)]
    SessionOver(SessionError),
}

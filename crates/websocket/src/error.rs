//! Why a dial, a handshake or a carrier failed.

use std::{io, time::Duration};

use thiserror::Error;
use tokio_tungstenite::tungstenite::{self, error::ProtocolError};

use crate::limits::{PING_AFTER, PONG_LIMIT};

/// Why a WebSocket could not be opened.
#[derive(Debug, Error)]
pub enum DialError {
    /// The URL's scheme is neither `ws` nor `wss`.
    #[error("the URL's scheme must be ws or wss")]
    Scheme,
    /// The URL names no host.
    #[error("the URL names no host")]
    NoHost,
    /// The URL holds a user name or a password, which WebSocket URLs must not.
    #[error("the URL holds a user name or password")]
    Credentials,
    /// The host name could not be looked up.
    #[error("looking up the host name")]
    Resolve(#[source] io::Error),
    /// None of the host's addresses took the connection; the error is that of the last one.
    #[error("connecting")]
    Connect(#[source] io::Error),
    /// The TLS handshake failed.
    #[error("TLS handshake")]
    Tls(#[source] io::Error),
    /// The peer answered the upgrade with another status than 101.
    #[error("the peer refused the WebSocket with HTTP status {0}")]
    Refused(u16),
    /// The peer broke off, or does not speak RFC 6455.
    #[error("WebSocket handshake")]
    Handshake(#[source] io::Error),
    /// The whole dial took too long.
    #[error("no WebSocket within {0:?}")]
    TimedOut(Duration),
}

/// Why an incoming connection did not become a WebSocket.
#[derive(Debug, Error)]
pub enum AcceptError {
    /// The request was not a WebSocket upgrade; it was answered with this status.
    #[error("the peer sent no WebSocket request and was answered with HTTP status {0}")]
    NotWebSocket(u16),
    /// The peer closed the connection before a whole request had arrived.
    #[error("the peer left before its request was complete")]
    Left,
    /// Reading the request or writing the response failed.
    #[error("HTTP with the peer")]
    Http(#[source] hyper::Error),
    /// Request and response were not over within [`limits::ACCEPT`](crate::limits::ACCEPT).
    #[error("the peer sent no complete request within {0:?}")]
    TimedOut(Duration),
}

/// The peer closed the WebSocket with a status code that means failure.
///
/// It arrives as the source of an [`io::Error`] of kind `ConnectionAborted`. Code 1000 and a Close frame without a code
/// (1005) are no error: the stream just ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the peer closed the WebSocket with code {code}")]
pub struct PeerClosed {
    /// The status code of RFC 6455, section 7.4.
    pub code: u16,
}

/// The peer said nothing for [`PING_AFTER`], and nothing for [`PONG_LIMIT`] after it was asked.
///
/// It arrives as the source of an [`io::Error`] of kind `TimedOut`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "the peer is silent: nothing came for {:?}, nor within {:?} after a Ping",
    PING_AFTER,
    PONG_LIMIT
)]
pub struct PeerSilent;

impl From<PeerSilent> for io::Error {
    fn from(silent: PeerSilent) -> Self {
        Self::new(io::ErrorKind::TimedOut, silent)
    }
}

/// The library's errors in the words of [`io`]: the peer left, the peer cut the line, the peer broke the rules.
pub(crate) fn to_io(error: tungstenite::Error) -> io::Error {
    use tungstenite::Error as E;
    match error {
        E::Io(error) => error,
        E::ConnectionClosed | E::AlreadyClosed | E::Protocol(ProtocolError::SendAfterClosing) => {
            io::Error::new(io::ErrorKind::BrokenPipe, "the WebSocket is closed")
        }
        E::Protocol(ProtocolError::ResetWithoutClosingHandshake) => io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "the peer cut the connection without a Close frame",
        ),
        error => io::Error::new(io::ErrorKind::InvalidData, error),
    }
}

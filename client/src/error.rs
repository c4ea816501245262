//! Why an attempt to reach a proxy failed, and why there is no connection.

use snowflake_messages::{ClientResponseError, DescriptionError};
use snowflake_rendezvous::{ExchangeError, RendezvousError};
use snowflake_session::OpenError;
use snowflake_webrtc::SetupError;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;

/// Why there is no connection.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DialError {
    /// No proxy was found in time. Another dial may do better.
    #[error("no proxy within {limit:?}")]
    NoProxy {
        /// [`ClientConfig::dial_limit`](crate::ClientConfig::dial_limit).
        limit: Duration,
        /// What the last attempt failed of; nothing if the first was still under way.
        #[source]
        last: Option<Arc<AttemptError>>,
    },
    /// The session takes no stream, which a new one always does.
    #[error("opening a session")]
    Open(#[source] OpenError),
}

/// Who was asked for a proxy, in words for an error: the broker itself, or what stands before it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Asked {
    /// The broker, or a front before it.
    Broker,
    /// An AMP cache.
    AmpCache,
    /// An Amazon SQS queue.
    Queue,
    /// A rendezvous that is not one of ours, by its name.
    Own(String),
}

impl Asked {
    pub(crate) fn by(name: &str) -> Self {
        match name {
            "http" => Self::Broker,
            "ampcache" => Self::AmpCache,
            "sqs" => Self::Queue,
            own => Self::Own(own.to_owned()),
        }
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broker => f.write_str("the broker"),
            Self::AmpCache => f.write_str("the AMP cache"),
            Self::Queue => f.write_str("the queue"),
            Self::Own(name) => write!(f, "the rendezvous by {name}"),
        }
    }
}

/// Why a proxy could not be reached. Another attempt may do better, and is made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AttemptError {
    /// The offer could not be made.
    #[error("making an offer")]
    Offer(#[source] SetupError),
    /// There is no way to any broker.
    #[error("no rendezvous method")]
    NoMethod,
    /// There is no response of the broker.
    #[error("asking {0}")]
    Rendezvous(Asked, #[source] RendezvousError),
    /// The response is not in the format.
    #[error("reading {0}'s response")]
    Response(Asked, #[source] ClientResponseError),
    /// The broker has no proxy for us, or did not like the request; in its own words.
    #[error("{0}")]
    Refused(String),
    /// What the proxy answered is no session description.
    #[error("reading the proxy's answer")]
    Answer(#[source] DescriptionError),
    /// What the proxy answered is a session description of another kind.
    #[error("what the proxy sent is no answer")]
    NotAnAnswer,
    /// The data channel did not open.
    #[error("opening a data channel")]
    Open(#[source] SetupError),
}

impl AttemptError {
    /// What the Go client says of the same, where it has a text of its own.
    pub(crate) fn in_gos_words(&self) -> Option<&'static str> {
        match self {
            Self::Rendezvous(_, RendezvousError::Exchange(ExchangeError::Status(_))) => {
                Some("Unexpected error, no answer.")
            }
            Self::Response(_, ClientResponseError::Empty) => Some("received empty broker response"),
            Self::Open(SetupError::Timeout(_)) => Some("timeout waiting for DataChannel.OnOpen"),
            _ => None,
        }
    }
}

/// An error with all its causes in one line: `asking the broker: connecting: connection refused`.
pub(crate) struct Chain<'a>(pub(crate) &'a dyn Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_errors_have_the_words_of_go() {
        for (error, words) in [
            (
                AttemptError::Rendezvous(Asked::Broker, ExchangeError::Status(503).into()),
                "Unexpected error, no answer.",
            ),
            (
                AttemptError::Response(Asked::AmpCache, ClientResponseError::Empty),
                "received empty broker response",
            ),
            (
                AttemptError::Open(SetupError::Timeout(Duration::from_secs(10))),
                "timeout waiting for DataChannel.OnOpen",
            ),
        ] {
            assert_eq!(error.in_gos_words(), Some(words));
        }
        assert_eq!(AttemptError::Open(SetupError::Failed).in_gos_words(), None);
        let of_the_queue =
            AttemptError::Rendezvous(Asked::by("sqs"), ExchangeError::Status(503).into());
        assert_eq!(
            Chain(&of_the_queue).to_string(),
            "asking the queue: the peer answered with HTTP status 503"
        );
        assert_eq!(
            AttemptError::Refused("in the broker's own words".to_owned()).in_gos_words(),
            None
        );
    }
}

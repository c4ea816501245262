//! What is wrong with a bridge line, and why an attempt to reach a proxy failed.

use snowflake_amp::CacheUrlError;
use snowflake_messages::{ClientResponseError, DescriptionError};
use snowflake_rendezvous::{ConfigError, RendezvousError};
use snowflake_sqs::{CredentialsError, EndpointError, RegionError};
use snowflake_webrtc::{IceServerError, SetupError};
use std::error::Error;
use std::fmt;
use thiserror::Error;

/// Why a connection was refused: its flags and SOCKS arguments make no sense together.
///
/// It ends that one connection, never the program.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// Neither the flag nor the bridge line says where the broker is.
    #[error("no broker: set url= in the bridge line, or -url")]
    NoBroker,
    /// The broker's URL is no URL.
    #[error("url is not a URL: {0}")]
    Url(#[source] url::ParseError),
    /// The broker cannot be reached that way.
    #[error("url or fronts: {0}")]
    Broker(#[source] ConfigError),
    /// The certificate authorities cannot be used.
    #[error("setting up TLS: {0}")]
    Tls(#[source] snowflake_rendezvous::tls::Error),
    /// An ICE server is not in the notation.
    #[error("ice: {0}")]
    Ice(#[source] IceServerError),
    /// The number of proxies is no number.
    #[error("max is not a whole number")]
    Max,
    /// The bridge's fingerprint is not 20 or 32 bytes in hexadecimal.
    #[error("fingerprint: {0}")]
    Fingerprint(#[source] snowflake_messages::FingerprintError),
    /// The queue's URL is no URL.
    #[error("sqsqueue is not a URL: {0}")]
    QueueUrl(#[source] url::ParseError),
    /// The queue is nowhere.
    #[error("sqsqueue: {0}")]
    QueueRegion(#[source] RegionError),
    /// There is nothing to sign with.
    #[error("no key for the queue: set sqscreds= in the bridge line, or -sqscreds")]
    NoQueueKey,
    /// There is nothing to sign with that is a key.
    #[error("sqscreds: {0}")]
    QueueKey(#[source] CredentialsError),
    /// The environment's address of the queue service is none.
    #[error("{0}")]
    QueueService(#[source] EndpointError),
    /// The AMP cache's URL is no URL.
    #[error("ampcache is not a URL: {0}")]
    AmpCacheUrl(#[source] url::ParseError),
    /// The AMP cache and the broker cannot be used together.
    #[error("ampcache: {0}")]
    AmpCache(#[source] CacheUrlError),
    /// Keys of two methods have no number that tells them apart.
    #[error(
        "sqsqueue beside url or ampcache: give the keys of the second method a number (url2=...)"
    )]
    TwoMethods,
    /// The keys with this number make no sense together.
    #[error("with number {0}: {1}")]
    Further(u8, #[source] Box<SettingsError>),
}

/// Why a proxy could not be reached. Another attempt may do better.
#[derive(Debug, Error)]
pub enum AttemptError {
    /// The offer could not be made.
    #[error("making an offer")]
    Offer(#[source] SetupError),
    /// There is no way to any broker.
    #[error("no rendezvous method")]
    NoMethod,
    /// The broker could not be asked.
    #[error("asking the broker")]
    Rendezvous(#[source] RendezvousError),
    /// The broker's response is not in the format.
    #[error("reading the broker's response")]
    Response(#[source] ClientResponseError),
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
    /// The data channel died before its preamble was out.
    #[error("using a data channel")]
    Preamble(#[source] std::io::Error),
}

impl AttemptError {
    /// What the Go client says of the same, where it has a text of its own.
    pub(crate) fn in_gos_words(&self) -> Option<&'static str> {
        match self {
            Self::Rendezvous(error) if error.status().is_some() => {
                Some("Unexpected error, no answer.")
            }
            Self::Response(ClientResponseError::Empty) => Some("received empty broker response"),
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
    use snowflake_rendezvous::ExchangeError;
    use std::time::Duration;

    #[test]
    fn who_failed_is_named() {
        let chain = |error: &dyn Error| Chain(error).to_string();
        let status = || ExchangeError::Status(404);
        assert_eq!(
            chain(&AttemptError::Rendezvous(status().into())),
            "asking the broker: the peer answered with HTTP status 404"
        );
        assert_eq!(
            chain(&AttemptError::Rendezvous(RendezvousError::Cache(status()))),
            "asking the broker: asking the AMP cache: the peer answered with HTTP status 404"
        );
    }

    #[test]
    fn some_errors_have_the_words_of_go() {
        for (error, words) in [
            (
                AttemptError::Rendezvous(ExchangeError::Status(503).into()),
                "Unexpected error, no answer.",
            ),
            (
                AttemptError::Rendezvous(RendezvousError::Cache(ExchangeError::Status(404))),
                "Unexpected error, no answer.",
            ),
            (AttemptError::Response(ClientResponseError::Empty), "received empty broker response"),
            (
                AttemptError::Open(SetupError::Timeout(Duration::from_secs(10))),
                "timeout waiting for DataChannel.OnOpen",
            ),
        ] {
            assert_eq!(error.in_gos_words(), Some(words));
        }
        assert_eq!(AttemptError::Open(SetupError::Failed).in_gos_words(), None);
        assert_eq!(
            AttemptError::Refused("in the broker's own words".to_owned()).in_gos_words(),
            None
        );
    }
}

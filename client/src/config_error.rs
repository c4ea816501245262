//! What is wrong with settings, a bridge line's or a program's.

use snowflake_amp::CacheUrlError;
use snowflake_messages::FingerprintError;
use snowflake_rendezvous::tls;
use snowflake_sqs::{CredentialsError, EndpointProblem, RegionError};
use snowflake_webrtc::IceServerError;
use std::time::Duration;
use thiserror::Error;

/// Settings that make no sense: which, its value, and what is wrong with it.
///
/// In the program it ends one connection of tor, never the program itself.
#[derive(Debug, Error)]
#[error("{field}={value:?}: {reason}")]
pub struct ConfigError {
    /// The key of a bridge line, which is also the name of the flag if there is one; a field of
    /// [`ClientConfig`](crate::ClientConfig); or a variable of the environment.
    pub field: String,
    /// What stands there, empty if nothing does. A secret is `...`.
    pub value: String,
    /// What is wrong with it.
    pub reason: Reason,
}

/// What is wrong with a setting.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Reason {
    /// Nothing says where the broker is.
    #[error("no broker: there has to be its URL, an AMP cache beside it, or a queue")]
    NoBroker,
    /// Keys of two methods have no number that tells them apart.
    #[error("beside url or ampcache: give the keys of the second method a number (url2=...)")]
    TwoMethods,
    /// It is no URL.
    #[error("not a URL: {0}")]
    Url(#[from] url::ParseError),
    /// Nothing can be reached that way.
    #[error(transparent)]
    Exchange(#[from] snowflake_rendezvous::ConfigError),
    /// The certificate authorities cannot be used.
    #[error("setting up TLS: {0}")]
    Tls(#[from] tls::Error),
    /// The AMP cache and the broker cannot be used together.
    #[error(transparent)]
    AmpCache(#[from] CacheUrlError),
    /// The queue is nowhere.
    #[error(transparent)]
    Region(#[from] RegionError),
    /// The address of the queue service is none.
    #[error(transparent)]
    QueueService(#[from] EndpointProblem),
    /// There is nothing to sign with.
    #[error("the queue needs a key, as snowflake-sqscreds writes it")]
    NoQueueKey,
    /// There is nothing to sign with that is a key.
    #[error(transparent)]
    QueueKey(#[from] CredentialsError),
    /// An ICE server is not in the notation.
    #[error(transparent)]
    Ice(#[from] IceServerError),
    /// Not 20 or 32 bytes in hexadecimal.
    #[error(transparent)]
    Fingerprint(#[from] FingerprintError),
    /// No number.
    #[error("not a whole number")]
    NotANumber,
    /// A number that is too small or too large.
    #[error("not from {0} to {1}")]
    OutOfRange(usize, usize),
    /// A time that is too short.
    #[error("shorter than {0:?}")]
    TooShort(Duration),
}

impl ConfigError {
    pub(crate) fn new(field: &str, value: &str, reason: impl Into<Reason>) -> Self {
        Self { field: field.to_owned(), value: value.to_owned(), reason: reason.into() }
    }

    /// What makes an error of a reason.
    pub(crate) fn of<R: Into<Reason>>(field: &str, value: &str) -> impl FnOnce(R) -> Self {
        move |reason| Self::new(field, value, reason)
    }

    /// The same of the keys that have this number.
    pub(crate) fn with_number(self, number: u8) -> Self {
        Self { field: format!("{}{number}", self.field), ..self }
    }
}

//! What was wrong with the configuration, and which step of an exchange failed.

use std::{error::Error, fmt, io, time::Duration};

use snowflake_amp::ArmorError;
use thiserror::Error;

/// Why an [`Exchange`](crate::Exchange) cannot be set up.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// The URL is neither `http` nor `https`.
    #[error("the URL must be http or https")]
    Scheme,
    /// The URL names no host.
    #[error("the URL names no host")]
    NoHost,
    /// A front is not a host name with an optional port.
    #[error("front {0:?} is not a host name")]
    Front(String),
}

/// Why an exchange failed. None of them says anything about later ones.
///
/// The peer is whoever the exchange's URL names: a broker, an AMP cache, a queue service, a probe server. Whoever asked
/// knows which, and says so.
#[derive(Debug, Error)]
pub enum ExchangeError {
    /// The path does not resolve against the exchange's URL.
    #[error("resolving the path against the URL")]
    Path(#[source] url::ParseError),
    /// The operating system gave no random number to choose a front with.
    #[error("choosing a front")]
    Random(#[source] getrandom::Error),
    /// The host name (the front's, if there is one) could not be looked up.
    #[error("looking up the host name")]
    Resolve(#[source] io::Error),
    /// None of the host's addresses took the connection; the error is that of the last one.
    #[error("connecting")]
    Connect(#[source] io::Error),
    /// The user's proxy cannot be reached, or does not connect us.
    #[error("connecting through the upstream proxy")]
    Upstream(#[source] io::Error),
    /// The TLS handshake failed, for example by a certificate that is not trusted.
    #[error("TLS handshake")]
    Tls(#[source] io::Error),
    /// The request could not be put into HTTP's form.
    #[error("building the request")]
    Request(#[source] hyper::http::Error),
    /// The peer broke off, or does not speak HTTP.
    #[error("HTTP exchange")]
    Http(#[source] hyper::Error),
    /// The peer answered with another status than 200; redirects are not followed.
    #[error("the peer answered with HTTP status {0}")]
    Status(u16),
    /// The peer would have us go elsewhere, be it with status 200: AMP caches redirect so what they do not serve.
    #[error("the peer answered with a redirect")]
    Redirect,
    /// The response is longer than it may be, in most cases
    /// [`limits::RESPONSE_BODY`](crate::limits::RESPONSE_BODY).
    #[error("the peer's response is longer than {0} bytes")]
    BodyTooLong(usize),
    /// One step took too long.
    #[error("{0}: not done within {1:?}")]
    TimedOut(Step, Duration),
}

/// Why a [`Rendezvous`](crate::Rendezvous) brought no response. It says nothing about later polls.
#[derive(Debug, Error)]
pub enum RendezvousError {
    /// The HTTP exchange failed. With whom, whoever asked knows.
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
    /// The operating system gave no random numbers to make a request with that no cache has seen.
    #[error("making a request that is new to every cache")]
    Random(#[source] getrandom::Error),
    /// What came through an AMP cache is not what a broker sends.
    #[error("reading the AMP cache's page")]
    Armor(#[source] ArmorError),
    /// A method that is defined elsewhere failed in its own way. The text should be free of addresses: users read it.
    #[error(transparent)]
    Method(Box<dyn Error + Send + Sync>),
}

/// The steps of an exchange that have a time limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Name lookup and TCP, or the way through the user's proxy.
    Connect,
    /// TLS.
    Tls,
    /// From the request's first byte to the end of the response's headers.
    Headers,
    /// The response's body.
    Body,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "connecting",
            Self::Tls => "TLS handshake",
            Self::Headers => "waiting for response headers",
            Self::Body => "reading the response",
        })
    }
}

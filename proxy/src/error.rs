//! What went wrong: with the flags, before the first poll, with the broker, with a client.

use std::{io, time::Duration};

use snowflake_messages::{DescriptionError, PatternError, ProxyAnswerError, ProxyResponseError};
use snowflake_rendezvous::{EnvironmentError, ExchangeError};
use snowflake_webrtc::IceServerError;
use snowflake_websocket::DialError;
use thiserror::Error;

use crate::{metrics::MetricsAddress, relay_url::RelayUrlError, timers::MIN_OWN_POLL_INTERVAL};

/// Flags that make no sense.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// One flag's value is of no use.
    #[error("invalid value {value:?} for flag -{flag}: {reason}")]
    BadValue {
        /// The flag, without its dash.
        flag: &'static str,
        /// The value as given; of a list, the element that is wrong.
        value: String,
        /// What is wrong with it.
        reason: Reason,
    },
    /// The environment names a proxy that cannot be used.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
}

/// What is wrong with a flag's value.
#[derive(Debug, Error)]
pub enum Reason {
    /// It is no URL.
    #[error("not a URL: {0}")]
    Url(#[from] url::ParseError),
    /// It is a URL of another kind.
    #[error("not a URL with {} and a host", .0.join(" or "))]
    Scheme(&'static [&'static str]),
    /// It is no ICE server.
    #[error(transparent)]
    Stun(#[from] IceServerError),
    /// The broker would be asked too often.
    #[error("it must be at least {}s", MIN_OWN_POLL_INTERVAL.as_secs())]
    PollInterval,
    /// The pattern lacks its `$`.
    #[error(transparent)]
    RelayPattern(#[from] PatternError),
    /// It is no range of ports.
    #[error("not MIN:MAX with 1 <= MIN <= MAX <= 65535")]
    Ports,
    /// It is no address.
    #[error("not an IP address")]
    Address,
    /// It names the one address to tell, and another flag has all told.
    #[error("beside -keep-local-addresses: give one of them")]
    AllAddresses,
}

/// Why a proxy cannot begin.
#[derive(Debug, Error)]
pub enum SetupError {
    /// No TLS configuration could be made.
    #[error("setting up TLS")]
    Tls(#[source] snowflake_rendezvous::tls::Error),
    /// The broker's URL cannot be used.
    #[error("the broker's URL")]
    Broker(#[source] snowflake_rendezvous::ConfigError),
    /// The NAT probe server's URL cannot be used.
    #[error("the NAT probe server's URL")]
    ProbeServer(#[source] snowflake_rendezvous::ConfigError),
    /// Nobody can listen at the address for Prometheus.
    #[error("-metrics-address {:?} with -metrics-port {}: {source}", address.host, address.port)]
    Metrics {
        /// The address.
        address: MetricsAddress,
        /// What the system says.
        source: io::Error,
    },
}

/// Why a poll or an answer failed.
#[derive(Debug, Error)]
pub(crate) enum BrokerError {
    #[error("no random bytes for a session id")]
    Random(#[source] getrandom::Error),
    #[error("asking the broker")]
    Exchange(#[source] ExchangeError),
    #[error("the broker's response cannot be used")]
    Response(#[source] ProxyResponseError),
}

/// Why a client was not served.
#[derive(Debug, Error)]
pub(crate) enum ServeError {
    #[error("the broker named a relay that is not allowed")]
    RelayUrl(#[source] RelayUrlError),
    #[error("the client's offer cannot be read")]
    Offer(#[source] DescriptionError),
    #[error("what the client sent is no offer")]
    NotAnOffer,
    #[error("answering the client's offer")]
    Answer(#[source] snowflake_webrtc::SetupError),
    #[error("handing the answer to the broker")]
    Broker(#[source] BrokerError),
    #[error("the client no longer waits")]
    ClientGone,
    #[error("waiting for the client's data channel")]
    DataChannel(#[source] snowflake_webrtc::SetupError),
    #[error("the client left while we connected to the relay")]
    ClientLeft,
    #[error("connecting to the relay")]
    Relay(#[source] RelayError),
}

/// Why there is no WebSocket to a relay.
#[derive(Debug, Error)]
pub(crate) enum RelayError {
    #[error(transparent)]
    Upstream(ExchangeError),
    #[error(transparent)]
    Dial(#[from] DialError),
    #[error("no way through the upstream proxy within {0:?}")]
    TimedOut(Duration),
}

/// Why the NAT could not be checked. That the probe server cannot reach us is no error but a result.
#[derive(Debug, Error)]
pub(crate) enum ProbeError {
    #[error("making an offer")]
    Offer(#[source] snowflake_webrtc::SetupError),
    #[error("asking the probe server")]
    Exchange(#[source] ExchangeError),
    #[error("the probe server's response cannot be used")]
    Response(#[source] ProxyAnswerError),
    #[error("the probe server's answer cannot be read")]
    Answer(#[source] DescriptionError),
    #[error("connecting to the probe server")]
    Connection(#[source] snowflake_webrtc::SetupError),
    #[error("the check took too long")]
    TimedOut,
}

/// An error with its causes on one line, for the log.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line.push_str(": ");
        line.push_str(&error.to_string());
        cause = error.source();
    }
    line
}

//! Why a configuration is refused, before anything starts.

use std::io;

use snowflake_addresses::NetworkError;
use snowflake_geoip::GeoIpError;
use snowflake_sqs::EndpointError;
use snowflake_tls_server::{AcmeError, FileError, TlsChoiceError};

use crate::{BridgeListError, SqsSetupError};

/// Why the broker cannot start with these flags.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// One flag's value is of no use.
    #[error("invalid value {value:?} for flag -{flag}: {reason}")]
    BadValue {
        /// The flag, without its dash.
        flag: &'static str,
        /// The value as given.
        value: String,
        /// What is wrong with it.
        reason: Reason,
    },
    /// Not one choice between TLS and plain HTTP.
    #[error(transparent)]
    Tls(#[from] TlsChoiceError),
    /// The environment's address of the queue service is none.
    #[error(transparent)]
    QueueService(#[from] EndpointError),
}

/// What is wrong with a flag's value.
#[derive(Debug, thiserror::Error)]
pub enum Reason {
    /// The file or address cannot be used.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// No geoip file.
    #[error("{0}; without statistics by country: -disable-geoip")]
    GeoIp(#[from] GeoIpError),
    /// Nobody could be served.
    #[error(
        "every proxy with a pattern of its own would be refused; give the end of your relays' host names, \
         for the public bridges snowflake.torproject.net$"
    )]
    NoRelays,
    /// Something would be done all the time.
    #[error("it must be longer than nothing")]
    NoTime,
    /// Not a bridge list.
    #[error(transparent)]
    Bridges(#[from] BridgeListError),
    /// Not the address of a load balancer.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// Not poll intervals.
    #[error(transparent)]
    Intervals(#[from] serde_json::Error),
    /// Not a certificate or key, or they do not belong together.
    #[error(transparent)]
    Tls(#[from] FileError),
    /// No certificates can be had for these names, or kept in this directory.
    #[error(transparent)]
    Acme(#[from] AcmeError),
    /// A queue has a name and a region.
    #[error("-broker-sqs-name and -broker-sqs-region are needed both")]
    HalfOfQueue,
    /// Polls cannot be taken from a queue like that.
    #[error(transparent)]
    Sqs(#[from] SqsSetupError),
}

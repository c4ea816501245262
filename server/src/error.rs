//! Why a server could not be started.

use std::{
    io::{self, ErrorKind},
    net::SocketAddr,
    path::Path,
};

use snowflake_pt::error::ServerOptionError;
use snowflake_tls_server::{AcmeError, FileError, TlsChoiceError};
use thiserror::Error;
use tokio::sync::Semaphore;

/// Why there is no server at one of the addresses that tor wants; `Display` is the text of `SMETHOD-ERROR`.
#[derive(Debug, Error)]
pub enum MethodError {
    /// Another transport than Snowflake.
    #[error("no such method")]
    UnknownTransport,
    /// Not one choice about TLS among the flags.
    #[error(transparent)]
    Tls(#[from] TlsChoiceError),
    /// tor does not say where certificates could be kept.
    #[error("TOR_PT_STATE_LOCATION is not set, so there is no place for certificates")]
    NoStateDirectory,
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
    /// Certificates cannot be kept in tor's directory, or the authority not be asked.
    #[error(transparent)]
    Acme(AcmeError),
    /// Proxies have to know the port in advance.
    #[error("cannot listen on port 0; name a port in ServerTransportListenAddr")]
    PortZero,
    /// `ServerTransportOptions` of the torrc are wrong.
    #[error("ServerTransportOptions: {0}")]
    Options(#[from] ServerOptionError),
    /// The settings could serve nobody.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The port cannot be had.
    #[error(transparent)]
    Listen(#[from] ListenError),
}

/// Why settings are no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// With nothing of this there would be nothing at all.
    #[error("the limit `{limit}` is 0: nobody could be served")]
    Zero {
        /// The field of [`Limits`](crate::Limits).
        limit: &'static str,
    },
    /// More than can be counted.
    #[error("the limit `{limit}` is more than {}", Semaphore::MAX_PERMITS)]
    TooMany {
        /// The field of [`Limits`](crate::Limits).
        limit: &'static str,
    },
}

/// Why there is nobody who listens.
#[derive(Debug, Error)]
#[error("cannot listen on {address}: {}", advice(.source))]
pub struct ListenError {
    /// Where that was tried.
    pub address: SocketAddr,
    /// What the system says.
    pub source: io::Error,
}

/// What is wrong with a flag's value.
#[derive(Debug, Error)]
pub enum Reason {
    /// Not a certificate or key, or they do not belong together.
    #[error(transparent)]
    Files(FileError),
    /// There can be no certificate for this name.
    #[error(transparent)]
    Name(AcmeError),
}

impl MethodError {
    /// Names the flag to which the file belongs that is of no use.
    pub(crate) fn files(cert: &Path, key: &Path, error: FileError) -> Self {
        let (flag, path) = if error.is_about(key) { ("key", key) } else { ("cert", cert) };
        Self::BadValue { flag, value: path.display().to_string(), reason: Reason::Files(error) }
    }

    /// Names the name for which there can be no certificate, if it is that.
    pub(crate) fn acme(error: AcmeError) -> Self {
        match &error {
            AcmeError::Name(name) => {
                let value = name.clone();
                Self::BadValue { flag: "acme-hostnames", value, reason: Reason::Name(error) }
            }
            _ => Self::Acme(error),
        }
    }
}

/// What the system says, in words that help.
fn advice(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::AddrInUse => "another program listens there already".to_owned(),
        ErrorKind::AddrNotAvailable => "this machine does not have that address".to_owned(),
        ErrorKind::PermissionDenied => {
            "no permission; ports below 1024 need the capability cap_net_bind_service".to_owned()
        }
        _ => error.to_string(),
    }
}

//! Why a transport could not be started.

use std::{
    io::{self, ErrorKind},
    net::SocketAddr,
};

use snowflake_pt::error::ServerOptionError;
use snowflake_tls_server::{AcmeError, FileError, TlsChoiceError};
use thiserror::Error;

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
    /// The certificate or key of `-cert` and `-key` is of no use.
    #[error("-cert and -key: {0}")]
    Files(#[from] FileError),
    /// No certificates can be had for these names, or kept.
    #[error("-acme-hostnames: {0}")]
    Acme(#[from] AcmeError),
    /// Proxies have to know the port in advance.
    #[error("cannot listen on port 0; name a port in ServerTransportListenAddr")]
    PortZero,
    /// `ServerTransportOptions` of the torrc are wrong.
    #[error("ServerTransportOptions: {0}")]
    Options(#[from] ServerOptionError),
    /// The port cannot be had.
    #[error("cannot listen on {address}: {}", advice(.source))]
    Bind {
        /// Where tor wants us to listen.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
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

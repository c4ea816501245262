//! Why a configuration is refused, before anything starts.

use std::io;

use snowflake_pt::error::ProxyError;
use snowflake_tls_server::{AcmeError, FileError, TlsChoiceError};
use snowflake_webrtc::IceServerError;

/// Why the program cannot start with these flags.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// One flag's value is of no use.
    #[error("invalid value {value:?} for flag -{flag}: {reason}")]
    BadValue {
        /// The flag, without its dash.
        flag: &'static str,
        /// The value as given, but for a name and password in it.
        value: String,
        /// What is wrong with it.
        reason: Reason,
    },
    /// Not one choice between TLS and plain HTTP.
    #[error(transparent)]
    Tls(#[from] TlsChoiceError),
}

/// What is wrong with a flag's value.
#[derive(Debug, thiserror::Error)]
pub enum Reason {
    /// Nobody can listen there.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Not a certificate or key, or they do not belong together.
    #[error(transparent)]
    Tls(#[from] FileError),
    /// No certificates can be had for these names, or kept in this directory.
    #[error(transparent)]
    Acme(#[from] AcmeError),
    /// Not a proxy that carries UDP.
    #[error(transparent)]
    Proxy(#[from] NotSocks5),
    /// Not one STUN server.
    #[error("no STUN server in it; give one (stun:HOST[:PORT]) that sees the moderate proxy")]
    NoStun,
    /// Not a STUN server.
    #[error(transparent)]
    Stun(#[from] IceServerError),
}

/// Why a text does not name a proxy that carries UDP.
#[derive(Debug, thiserror::Error)]
pub enum NotSocks5 {
    /// Another scheme.
    #[error("only socks5 carries UDP")]
    Kind,
    /// No proxy at all. The text is written for tor's variable.
    #[error("write socks5://[user:password@]address:port")]
    Form(ProxyError),
}

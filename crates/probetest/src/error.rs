//! Why a configuration is refused, before anything starts.

use snowflake_pt::error::ProxyError;
use snowflake_tls_server::{AcmeError, FileError};
use snowflake_webrtc::IceServerError;

/// Why the program cannot start with these flags.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Neither plain HTTP nor TLS was asked for, or half of TLS.
    #[error("the --acme-hostnames, --cert and --key, or --disable-tls option is required")]
    NoTlsChoice,
    /// More than one of them was.
    #[error("give one of -disable-tls, -cert and -key, and -acme-hostnames")]
    TlsTwice,
    /// The files cannot be used.
    #[error("-cert and -key: {0}")]
    Files(#[from] FileError),
    /// There can be no certificates from an authority.
    #[error("-acme-hostnames: {0}")]
    Acme(#[from] AcmeError),
    /// One of the two proxies cannot be read.
    #[error("invalid value {value:?} for flag -{flag}: {reason}")]
    Proxy {
        /// The flag, without its dash.
        flag: &'static str,
        /// The value as given, but for the name and password in it.
        value: String,
        /// What is wrong with it.
        reason: NotSocks5,
    },
    /// A STUN server cannot be read.
    #[error("invalid value {value:?} for flag -stun: {reason}")]
    Stun {
        /// The value as given.
        value: String,
        /// What is wrong with it.
        reason: IceServerError,
    },
    /// There is no STUN server.
    #[error(
        "invalid value {value:?} for flag -stun: no STUN server in it; give one (stun:HOST[:PORT]) that sees the moderate proxy"
    )]
    NoStun {
        /// The value as given, but for spaces.
        value: String,
    },
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

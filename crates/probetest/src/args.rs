//! The flags, named as those of Go's program.

use std::path::PathBuf;

use clap::Parser;
use snowflake_cli::{CommaList, OptionalPath};

/// The Snowflake probe server: tells proxies whether clients behind strict and moderate NATs reach them.
///
/// The NATs are those of two SOCKS5 proxies, which have to carry UDP. SIGTERM, SIGINT: stop.
#[derive(Clone, Debug, Parser)]
pub struct Args {
    /// Address to listen on: host:port, or :port for all addresses.
    #[arg(long, default_value = ":8443")]
    pub addr: String,
    /// Host names for which to get TLS certificates from Let's Encrypt, comma-separated.
    #[arg(long, default_value = "")]
    pub acme_hostnames: CommaList,
    /// Where Let's Encrypt can write to.
    #[arg(long, default_value = "")]
    pub acme_email: String,
    /// Directory in which to keep the certificates from Let's Encrypt.
    #[arg(long, default_value = "acme-cert-cache")]
    pub acme_cert_cache: PathBuf,
    /// Plain HTTP, for a server behind another that does TLS, or for tests.
    #[arg(long)]
    pub disable_tls: bool,
    /// TLS certificate chain, PEM; needs -key. Both are read again when they change.
    #[arg(long, default_value = "")]
    pub cert: OptionalPath,
    /// Private key of the certificate, PEM; needs -cert.
    #[arg(long, default_value = "")]
    pub key: OptionalPath,
    /// STUN servers, comma-separated; they see the moderate proxy.
    #[arg(long, default_value = "stun:stun.l.google.com:19302")]
    pub stun: CommaList,
    /// SOCKS5 proxy with a port for each destination of its UDP.
    #[arg(
        long = "strictInteractiveConnectivitySimulationSocks5Proxy",
        default_value = "socks5://127.0.0.1:1081"
    )]
    pub strict_proxy: String,
    /// SOCKS5 proxy with one port for all UDP of a client, which lets in whom the client has sent to.
    #[arg(
        long = "moderateInteractiveConnectivitySimulationSocks5Proxy",
        default_value = "socks5://127.0.0.1:1082"
    )]
    pub moderate_proxy: String,
    /// Do not scrub addresses from the log.
    #[arg(long)]
    pub unsafe_logging: bool,
}

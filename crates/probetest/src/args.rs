//! The flags, named as those of Go's program.

use std::path::PathBuf;

use clap::Parser;
use snowflake_cli::{CommaList, OptionalPath};
use snowflake_tls_server::TlsFlags;

/// The groups of flags in the help.
const LISTENING: &str = "Listening and TLS";
const NATS: &str = "NATs";
const LOG: &str = "Log";

/// The Snowflake probe server: tells proxies whether clients behind strict and moderate NATs reach them.
///
/// The NATs are those of two SOCKS5 proxies, which have to carry UDP. SIGTERM, SIGINT: stop.
#[derive(Clone, Debug, Parser)]
pub struct Args {
    /// Address to listen on: host:port, or :port for all addresses.
    #[arg(long, default_value = ":8443", help_heading = LISTENING)]
    pub addr: String,
    /// Host names for which to get TLS certificates from Let's Encrypt, comma-separated. It has to find
    /// this server on port 443 or 80 of each of them.
    #[arg(long, default_value = "", help_heading = LISTENING)]
    pub acme_hostnames: CommaList,
    /// Where Let's Encrypt can write to.
    #[arg(long, default_value = "", help_heading = LISTENING)]
    pub acme_email: String,
    /// Directory in which to keep the certificates from Let's Encrypt.
    #[arg(long, default_value = "acme-cert-cache", help_heading = LISTENING)]
    pub acme_cert_cache: PathBuf,
    /// Plain HTTP, for a server behind another that does TLS, or for tests.
    #[arg(long, help_heading = LISTENING)]
    pub disable_tls: bool,
    /// TLS certificate chain, PEM; needs -key. Both are read again when they change.
    #[arg(long, default_value = "", help_heading = LISTENING)]
    pub cert: OptionalPath,
    /// Private key of the certificate, PEM; needs -cert.
    #[arg(long, default_value = "", help_heading = LISTENING)]
    pub key: OptionalPath,
    /// STUN servers, comma-separated; they see the moderate proxy.
    #[arg(long, default_value = "stun:stun.l.google.com:19302", help_heading = NATS)]
    pub stun: CommaList,
    /// SOCKS5 proxy with a port for each destination of its UDP.
    #[arg(
        long = "strictInteractiveConnectivitySimulationSocks5Proxy",
        default_value = "socks5://127.0.0.1:1081",
        help_heading = NATS
    )]
    pub strict_proxy: String,
    /// SOCKS5 proxy with one port for all UDP of a client, which lets in whom the client has sent to.
    #[arg(
        long = "moderateInteractiveConnectivitySimulationSocks5Proxy",
        default_value = "socks5://127.0.0.1:1082",
        help_heading = NATS
    )]
    pub moderate_proxy: String,
    /// Do not scrub addresses from the log.
    #[arg(long, help_heading = LOG)]
    pub unsafe_logging: bool,
}

impl Args {
    pub(crate) fn tls_flags(&self) -> TlsFlags<'_> {
        TlsFlags {
            disable: self.disable_tls,
            has_names: !self.acme_hostnames.is_empty(),
            has_email: !self.acme_email.is_empty(),
            cert: self.cert.as_path(),
            key: self.key.as_path(),
        }
    }
}

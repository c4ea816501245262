//! The flags, named as those of the Go broker.

use std::path::PathBuf;

use clap::Parser;
use snowflake_cli::{CommaList, GoDuration, OptionalPath};
use snowflake_tls_server::TlsFlags;

use crate::ListenAddr;

/// The groups of flags in the help.
const LISTENING: &str = "Listening and TLS";
const MATCHING: &str = "Who is matched with whom";
const QUEUE: &str = "Polls from a queue";
const METRICS: &str = "Metrics";
const LOG: &str = "Log";

/// The Snowflake broker: matches clients with volunteer proxies.
///
/// SIGHUP: read the bridge list, the poll intervals, the geoip files and the certificate again. SIGTERM, SIGINT: stop.
#[derive(Debug, Parser)]
pub struct Args {
    /// Address to listen on: host:port, or :port for all addresses.
    #[arg(long, default_value = ":443", help_heading = LISTENING)]
    pub addr: ListenAddr,
    /// Host names for which to get TLS certificates from Let's Encrypt, comma-separated. It has to find
    /// this broker on port 443 or 80 of each of them.
    #[arg(long, default_value = "", help_heading = LISTENING)]
    pub acme_hostnames: CommaList,
    /// Where Let's Encrypt can write to.
    #[arg(long, default_value = "", help_heading = LISTENING)]
    pub acme_email: String,
    /// Directory in which to keep the certificates from Let's Encrypt.
    #[arg(long, default_value = "acme-cert-cache", help_heading = LISTENING)]
    pub acme_cert_cache: PathBuf,
    /// Plain HTTP, for a broker behind a server that does TLS, or for tests.
    #[arg(long, help_heading = LISTENING)]
    pub disable_tls: bool,
    /// TLS certificate chain, PEM; needs -key. Both are read again when they change.
    #[arg(long, default_value = "", help_heading = LISTENING)]
    pub cert: OptionalPath,
    /// Private key of the certificate, PEM; needs -cert.
    #[arg(long, default_value = "", help_heading = LISTENING)]
    pub key: OptionalPath,
    /// Keep no statistics by country, and no metrics of proxies' addresses; the geoip files are not
    /// read. The files of -ip-count-prefix have no countries and are written all the same.
    #[arg(long, help_heading = METRICS)]
    pub disable_geoip: bool,
    /// Countries of IPv4 addresses, in tor's format (on Debian: package tor-geoipdb).
    #[arg(long, default_value = "/usr/share/tor/geoip", help_heading = METRICS)]
    pub geoipdb: OptionalPath,
    /// Countries of IPv6 addresses.
    #[arg(long, default_value = "/usr/share/tor/geoip6", help_heading = METRICS)]
    pub geoip6db: OptionalPath,
    /// Bridges that clients may ask for: one JSON object a line, with displayName, webSocketAddress
    /// and fingerprint. Without it the default bridge is the only one.
    #[arg(long, default_value = "", help_heading = MATCHING)]
    pub bridge_list_path: OptionalPath,
    /// Relays that this broker names to proxies: only proxies that accept all of them are used.
    /// Proxies accept snowflake.torproject.net$ by default. Must not be empty: all proxies with a
    /// pattern of their own would be refused.
    #[arg(long, default_value = "", help_heading = MATCHING)]
    pub allowed_relay_pattern: String,
    /// File with poll intervals: {"open_poll_interval": MS, "moderate_poll_interval": MS,
    /// "strict_poll_interval": MS}. An address that polls more often is turned away; 0: no limit.
    /// Default: 20 s.
    #[arg(long, default_value = "", help_heading = MATCHING)]
    pub poll_interval_filepath: OptionalPath,
    /// Number of reverse proxies in front of the broker, whose entries in Forwarded or
    /// X-Forwarded-For are believed; each must add its entry at the end of one, and remove the other:
    /// where the two disagree, neither is believed. 0: none, the peer's own address counts.
    /// Default: 1 for peers with an address of a private network or of this machine, 0 for all
    /// others, so that a stranger who polls directly cannot make up addresses. With nothing in
    /// front, but in a container, strangers may have private addresses: use 0.
    #[arg(long, help_heading = LISTENING)]
    pub trusted_hops: Option<usize>,
    /// Load balancers that name their clients by the PROXY protocol, version 1 or 2 (haproxy's
    /// send-proxy, send-proxy-v2): addresses and networks, comma-separated. Each of their connections
    /// must begin with that header, before TLS, and the address in it counts as the peer's, also for
    /// -trusted-hops. Whoever is in this list can be anybody. From all others no header is taken. Go's
    /// broker has no such flag.
    #[arg(long, default_value = "", help_heading = LISTENING)]
    pub proxy_protocol: CommaList,
    /// Name of an Amazon SQS queue from which to take polls of clients; it is made if need be. Needs
    /// -broker-sqs-region.
    #[arg(long, default_value = "", help_heading = QUEUE)]
    pub broker_sqs_name: String,
    /// AWS region of that queue, for example us-east-1.
    #[arg(long, default_value = "", help_heading = QUEUE)]
    pub broker_sqs_region: String,
    /// AWS profiles, comma-separated; the account of each has a queue of that name. Their keys are
    /// read from ~/.aws/credentials. Without it AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY say who
    /// the broker is, else the profile called default.
    #[arg(long, default_value = "", help_heading = QUEUE)]
    pub sqs_profiles: CommaList,
    /// File for metrics, one block a day, also served at /metrics. Without it they go to stdout.
    #[arg(long, default_value = "", help_heading = METRICS)]
    pub metrics_log: OptionalPath,
    /// Count the different addresses of proxies in files whose paths begin like this, one for each
    /// kind of proxies; snowflake-distinctcounter reads them.
    #[arg(long, default_value = "", help_heading = METRICS)]
    pub ip_count_prefix: OptionalPath,
    /// Time between two chunks in those files.
    #[arg(long, default_value = "1h", help_heading = METRICS)]
    pub ip_count_interval: GoDuration,
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

//! The flags, with the names and defaults of the Go program.

use clap::Parser;
use snowflake_cli::{
    CommaList, GoDuration, OptionalPath,
    logging::{LogConfig, Target},
};

/// The groups of flags in the help.
const RENDEZVOUS: &str = "Rendezvous with the broker";
const RELAYS: &str = "Relays";
const CLIENTS: &str = "Connections to clients";
const METRICS: &str = "Metrics";
const LOG: &str = "Log";

/// Helps people in censored places to reach Tor: a Snowflake proxy.
#[derive(Clone, Debug, Parser)]
pub struct Args {
    /// URL of the broker.
    #[arg(
        long,
        default_value = "https://snowflake-broker.torproject.net/",
        help_heading = RENDEZVOUS
    )]
    pub broker: String,
    /// Time between polls when the broker does not name one; at least 2s.
    #[arg(long, default_value = "5s", help_heading = RENDEZVOUS)]
    pub poll_interval: GoDuration,
    /// Largest number of clients at once; 0 is no limit.
    #[arg(long, default_value_t = 0, help_heading = RENDEZVOUS)]
    pub capacity: usize,
    /// Relay to which clients are taken when the broker names none; also the one whose reachability is checked.
    #[arg(long, default_value = "wss://snowflake.torproject.net/", help_heading = RELAYS)]
    pub relay: String,
    /// Relays that the broker may name: host names that end with this. Must end with $; ^ at the start means exactly this.
    #[arg(long, default_value = "snowflake.torproject.net$", help_heading = RELAYS)]
    pub allowed_relay_hostname_pattern: String,
    /// Accept relays without TLS (ws://) from the broker.
    #[arg(long, help_heading = RELAYS)]
    pub allow_non_tls_relay: bool,
    /// Accept relays with private addresses from the broker.
    #[arg(long, help_heading = RELAYS)]
    pub allow_proxying_to_private_addresses: bool,
    /// STUN servers, comma-separated.
    #[arg(
        long,
        default_value = "stun:stun.l.google.com:19302,stun:stun.voip.blackberry.com:3478",
        help_heading = CLIENTS
    )]
    pub stun: CommaList,
    /// URL of the server that finds out what our NAT lets through.
    #[arg(
        long,
        default_value = "https://snowflake-broker.torproject.net:8443/probe",
        help_heading = CLIENTS
    )]
    pub nat_probe_server: String,
    /// Time between checks of the NAT; 0 checks only once.
    #[arg(long, default_value = "24h", help_heading = CLIENTS)]
    pub nat_retest_interval: GoDuration,
    /// Tell clients our private and loopback addresses too, for networks without the internet.
    #[arg(long, help_heading = CLIENTS)]
    pub keep_local_addresses: bool,
    /// Address under which clients reach this machine through a one-to-one NAT.
    #[arg(long, default_value = "", help_heading = CLIENTS)]
    pub outbound_address: String,
    /// UDP ports for clients, as MIN:MAX; empty is any.
    #[arg(long, default_value = "", help_heading = CLIENTS)]
    pub ephemeral_ports_range: String,
    /// Whose DTLS handshake to imitate: mimic, randomize, randomizemimic or disable. No effect in this build.
    #[arg(long, default_value = "randomizemimic", help_heading = CLIENTS)]
    pub covertdtls_config: String,
    /// The DTLS handshake to imitate, in hexadecimal. No effect in this build.
    #[arg(long, default_value = "", help_heading = CLIENTS)]
    pub covertdtls_fingerprint: String,
    /// Time between summary lines; 0 is none.
    #[arg(long, default_value = "1h", help_heading = METRICS)]
    pub summary_interval: GoDuration,
    /// Print no summary lines.
    #[arg(long, help_heading = METRICS)]
    pub disable_stats_logger: bool,
    /// Show figures to Prometheus, at http://localhost:9999/internal/metrics.
    #[arg(long, help_heading = METRICS)]
    pub metrics: bool,
    /// Name or address of this machine at which Prometheus may ask.
    #[arg(long, default_value = "localhost", help_heading = METRICS)]
    pub metrics_address: String,
    /// Port at which Prometheus may ask.
    #[arg(long, default_value_t = 9999, help_heading = METRICS)]
    pub metrics_port: u16,
    /// Countries of IPv4 addresses, for Prometheus, in tor's format (on Debian: package tor-geoipdb).
    #[arg(long, default_value = "/usr/share/tor/geoip", help_heading = METRICS)]
    pub geoipdb: OptionalPath,
    /// Countries of IPv6 addresses.
    #[arg(long, default_value = "/usr/share/tor/geoip6", help_heading = METRICS)]
    pub geoip6db: OptionalPath,
    /// Also log to this file.
    #[arg(long, default_value = "", help_heading = LOG)]
    pub log: OptionalPath,
    /// Local time in the log instead of UTC.
    #[arg(long, help_heading = LOG)]
    pub log_local_time: bool,
    /// Log more than the events.
    #[arg(long, help_heading = LOG)]
    pub verbose: bool,
    /// Do not remove addresses from the log.
    #[arg(long, help_heading = LOG)]
    pub unsafe_logging: bool,
}

impl Args {
    /// Where the log goes: stderr, and the file if there is one.
    pub fn log_config(&self) -> LogConfig {
        let file = self.log.clone().into_path();
        LogConfig {
            target: file.map_or(Target::Stderr, Target::StderrAndFile),
            unsafe_logging: self.unsafe_logging,
            verbose: self.verbose,
            local_time: self.log_local_time,
        }
    }
}

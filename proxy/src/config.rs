//! The flags once checked: what a [`Proxy`](crate::Proxy) needs to know.

use std::{net::IpAddr, num::NonZeroUsize, ops::RangeInclusive, time::Duration};

use snowflake_messages::RelayPattern;
use snowflake_webrtc::{IceServer, StunServer};
use url::Url;

use crate::{
    args::Args,
    error::ConfigError,
    timers::{MIN_OWN_POLL_INTERVAL, Timers},
};

/// Settings of one proxy. `Args` has the flags, their meaning and their defaults.
#[derive(Clone, Debug)]
pub struct Config {
    /// The broker, `http` or `https`.
    pub broker: Url,
    /// The relay of clients for which the broker names none, `ws` or `wss`.
    pub relay: Url,
    /// Largest number of clients at once; `None` is no limit.
    pub capacity: Option<NonZeroUsize>,
    /// Servers that tell us our address.
    pub stun_servers: Vec<StunServer>,
    /// Time between polls when the broker does not name one.
    pub poll_interval: Duration,
    /// The server that finds out what our NAT lets through.
    pub nat_probe_server: Url,
    /// Time between checks of the NAT; `None` checks only once.
    pub nat_retest_interval: Option<Duration>,
    /// Tell clients local addresses, too.
    pub keep_local_addresses: bool,
    /// Where the broker may send us.
    pub relay_rules: RelayRules,
    /// UDP ports for clients; `None` is any.
    pub ephemeral_ports: Option<RangeInclusive<u16>>,
    /// The address that host candidates carry.
    pub outbound_address: Option<IpAddr>,
    /// Time between summary lines; `None` is never.
    pub summary_interval: Option<Duration>,
    /// The times of polls and clients.
    pub timers: Timers,
}

/// Which relays the broker may name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayRules {
    /// The host name must match this.
    pub pattern: RelayPattern,
    /// `ws` is as good as `wss`.
    pub allow_non_tls: bool,
    /// The host may be an address that means nothing outside a local network.
    pub allow_private_addresses: bool,
}

impl TryFrom<&Args> for Config {
    type Error = ConfigError;

    fn try_from(args: &Args) -> Result<Self, ConfigError> {
        let outbound_address = outbound_address(args)?;
        if *args.poll_interval < MIN_OWN_POLL_INTERVAL {
            return Err(ConfigError::PollInterval);
        }
        let relay_rules = RelayRules {
            pattern: RelayPattern::rule(&args.allowed_relay_hostname_pattern)
                .map_err(ConfigError::RelayPattern)?,
            allow_non_tls: args.allow_non_tls_relay,
            allow_private_addresses: args.allow_proxying_to_private_addresses,
        };
        let summary_interval =
            (!args.disable_stats_logger).then(|| interval(*args.summary_interval)).flatten();
        let config = Self {
            broker: url("broker", &args.broker, &["http", "https"])?,
            relay: url("relay", &args.relay, &["ws", "wss"])?,
            capacity: NonZeroUsize::new(args.capacity),
            stun_servers: stun_servers(&args.stun)?,
            poll_interval: *args.poll_interval,
            nat_probe_server: url("nat-probe-server", &args.nat_probe_server, &["http", "https"])?,
            nat_retest_interval: interval(*args.nat_retest_interval),
            keep_local_addresses: args.keep_local_addresses,
            relay_rules,
            ephemeral_ports: ports(&args.ephemeral_ports_range)?,
            outbound_address,
            summary_interval,
            timers: Timers::default(),
        };
        config.warn_of_few_ports();
        Ok(config)
    }
}

impl Config {
    /// Each client takes one or two ports; Go assumes ten clients where there is no limit.
    fn warn_of_few_ports(&self) {
        const CLIENTS: usize = 10;
        let Some(ports) = &self.ephemeral_ports else { return };
        let clients = self.capacity.map_or(CLIENTS, NonZeroUsize::get);
        if ports.len() < clients.saturating_mul(2) {
            tracing::warn!(
                ports = ports.len(),
                clients,
                "the range of UDP ports is narrow: have two for each client"
            );
        }
    }
}

fn outbound_address(args: &Args) -> Result<Option<IpAddr>, ConfigError> {
    if args.outbound_address.is_empty() {
        return Ok(None);
    }
    if args.keep_local_addresses {
        return Err(ConfigError::OutboundAndLocal);
    }
    args.outbound_address.parse().map(Some).map_err(|_| ConfigError::OutboundAddress)
}

fn url(
    flag: &'static str,
    text: &str,
    schemes: &'static [&'static str],
) -> Result<Url, ConfigError> {
    let url = Url::parse(text).map_err(|source| ConfigError::Url { flag, source })?;
    if url.has_host() && schemes.contains(&url.scheme()) {
        Ok(url)
    } else {
        Err(ConfigError::Scheme { flag, schemes })
    }
}

/// Other kinds of ICE servers are skipped, as in Go.
fn stun_servers(urls: &[String]) -> Result<Vec<StunServer>, ConfigError> {
    let mut servers = Vec::new();
    for url in urls {
        match url.parse() {
            Ok(IceServer::Stun(server)) => servers.push(server),
            Ok(IceServer::Unsupported(_)) => {
                tracing::warn!("skipping an ICE server: only stun: servers are used");
            }
            Err(source) => return Err(ConfigError::Stun { url: url.clone(), source }),
        }
    }
    Ok(servers)
}

fn ports(range: &str) -> Result<Option<RangeInclusive<u16>>, ConfigError> {
    if range.is_empty() {
        return Ok(None);
    }
    let (first, last) = range.split_once(':').ok_or(ConfigError::Ports)?;
    let port = |text: &str| text.parse::<u16>().ok().filter(|port| *port != 0);
    match (port(first), port(last)) {
        (Some(first), Some(last)) if first <= last => Ok(Some(first..=last)),
        _ => Err(ConfigError::Ports),
    }
}

fn interval(duration: Duration) -> Option<Duration> {
    (!duration.is_zero()).then_some(duration)
}

#[cfg(test)]
mod tests {
    use snowflake_cli::{Program, parse_from};

    use super::*;

    fn config(flags: &[&str]) -> Result<Config, ConfigError> {
        let program = Program { name: "snowflake-proxy", version: "0" };
        Config::try_from(&parse_from::<Args>(program, flags).unwrap())
    }

    #[test]
    fn the_log_goes_to_stderr_and_perhaps_to_a_file() {
        use snowflake_cli::logging::Target;
        let target = |flags: &[&str]| {
            let program = Program { name: "snowflake-proxy", version: "0" };
            parse_from::<Args>(program, flags).unwrap().log_config().target
        };
        for empty in [&[][..], &["-log", ""], &["-log="]] {
            assert_eq!(target(empty), Target::Stderr, "{empty:?}");
        }
        assert_eq!(target(&["-log", "x.log"]), Target::StderrAndFile("x.log".into()));
    }

    #[test]
    fn the_systemd_unit_starts_it() {
        let unit = include_str!("../snowflake-proxy.service");
        let command = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
        let mut words = command.split(' ');
        assert_eq!(words.next(), Some("/usr/bin/snowflake-proxy"));
        config(&words.collect::<Vec<_>>()).unwrap();
    }

    #[test]
    fn the_defaults_are_those_of_the_go_program() {
        let config = config(&[]).unwrap();
        assert_eq!(config.broker.as_str(), "https://snowflake-broker.torproject.net/");
        assert_eq!(config.relay.as_str(), "wss://snowflake.torproject.net/");
        assert_eq!(config.capacity, None);
        let stun: Vec<_> = config.stun_servers.iter().map(|s| (s.host.as_str(), s.port)).collect();
        assert_eq!(stun, [("stun.l.google.com", 19302), ("stun.voip.blackberry.com", 3478)]);
        assert_eq!(config.poll_interval, Duration::from_secs(5));
        let probe = "https://snowflake-broker.torproject.net:8443/probe";
        assert_eq!(config.nat_probe_server.as_str(), probe);
        assert_eq!(config.nat_retest_interval, Some(Duration::from_secs(86400)));
        assert_eq!(config.relay_rules.pattern.as_str(), "snowflake.torproject.net$");
        assert!(!config.relay_rules.allow_non_tls && !config.relay_rules.allow_private_addresses);
        assert_eq!(config.summary_interval, Some(Duration::from_secs(3600)));
        assert!(config.ephemeral_ports.is_none() && config.outbound_address.is_none());
        assert!(!config.keep_local_addresses);
    }

    #[test]
    fn zero_means_never() {
        let never = config(&["-nat-retest-interval=0", "-summary-interval", "0s"]).unwrap();
        assert_eq!((never.nat_retest_interval, never.summary_interval), (None, None));
        assert_eq!(config(&["-disable-stats-logger"]).unwrap().summary_interval, None);
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_a_sentence() {
        for (flags, sentence) in [
            (
                vec!["-outbound-address=192.0.2.7", "-keep-local-addresses"],
                "-outbound-address and -keep-local-addresses exclude each other",
            ),
            (vec!["-outbound-address=home"], "-outbound-address is not an IP address"),
            (vec!["-poll-interval=1s"], "-poll-interval must be at least 2s"),
            (
                vec!["-allowed-relay-hostname-pattern=example.com"],
                "-allowed-relay-hostname-pattern: relay pattern does not end with $",
            ),
            (vec!["-ephemeral-ports-range=0:10"], "-ephemeral-ports-range is not MIN:MAX"),
            (vec!["-ephemeral-ports-range=20:10"], "-ephemeral-ports-range is not MIN:MAX"),
            (vec!["-ephemeral-ports-range=1000"], "-ephemeral-ports-range is not MIN:MAX"),
            (vec!["-relay=https://a.example"], "-relay must be a URL with ws or wss"),
            (vec!["-broker=nowhere"], "-broker is not a URL"),
            (vec!["-stun=google.com"], "-stun: google.com:"),
        ] {
            let error = config(&flags).unwrap_err().to_string();
            assert!(error.starts_with(sentence), "{error}");
        }
    }

    #[test]
    fn a_range_of_ports_is_read() {
        let config = config(&["-ephemeral-ports-range", "50000:50019"]).unwrap();
        assert_eq!(config.ephemeral_ports, Some(50000..=50019));
    }
}

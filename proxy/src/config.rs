//! The flags once checked: what a [`Proxy`](crate::Proxy) needs to know.

mod values;

use std::{net::IpAddr, num::NonZeroUsize, ops::RangeInclusive, sync::Arc, time::Duration};

use clap::Parser;
use snowflake_cli::CovertDtls;
use snowflake_geoip::GeoIp;
use snowflake_messages::{ProxyType, RelayPattern};
use snowflake_rendezvous::Environment;
use snowflake_webrtc::StunServer;
use url::Url;

use crate::{args::Args, error::ConfigError, metrics::MetricsAddress, timers::Timers};

/// Settings of one proxy. `Args` has the flags, their meaning and their defaults; [`Default`] is the latter, without a log
/// of summaries and without a look at the environment.
#[derive(Clone, Debug)]
pub struct Config {
    /// What brokers count us as; programs that hold a proxy have types of their own.
    pub proxy_type: ProxyType,
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
    /// The proxies through which broker, probe server and relays are reached; clients never.
    pub environment: Environment,
    /// Time between summaries; `None` is never.
    pub summary_interval: Option<Duration>,
    /// Whether summaries are logged.
    pub log_summaries: bool,
    /// Where Prometheus may ask; `None` is nowhere.
    pub metrics: Option<MetricsAddress>,
    /// The countries of clients; without them all are unknown.
    pub countries: Option<Arc<GeoIp>>,
    /// The DTLS handshake that is wished for and cannot be had.
    pub imitation: Option<CovertDtls>,
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

    /// Also reads the environment's proxies, and, if there are figures to show, the geoip files.
    fn try_from(args: &Args) -> Result<Self, ConfigError> {
        Ok(Self { environment: Environment::read()?, ..Self::of(args)? })
    }
}

impl Config {
    fn of(args: &Args) -> Result<Self, ConfigError> {
        let relay_rules = RelayRules {
            pattern: values::relay_pattern(&args.allowed_relay_hostname_pattern)?,
            allow_non_tls: args.allow_non_tls_relay,
            allow_private_addresses: args.allow_proxying_to_private_addresses,
        };
        let config = Self {
            proxy_type: ProxyType::Standalone,
            broker: values::url("broker", &args.broker, &["http", "https"])?,
            relay: values::url("relay", &args.relay, &["ws", "wss"])?,
            capacity: NonZeroUsize::new(args.capacity),
            stun_servers: values::stun_servers(&args.stun)?,
            poll_interval: values::poll_interval(args.poll_interval)?,
            nat_probe_server: values::url(
                "nat-probe-server",
                &args.nat_probe_server,
                &["http", "https"],
            )?,
            nat_retest_interval: values::interval(args.nat_retest_interval),
            keep_local_addresses: args.keep_local_addresses,
            relay_rules,
            ephemeral_ports: values::ports(&args.ephemeral_ports_range)?,
            outbound_address: values::outbound_address(args)?,
            environment: Environment::default(),
            summary_interval: values::interval(args.summary_interval),
            log_summaries: !args.disable_stats_logger,
            metrics: args.metrics.then(|| MetricsAddress {
                host: args.metrics_address.clone(),
                port: args.metrics_port,
            }),
            countries: args.metrics.then(|| values::countries(args)).flatten(),
            imitation: CovertDtls::wish(&args.covertdtls_config, &args.covertdtls_fingerprint),
            timers: Timers::default(),
        };
        config.warn_of_few_ports();
        Ok(config)
    }

    fn warn_of_few_ports(&self) {
        if let Some((ports, clients)) = self.few_ports() {
            tracing::warn!(
                ports,
                clients,
                "the range of UDP ports is narrow: have two for each client"
            );
        }
    }

    /// The number of ports and that of clients, if the ports are too few. Each client takes one or two; Go assumes ten
    /// clients where there is no limit.
    fn few_ports(&self) -> Option<(usize, usize)> {
        const CLIENTS: usize = 10;
        let ports = self.ephemeral_ports.as_ref()?.len();
        let clients = self.capacity.map_or(CLIENTS, NonZeroUsize::get);
        (ports < clients.saturating_mul(2)).then_some((ports, clients))
    }
}

impl Default for Config {
    fn default() -> Self {
        let args = Args::parse_from(["snowflake-proxy", "--covertdtls-config=disable"]);
        let config = Self::of(&args).expect("the defaults make sense");
        Self { log_summaries: false, ..config }
    }
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
        let program = Program { name: "snowflake-proxy", version: "0" };
        let args: Args = parse_from(program, [""; 0]).unwrap();
        assert_eq!(args.geoipdb, "/usr/share/tor/geoip".into());
        assert_eq!(args.geoip6db, "/usr/share/tor/geoip6".into());
        assert!(!args.metrics && !args.disable_stats_logger);
        assert!(!args.verbose && !args.log_local_time && !args.unsafe_logging);
        assert_eq!(args.covertdtls_fingerprint, "");
    }

    #[test]
    fn zero_means_never() {
        let never = config(&["-nat-retest-interval=0", "-summary-interval", "0s"]).unwrap();
        assert_eq!((never.nat_retest_interval, never.summary_interval), (None, None));
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_a_sentence() {
        const PORTS: &str = "not MIN:MAX with 1 <= MIN <= MAX <= 65535";
        const NO_URL: &str = "not a URL: relative URL without a base";
        for (flag, value, at_fault, reason) in [
            ("broker", "nowhere", "nowhere", NO_URL),
            ("broker", "ftp://b.example/", "ftp://b.example/", "not a URL with http or https"),
            ("relay", "https://r.example/", "https://r.example/", "not a URL with ws or wss and"),
            ("nat-probe-server", "p.example", "p.example", NO_URL),
            (
                "stun",
                "stun:a.example,google.com",
                "google.com",
                "an ICE server begins with stun:, stuns:, turn: or turns:",
            ),
            ("poll-interval", "1500ms", "1.5s", "it must be at least 2s"),
            ("allowed-relay-hostname-pattern", "a.example", "a.example", "relay pattern does not"),
            ("ephemeral-ports-range", "0:10", "0:10", PORTS),
            ("ephemeral-ports-range", "20:10", "20:10", PORTS),
            ("ephemeral-ports-range", "1000", "1000", PORTS),
            ("ephemeral-ports-range", "1:65536", "1:65536", PORTS),
            ("outbound-address", "home", "home", "not an IP address"),
        ] {
            let error = config(&[&format!("-{flag}={value}")]).unwrap_err().to_string();
            let expected = format!("invalid value {at_fault:?} for flag -{flag}: {reason}");
            assert!(error.starts_with(&expected), "{error}");
        }
        let both = ["-outbound-address=192.0.2.7", "-keep-local-addresses"];
        assert_eq!(
            config(&both).unwrap_err().to_string(),
            "invalid value \"192.0.2.7\" for flag -outbound-address: \
             beside -keep-local-addresses: give one of them"
        );
        let outbound = config(&both[..1]).unwrap().outbound_address;
        assert_eq!(outbound, Some([192, 0, 2, 7].into()));
    }

    #[test]
    fn figures_are_for_whoever_asks_for_them() {
        let without = config(&["-metrics-port=1"]).unwrap();
        assert_eq!((without.metrics, without.countries.is_none()), (None, true));
        let address = |host: &str, port| Some(MetricsAddress { host: host.to_owned(), port });
        let missing = ["-metrics", "-geoipdb=/nowhere", "-geoip6db="];
        let with = config(&missing).unwrap();
        assert_eq!(with.metrics, address("localhost", 9999));
        assert!(with.countries.is_none(), "files that are not there are no reason to stop");
        let other = config(&["-metrics", "-metrics-address", "::1", "-metrics-port", "80"]);
        assert_eq!(other.unwrap().metrics, address("::1", 80));
        let quiet = config(&["-disable-stats-logger"]).unwrap();
        assert!(quiet.summary_interval.is_some(), "Prometheus has its KB all the same");
        assert!(!quiet.log_summaries && config(&[]).unwrap().log_summaries);
    }

    #[test]
    fn covert_dtls_is_wished_for_by_default_as_in_go() {
        let wish = |flags: &[&str]| config(flags).unwrap().imitation;
        assert_eq!(wish(&[]), Some(CovertDtls::RandomizeMimic));
        assert_eq!(wish(&["-covertdtls-config", "mimic"]), Some(CovertDtls::Mimic));
        assert_eq!(wish(&["-covertdtls-config=disable"]), None);
        assert_eq!(wish(&["-covertdtls-fingerprint=16fe"]), Some(CovertDtls::Fingerprint));
        assert_eq!(Config::default().imitation, None);
    }

    #[test]
    fn few_ports_are_two_for_each_client_or_less() {
        let few = |flags: &[&str]| config(flags).unwrap().few_ports();
        assert_eq!(few(&["-ephemeral-ports-range=5001:5019"]), Some((19, 10)));
        assert_eq!(few(&["-ephemeral-ports-range=5001:5020"]), None);
        assert_eq!(few(&["-ephemeral-ports-range=5001:5019", "-capacity=9"]), None);
        assert_eq!(few(&["-ephemeral-ports-range=5001:5019", "-capacity=11"]), Some((19, 11)));
        assert_eq!(few(&["-capacity=100000"]), None);
    }

    #[test]
    fn a_range_of_ports_is_read() {
        let config = config(&["-ephemeral-ports-range", "50000:50019"]).unwrap();
        assert_eq!(config.ephemeral_ports, Some(50000..=50019));
    }
}

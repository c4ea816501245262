//! What the broker runs with, read and checked before anything starts.

use std::env;
use std::fs;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use snowflake_addresses::Network;
use snowflake_cli::OptionalPath;
use snowflake_geoip::GeoIpError;
use snowflake_messages::RelayPattern;
use snowflake_tls_server::{AcmeConfig, AcmeError, Directory, H2, HTTP1, Tls, TlsChoice};

use crate::{
    Args, BridgeList, ConfigError, Countries, IpCount, Limits, MetricsLog, PollIntervals, Reason,
    SqsQueue, TrustedHops, sqs,
};

/// What the broker speaks under TLS, the best first.
pub const ALPN: [&[u8]; 2] = [H2, HTTP1];

/// The configuration of a broker. [`Default`] is plain HTTP with the built-in bridge, no metrics
/// and an empty relay pattern.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// `None`: plain HTTP/1. With [`ALPN`] for HTTP/2 and HTTP/1.1.
    pub tls: Option<Tls>,
    /// The bridges that clients may ask for.
    pub bridges: BridgeList,
    /// Where `bridges` came from, to be read again by [`Broker::reload`](crate::Broker::reload).
    pub bridge_list_path: Option<PathBuf>,
    /// Only proxies are used whose own pattern contains this one.
    pub allowed_relay_pattern: RelayPattern,
    /// When proxies should poll again.
    pub intervals: PollIntervals,
    /// Where `intervals` came from, to be read again by [`Broker::reload`](crate::Broker::reload).
    pub poll_interval_path: Option<PathBuf>,
    /// Countries of addresses. `None`: no addresses of proxies are counted in the metrics, and clients
    /// have unknown countries.
    pub countries: Option<Arc<Countries>>,
    /// Which headers are believed about who polls.
    pub trusted_hops: TrustedHops,
    /// Load balancers whose connections begin with a header of the PROXY protocol.
    pub balancers: Vec<Network>,
    /// Queues with polls of clients.
    pub queues: Vec<SqsQueue>,
    /// Where metrics go.
    pub metrics_log: MetricsLog,
    /// Files with how many different addresses proxies have, with or without `countries`.
    pub ip_count: Option<Arc<IpCount>>,
    /// Timers and capacities.
    pub limits: Limits,
}

impl Config {
    /// Checks the flags and reads the files that they name.
    ///
    /// # Errors
    /// Names the flag, its value and what is wrong with it.
    pub fn from_args(args: &Args) -> Result<Self, ConfigError> {
        let choice = args.tls_flags().choice()?;
        let allowed_relay_pattern = allowed_relay_pattern(args)?;
        let metrics_log = match args.metrics_log.as_path() {
            Some(path) => MetricsLog::file(path).map_err(bad("metrics-log", path))?,
            None => MetricsLog::Stdout,
        };
        Ok(Self {
            bridges: read_or_default(
                args.bridge_list_path.as_path(),
                read_bridges,
                "bridge-list-path",
            )?,
            bridge_list_path: args.bridge_list_path.clone().into_path(),
            allowed_relay_pattern,
            intervals: read_or_default(
                args.poll_interval_filepath.as_path(),
                read_intervals,
                "poll-interval-filepath",
            )?,
            poll_interval_path: args.poll_interval_filepath.clone().into_path(),
            countries: countries(args)?,
            trusted_hops: args.trusted_hops.map(TrustedHops::Always).unwrap_or_default(),
            balancers: balancers(args)?,
            queues: sqs::queues(args, |variable| env::var(variable).ok())?,
            metrics_log,
            limits: Limits::default(),
            // Last, since these make files: a broker that does not start leaves none.
            tls: tls(args, choice)?,
            ip_count: ip_count(args)?,
        })
    }
}

/// Reads a bridge list.
pub(crate) fn read_bridges(path: &Path) -> Result<BridgeList, Reason> {
    Ok(BridgeList::parse(&fs::read_to_string(path)?)?)
}

/// Reads poll intervals.
pub(crate) fn read_intervals(path: &Path) -> Result<PollIntervals, Reason> {
    Ok(PollIntervals::parse(&fs::read_to_string(path)?)?)
}

fn read_or_default<T: Default>(
    path: Option<&Path>,
    read: impl Fn(&Path) -> Result<T, Reason>,
    flag: &'static str,
) -> Result<T, ConfigError> {
    path.map_or_else(|| Ok(T::default()), |path| read(path).map_err(bad(flag, path)))
}

fn allowed_relay_pattern(args: &Args) -> Result<RelayPattern, ConfigError> {
    match args.allowed_relay_pattern.as_str() {
        "" => Err(ConfigError::BadValue {
            flag: "allowed-relay-pattern",
            value: String::new(),
            reason: Reason::NoRelays,
        }),
        pattern => Ok(RelayPattern::new(pattern)),
    }
}

fn balancers(args: &Args) -> Result<Vec<Network>, ConfigError> {
    let network =
        |entry: &String| entry.parse::<Network>().map_err(bad("proxy-protocol", Path::new(entry)));
    args.proxy_protocol.iter().map(network).collect()
}

fn ip_count(args: &Args) -> Result<Option<Arc<IpCount>>, ConfigError> {
    let Some(prefix) = args.ip_count_prefix.as_path() else { return Ok(None) };
    let interval = args.ip_count_interval;
    if interval.is_zero() {
        return Err(ConfigError::BadValue {
            flag: "ip-count-interval",
            value: interval.to_string(),
            reason: Reason::NoTime,
        });
    }
    let made = IpCount::create(prefix, *interval, now());
    made.map(|count| Some(Arc::new(count))).map_err(bad("ip-count-prefix", prefix))
}

#[expect(clippy::disallowed_methods, reason = "the files of addresses are dated")]
fn now() -> SystemTime {
    SystemTime::now()
}

fn countries(args: &Args) -> Result<Option<Arc<Countries>>, ConfigError> {
    if args.disable_geoip {
        return Ok(None);
    }
    // An empty path is a file that does not exist, as with Go.
    let path = |path: &OptionalPath| path.clone().into_path().unwrap_or_default();
    let (v4, v6) = (path(&args.geoipdb), path(&args.geoip6db));
    let is_v6 = |error: &GeoIpError| error.path() == v6 && v4 != v6;
    Countries::read(v4.clone(), v6.clone()).map(|read| Some(Arc::new(read))).map_err(|error| {
        let (flag, path) = if is_v6(&error) { ("geoip6db", &v6) } else { ("geoipdb", &v4) };
        bad(flag, path)(error)
    })
}

fn tls(args: &Args, choice: TlsChoice<'_>) -> Result<Option<Tls>, ConfigError> {
    match choice {
        TlsChoice::None => Ok(None),
        TlsChoice::Files { cert, key } => from_files(cert, key).map(Some),
        TlsChoice::Acme => from_acme(args).map(Some),
    }
}

fn from_files(cert: &Path, key: &Path) -> Result<Tls, ConfigError> {
    Tls::from_files(cert, key, &ALPN).map_err(|error| {
        let (flag, path) = if error.is_about(key) { ("key", key) } else { ("cert", cert) };
        bad(flag, path)(error)
    })
}

fn from_acme(args: &Args) -> Result<Tls, ConfigError> {
    let config = AcmeConfig {
        names: args.acme_hostnames.to_vec(),
        email: Some(args.acme_email.clone()).filter(|address| !address.is_empty()),
        cache: args.acme_cert_cache.clone(),
        http: vec![(Ipv6Addr::UNSPECIFIED, 80).into(), (Ipv4Addr::UNSPECIFIED, 80).into()],
        directory: Directory::default(),
    };
    Tls::from_acme(config, &ALPN).map_err(|error| match &error {
        AcmeError::Name(name) => bad("acme-hostnames", Path::new(name))(error),
        _ => bad("acme-cert-cache", &args.acme_cert_cache)(error),
    })
}

fn bad<E: Into<Reason>>(flag: &'static str, path: &Path) -> impl FnOnce(E) -> ConfigError + use<E> {
    let value = path.display().to_string();
    move |error| ConfigError::BadValue { flag, value, reason: error.into() }
}

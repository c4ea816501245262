//! What the flags mean.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use snowflake_pt::{ProxyKind, UpstreamProxy};
use snowflake_socks5::{Credentials, Proxy};
use snowflake_tls_server::{AcmeConfig, Directory, HTTP1, Tls};
use snowflake_webrtc::{IceServer, StunServer};

use crate::error::NotSocks5;
use crate::{Args, ConfigError, limits};

/// How questions are answered.
#[derive(Clone, Debug)]
pub struct Config {
    /// `None`: plain HTTP.
    pub tls: Option<Tls>,
    /// The way out that is a strict NAT.
    pub strict: Proxy,
    /// The way out that is a moderate one.
    pub moderate: Proxy,
    /// Who sees the moderate one from outside. The strict one need not be seen.
    pub stun_servers: Vec<StunServer>,
    /// How long to wait for proxies.
    pub timers: Timers,
}

/// How long to wait for proxies. [`Default`] is what Go's program does; tests wait for less.
#[derive(Clone, Copy, Debug)]
pub struct Timers {
    /// For our candidates.
    pub gathering: Duration,
    /// For the data channel.
    pub open: Duration,
    /// For the end of an open one.
    pub linger: Duration,
}

impl Default for Timers {
    fn default() -> Self {
        Self { gathering: limits::GATHERING, open: limits::OPEN, linger: limits::LINGER }
    }
}

impl Config {
    /// Checks the flags and reads the files that they name.
    ///
    /// # Errors
    ///
    /// Names the flag and what is wrong with it.
    pub fn from_args(args: &Args) -> Result<Self, ConfigError> {
        Ok(Self {
            strict: proxy(
                "strictInteractiveConnectivitySimulationSocks5Proxy",
                &args.strict_proxy,
            )?,
            moderate: proxy(
                "moderateInteractiveConnectivitySimulationSocks5Proxy",
                &args.moderate_proxy,
            )?,
            stun_servers: stun_servers(args)?,
            tls: tls(args)?,
            timers: Timers::default(),
        })
    }
}

fn proxy(flag: &'static str, value: &str) -> Result<Proxy, ConfigError> {
    let bad = |reason| ConfigError::Proxy { flag, value: without_secrets(value), reason };
    let proxy = UpstreamProxy::parse(value).map_err(|error| bad(NotSocks5::Form(error)))?;
    if proxy.kind != ProxyKind::Socks5 {
        return Err(bad(NotSocks5::Kind));
    }
    let credentials = proxy.credentials;
    let credentials =
        credentials.map(|told| Credentials { user: told.user, password: told.password });
    Ok(Proxy::new(proxy.address, credentials))
}

/// Leaves out what stands before the last `@`: whoever reads the log need not know it.
fn without_secrets(value: &str) -> String {
    match value.rsplit_once('@') {
        Some((_, address)) => format!("...@{address}"),
        None => value.to_owned(),
    }
}

fn stun_servers(args: &Args) -> Result<Vec<StunServer>, ConfigError> {
    let mut servers = Vec::new();
    for url in args.stun.iter() {
        let bad = |reason| ConfigError::Stun { value: url.clone(), reason };
        match url.parse().map_err(bad)? {
            IceServer::Stun(server) => servers.push(server),
            IceServer::Unsupported(scheme) => {
                tracing::warn!("-stun: a server of scheme {scheme:?} is skipped");
            }
        }
    }
    Ok(servers)
}

fn tls(args: &Args) -> Result<Option<Tls>, ConfigError> {
    let (cert, key) = (args.cert.as_path(), args.key.as_path());
    let is_acme = !args.acme_hostnames.is_empty();
    let is_files = cert.is_some() || key.is_some();
    match (args.disable_tls, is_acme, is_files) {
        (true, false, false) => Ok(None),
        (false, true, false) => Ok(Some(Tls::from_acme(acme(args), &[HTTP1])?)),
        (false, false, true) => {
            let (cert, key) = cert.zip(key).ok_or(ConfigError::NoTlsChoice)?;
            Ok(Some(Tls::from_files(cert, key, &[HTTP1])?))
        }
        (false, false, false) => Err(ConfigError::NoTlsChoice),
        _ => Err(ConfigError::TlsTwice),
    }
}

fn acme(args: &Args) -> AcmeConfig {
    AcmeConfig {
        names: args.acme_hostnames.to_vec(),
        email: Some(args.acme_email.clone()).filter(|address| !address.is_empty()),
        cache: args.acme_cert_cache.clone(),
        http: vec![(Ipv6Addr::UNSPECIFIED, 80).into(), (Ipv4Addr::UNSPECIFIED, 80).into()],
        directory: Directory::default(),
    }
}

#[cfg(test)]
mod tests {
    use snowflake_cli::{Program, parse_from};

    use super::*;

    fn config(flags: &[&str]) -> Result<Config, String> {
        let program = Program { name: "snowflake-probetest", version: "0" };
        let args: Args = parse_from(program, flags.iter().copied()).expect("flags of Go's program");
        Config::from_args(&args).map_err(|error| error.to_string())
    }

    #[test]
    fn a_bad_proxy_is_named_without_its_password() {
        const FLAG: &str = "strictInteractiveConnectivitySimulationSocks5Proxy";
        for (value, shown) in [
            ("http://user:secret@127.0.0.1:8080", "...@127.0.0.1:8080"),
            ("socks5://user:se@cret@proxy.example:1081", "...@proxy.example:1081"),
            ("nonsense", "nonsense"),
        ] {
            let error = config(&["-disable-tls", &format!("-{FLAG}={value}")]).unwrap_err();
            let start = format!("invalid value {shown:?} for flag -{FLAG}: ");
            assert!(error.starts_with(&start), "{error}");
        }
    }

    #[test]
    fn gos_defaults() {
        let config = config(&["-disable-tls"]).unwrap();
        let proxy = |port| Proxy::new((Ipv4Addr::LOCALHOST, port).into(), None);
        assert_eq!((config.strict, config.moderate), (proxy(1081), proxy(1082)));
        assert_eq!(config.stun_servers.len(), 1);
        let timers = config.timers;
        assert_eq!(
            [timers.gathering, timers.open, timers.linger].map(|time| time.as_secs()),
            [10, 20, 5]
        );
        let program = Program { name: "snowflake-probetest", version: "0" };
        let args: Args = parse_from(program, [""; 0]).unwrap();
        assert_eq!(
            (&*args.addr, args.acme_cert_cache.to_str()),
            (":8443", Some("acme-cert-cache"))
        );
        assert!(args.acme_hostnames.is_empty() && args.acme_email.is_empty());
        assert!(args.cert.as_path().is_none() && args.key.as_path().is_none());
        assert!(!args.disable_tls && !args.unsafe_logging);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_flag() {
        let strict = "-strictInteractiveConnectivitySimulationSocks5Proxy";
        for (flags, why) in [
            (&[][..], "the --acme-hostnames, --cert and --key, or --disable-tls option"),
            (&["-cert", "c.pem"], "the --acme-hostnames"),
            (&["-disable-tls", "-acme-hostnames", "a.example"], "give one of -disable-tls"),
            (&["-cert", "/nowhere/c.pem", "-key", "/nowhere/k.pem"], "-cert and -key: cannot read"),
            (
                &["-disable-tls", strict, "http://127.0.0.1:1"],
                "invalid value \"http://127.0.0.1:1\" for flag -strict",
            ),
            (
                &["-disable-tls", strict, "127.0.0.1:1"],
                "invalid value \"127.0.0.1:1\" for flag -strict",
            ),
            (&["-disable-tls", "-stun", "stun:"], "invalid value \"stun:\" for flag -stun"),
        ] {
            let error = config(flags).unwrap_err();
            assert!(error.starts_with(why), "{error}");
        }
    }
}

//! What the flags mean.

use std::fmt::Display;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::time::Duration;

use snowflake_pt::{ProxyKind, UpstreamProxy};
use snowflake_socks5::Proxy;
use snowflake_tls_server::{AcmeConfig, AcmeError, Directory, HTTP1, Tls, TlsChoice};
use snowflake_webrtc::StunServer;

use crate::error::{NotSocks5, Reason};
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
    /// Names the flag, its value and what is wrong with it.
    pub fn from_args(args: &Args) -> Result<Self, ConfigError> {
        let choice = args.tls_flags().choice()?;
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
            timers: Timers::default(),
            // Last, since it makes a directory: a program that does not start leaves none.
            tls: tls(args, choice)?,
        })
    }
}

fn proxy(flag: &'static str, value: &str) -> Result<Proxy, ConfigError> {
    let shown = without_secrets(value);
    let proxy = UpstreamProxy::parse(value).map_err(NotSocks5::Form).map_err(bad(flag, &shown))?;
    if proxy.kind != ProxyKind::Socks5 {
        return Err(bad(flag, &shown)(NotSocks5::Kind));
    }
    Ok(Proxy::new(proxy.address, proxy.credentials))
}

/// Leaves out what stands before the last `@`: whoever reads the log need not know it.
fn without_secrets(value: &str) -> String {
    match value.rsplit_once('@') {
        Some((_, address)) => format!("...@{address}"),
        None => value.to_owned(),
    }
}

fn stun_servers(args: &Args) -> Result<Vec<StunServer>, ConfigError> {
    let servers =
        StunServer::of_urls(args.stun.iter()).map_err(|(url, reason)| bad("stun", &url)(reason))?;
    if servers.is_empty() {
        return Err(bad("stun", &args.stun.join(","))(Reason::NoStun));
    }
    Ok(servers)
}

fn tls(args: &Args, choice: TlsChoice<'_>) -> Result<Option<Tls>, ConfigError> {
    match choice {
        TlsChoice::None => Ok(None),
        TlsChoice::Files { cert, key } => from_files(cert, key).map(Some),
        TlsChoice::Acme => from_acme(args).map(Some),
    }
}

fn from_files(cert: &Path, key: &Path) -> Result<Tls, ConfigError> {
    Tls::from_files(cert, key, &[HTTP1]).map_err(|error| {
        let (flag, path) = if error.is_about(key) { ("key", key) } else { ("cert", cert) };
        bad(flag, &path.display())(error)
    })
}

fn from_acme(args: &Args) -> Result<Tls, ConfigError> {
    Tls::from_acme(acme(args), &[HTTP1]).map_err(|error| match &error {
        AcmeError::Name(name) => bad("acme-hostnames", name)(error),
        _ => bad("acme-cert-cache", &args.acme_cert_cache.display())(error),
    })
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

fn bad<E: Into<Reason>>(
    flag: &'static str,
    value: &dyn Display,
) -> impl FnOnce(E) -> ConfigError + use<E> {
    let value = value.to_string();
    move |reason| ConfigError::BadValue { flag, value, reason: reason.into() }
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
        let folder = tempfile::tempdir().unwrap();
        let cache = folder.path().to_str().unwrap();
        for (flags, why) in [
            (&[][..], "the --acme-hostnames, --cert and --key, or --disable-tls option"),
            (&["-cert", "c.pem"], "the --acme-hostnames"),
            (&["-disable-tls", "-acme-hostnames", "a.example"], "-disable-tls contradicts -cert"),
            (
                &["-cert", "/nowhere/c.pem", "-key", "/nowhere/k.pem"],
                "invalid value \"/nowhere/c.pem\" for flag -cert: cannot read /nowhere/c.pem: ",
            ),
            (
                &["-acme-hostnames", "a.example,b c", "-acme-cert-cache", cache],
                "invalid value \"b c\" for flag -acme-hostnames: \"b c\" is not a host name",
            ),
            (
                &["-acme-hostnames", "a.example", "-acme-cert-cache", "/dev/null"],
                "invalid value \"/dev/null\" for flag -acme-cert-cache: cannot keep certificates",
            ),
            (
                &["-disable-tls", strict, "http://127.0.0.1:1"],
                "invalid value \"http://127.0.0.1:1\" for flag -strict",
            ),
            (
                &["-disable-tls", strict, "127.0.0.1:1"],
                "invalid value \"127.0.0.1:1\" for flag -strict",
            ),
            (&["-disable-tls", "-stun", "stun:"], "invalid value \"stun:\" for flag -stun"),
            (&["-disable-tls", "-stun="], "invalid value \"\" for flag -stun: no STUN server"),
            (
                &["-disable-tls", "-stun", "turn:a.example,stuns:b.example"],
                "invalid value \"turn:a.example,stuns:b.example\" for flag -stun: no STUN server",
            ),
        ] {
            let error = config(flags).unwrap_err();
            assert!(error.starts_with(why), "{error}");
        }
    }
}

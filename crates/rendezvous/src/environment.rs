//! The proxies that the environment names, as Go's programs look at it.

use std::{env, net::IpAddr};

use snowflake_addresses::Network;
use thiserror::Error;
use url::{Host, Url};

use crate::upstream::{Credentials, Upstream, UpstreamKind};

/// The longest user name or password that SOCKS5 can say, in bytes (RFC 1929).
const MAX_SOCKS5_FIELD: usize = 255;

/// What `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` say, in capitals or not.
///
/// `HTTP_PROXY` counts for `http` and `ws`, `HTTPS_PROXY` for `https` and `wss`. Every connection goes through such a proxy
/// by CONNECT or SOCKS5, also one without TLS, for which Go's exchanges ask an HTTP proxy in another way.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    plain: Option<Upstream>,
    secure: Option<Upstream>,
    direct: Vec<Exception>,
}

/// A variable that cannot be understood. Its value is not shown: it may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{variable} in the environment {problem}")]
pub struct EnvironmentError {
    /// The variable, in capitals.
    pub variable: &'static str,
    /// What is wrong.
    pub problem: EnvironmentProblem,
}

/// What is wrong with a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum EnvironmentProblem {
    /// Nothing that could be dialled, or with a user name or password that SOCKS5 has no room for.
    #[error("is not the URL of a proxy")]
    Url,
    /// A kind of proxy that is not spoken to, such as one in TLS (`https`).
    #[error("names a kind of proxy other than http, socks5 and socks5h")]
    Kind,
}

/// An element of `NO_PROXY`.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Exception {
    All,
    Network(Network),
    /// One address, and its port if only that is meant.
    Address(IpAddr, Option<u16>),
    /// A name with a dot before it, and whether the name itself is meant besides those that end so.
    Name {
        dotted: String,
        itself: bool,
        port: Option<u16>,
    },
}

impl Environment {
    /// Reads the variables of this process.
    ///
    /// # Errors
    ///
    /// Names the variable that holds no proxy. Go's programs start, and fail at each exchange.
    pub fn read() -> Result<Self, EnvironmentError> {
        // What is no text is no URL either, and then has to be refused and not overlooked.
        Self::from_variables(|name| Some(env::var_os(name)?.to_string_lossy().into_owned()))
    }

    /// As [`read`](Self::read), with variables from elsewhere.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn from_variables(get: impl Fn(&str) -> Option<String>) -> Result<Self, EnvironmentError> {
        let value = |name: &str| {
            let set = |name: &str| get(name).filter(|value| !value.is_empty());
            set(name).or_else(|| set(&name.to_ascii_lowercase()))
        };
        let upstream = |variable| {
            let parse = |value: String| {
                parse(&value).map_err(|problem| EnvironmentError { variable, problem })
            };
            value(variable).map(parse).transpose()
        };
        Ok(Self {
            plain: upstream("HTTP_PROXY")?,
            secure: upstream("HTTPS_PROXY")?,
            direct: value("NO_PROXY")
                .iter()
                .flat_map(|list| list.split(','))
                .filter_map(exception)
                .collect(),
        })
    }

    /// The proxy on the way to `url`, if there is one. Never for `localhost` and this machine's own addresses.
    pub fn upstream(&self, url: &Url) -> Option<&Upstream> {
        let upstream = match url.scheme() {
            "http" | "ws" => self.plain.as_ref()?,
            "https" | "wss" => self.secure.as_ref()?,
            _ => return None,
        };
        let (host, port) = (url.host()?, url.port_or_known_default()?);
        let (name, ip) = match host {
            Host::Domain(name) => (name, None),
            Host::Ipv4(ip) => ("", Some(IpAddr::V4(ip))),
            Host::Ipv6(ip) => ("", Some(ip.to_canonical())),
        };
        let is_here = name == "localhost" || ip.is_some_and(|ip| ip.is_loopback());
        let is_direct = self.direct.iter().any(|exception| exception.holds_for(name, ip, port));
        (!is_here && !is_direct).then_some(upstream)
    }
}

impl Exception {
    fn holds_for(&self, name: &str, ip: Option<IpAddr>, port: u16) -> bool {
        match self {
            Self::All => true,
            Self::Network(network) => ip.is_some_and(|ip| network.contains(ip)),
            Self::Address(address, only) => {
                ip == Some(*address) && only.is_none_or(|only| only == port)
            }
            Self::Name { dotted, itself, port: only } => {
                let is_meant = name.ends_with(dotted) || *itself && name == &dotted[1..];
                is_meant && only.is_none_or(|only| only == port)
            }
        }
    }
}

/// A proxy's URL; what has no scheme is an HTTP proxy, as in Go.
fn parse(value: &str) -> Result<Upstream, EnvironmentProblem> {
    let has_scheme = value.contains("://");
    let url = if has_scheme { Url::parse(value) } else { Url::parse(&format!("http://{value}")) };
    let url = url.map_err(|_| EnvironmentProblem::Url)?;
    let (kind, usual_port) = match url.scheme() {
        "http" => (UpstreamKind::Http, 80),
        "socks5" | "socks5h" => (UpstreamKind::Socks5, 1080),
        _ => return Err(EnvironmentProblem::Kind),
    };
    // The host of a scheme that is none of the web's is not read as an address by itself.
    let host =
        url.host_str().and_then(|host| Host::parse(host).ok()).ok_or(EnvironmentProblem::Url)?;
    let upstream = Upstream::at(kind, host, url.port().unwrap_or(usual_port));
    match (url.username(), url.password()) {
        ("", None) => Ok(upstream),
        (user, password) => {
            let text = |part: &str| {
                let text = decode(part)
                    .filter(|text| kind != UpstreamKind::Socks5 || text.len() <= MAX_SOCKS5_FIELD);
                text.ok_or(EnvironmentProblem::Url)
            };
            let (user, password) = (text(user)?, text(password.unwrap_or_default())?);
            Ok(upstream.with_credentials(Credentials { user, password }))
        }
    }
}

/// Undoes `%41`.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        (bytes, rest) = match (first, tail) {
            (b'%', [high, low, tail @ ..]) => {
                let digit = |byte: &u8| char::from(*byte).to_digit(16);
                bytes.push((digit(high)? * 16 + digit(low)?) as u8);
                (bytes, tail)
            }
            _ => {
                bytes.push(*first);
                (bytes, tail)
            }
        };
    }
    String::from_utf8(bytes).ok()
}

/// One element of the list; what cannot be understood is left out, as in Go.
fn exception(element: &str) -> Option<Exception> {
    let element = element.trim().to_ascii_lowercase();
    match element.as_str() {
        "" => return None,
        "*" => return Some(Exception::All),
        _ => {}
    }
    if let Ok(network) = element.parse() {
        return Some(Exception::Network(network));
    }
    let (host, port) = match element.rsplit_once(':').map(|(host, port)| (host, port.parse())) {
        Some((host, Ok(port))) => (host, Some(port)),
        _ => (element.as_str(), None),
    };
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = bare.parse::<IpAddr>() {
        return Some(Exception::Address(address.to_canonical(), port));
    }
    let name = host.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(host);
    let itself = !name.starts_with('.');
    let bare = name.strip_prefix('.').unwrap_or(name);
    // Names of URLs are in ASCII.
    let ascii = Host::parse(bare).ok()?.to_string();
    Some(Exception::Name { dotted: format!(".{ascii}"), itself, port })
}

#[cfg(test)]
mod tests;

//! What the caller chooses, and the notation of ICE servers.

use std::{
    net::{IpAddr, Ipv6Addr},
    ops::RangeInclusive,
    str::FromStr,
    time::Duration,
};

use crate::limits::GATHERING_DEADLINE;

/// Settings of a connection; [`Default`] is what a client wants apart from its STUN servers.
#[derive(Clone, Debug)]
pub struct Config {
    /// Servers that tell this machine its address as seen from outside; default none.
    ///
    /// All are asked at once. One that does not answer delays the description by at most
    /// [`GATHERING_GRACE`](crate::limits::GATHERING_GRACE) after another one's answer.
    pub stun_servers: Vec<StunServer>,
    /// Whether private, link-local, carrier-NAT and loopback addresses are told to the peer; default no.
    ///
    /// Also binds a socket to loopback, which is otherwise left out.
    pub keep_local_addresses: bool,
    /// UDP ports to bind to; default any.
    pub ephemeral_ports: Option<RangeInclusive<u16>>,
    /// The address that host candidates carry, for machines behind a one-to-one NAT; default none.
    ///
    /// If an interface has this address, sockets are bound to it alone.
    pub outbound_address: Option<IpAddr>,
    /// When the description goes out with the candidates found so far; default 5 s. The Go proxy takes 3.75 s, three
    /// quarters of what the broker waits.
    pub gathering_deadline: Duration,
    /// A proxy through which all packets go, questions for names among them; default none.
    ///
    /// Then no socket of this machine is told of and [`ephemeral_ports`](Self::ephemeral_ports) mean nothing: the only
    /// candidates are what STUN servers see beyond the proxy, all of IPv4. A connection ends when the proxy ends it.
    pub upstream: Option<snowflake_socks5::Proxy>,
    /// Whether descriptions hold no candidate at all, and none are waited for; default no.
    ///
    /// A peer is then reached only if it lets in what it has not sent to, which is what a probe server wants to know.
    pub hide_candidates: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            stun_servers: Vec::new(),
            keep_local_addresses: false,
            ephemeral_ports: None,
            outbound_address: None,
            gathering_deadline: GATHERING_DEADLINE,
            upstream: None,
            hide_candidates: false,
        }
    }
}

/// A STUN server reached over UDP.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StunServer {
    /// Name or address, IPv6 without brackets.
    pub host: String,
    /// UDP port; 3478 where the URL names none.
    pub port: u16,
}

impl StunServer {
    /// The servers that these URLs name, in their order.
    ///
    /// Those of other schemes are left out, as Go's programs do; the log says of which.
    ///
    /// # Errors
    ///
    /// The first URL that cannot be read, and what is wrong with it.
    pub fn of_urls<U: AsRef<str>>(
        urls: impl IntoIterator<Item = U>,
    ) -> Result<Vec<Self>, (U, IceServerError)> {
        let mut servers = Vec::new();
        for url in urls {
            match url.as_ref().parse() {
                Err(reason) => return Err((url, reason)),
                Ok(IceServer::Stun(server)) => servers.push(server),
                Ok(IceServer::Unsupported(scheme)) => {
                    tracing::warn!(
                        "only STUN servers over UDP are used; one of scheme {scheme:?} is skipped"
                    );
                }
            }
        }
        Ok(servers)
    }
}

/// An ICE server as the command line names it (RFC 7064, RFC 7065).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IceServer {
    /// `stun:host[:port]`: used.
    Stun(StunServer),
    /// Another scheme of ICE servers: to be skipped, as Go's client does.
    Unsupported(IceScheme),
}

/// Schemes of ICE servers that this crate does not speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IceScheme {
    /// STUN over TLS.
    Stuns,
    /// A relay.
    Turn,
    /// A relay over TLS.
    Turns,
}

/// Why an ICE server URL cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IceServerError {
    /// It begins with none of `stun:`, `stuns:`, `turn:`, `turns:`.
    #[error("an ICE server begins with stun:, stuns:, turn: or turns:")]
    Scheme,
    /// Nothing stands where the host should.
    #[error("an ICE server needs a host")]
    Host,
    /// What stands behind the colon is not a port between 1 and 65535.
    #[error("the port of an ICE server is a number from 1 to 65535")]
    Port,
    /// `stun:` has no query (RFC 7064, 3.1).
    #[error("a STUN server takes no query")]
    Query,
}

impl FromStr for IceServer {
    type Err = IceServerError;

    fn from_str(url: &str) -> Result<Self, IceServerError> {
        let (scheme, rest) = url.split_once(':').ok_or(IceServerError::Scheme)?;
        match scheme.to_ascii_lowercase().as_str() {
            "stun" => stun_server(rest).map(Self::Stun),
            "stuns" => Ok(Self::Unsupported(IceScheme::Stuns)),
            "turn" => Ok(Self::Unsupported(IceScheme::Turn)),
            "turns" => Ok(Self::Unsupported(IceScheme::Turns)),
            _ => Err(IceServerError::Scheme),
        }
    }
}

/// `host`, `host:port`, `[v6]` or `[v6]:port`.
fn stun_server(text: &str) -> Result<StunServer, IceServerError> {
    const DEFAULT_PORT: u16 = 3478;
    if text.contains('?') {
        return Err(IceServerError::Query);
    }
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']').ok_or(IceServerError::Host)?;
            host.parse::<Ipv6Addr>().map_err(|_| IceServerError::Host)?;
            (
                host,
                if port.is_empty() {
                    None
                } else {
                    Some(port.strip_prefix(':').ok_or(IceServerError::Port)?)
                },
            )
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    if host.is_empty() || host.contains(['/', '@', ' ']) {
        return Err(IceServerError::Host);
    }
    let port = port.map_or(Ok(DEFAULT_PORT), |port| match port.parse() {
        Ok(port) if port != 0 => Ok(port),
        _ => Err(IceServerError::Port),
    })?;
    Ok(StunServer { host: host.to_owned(), port })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stun(host: &str, port: u16) -> Result<IceServer, IceServerError> {
        Ok(IceServer::Stun(StunServer { host: host.to_owned(), port }))
    }

    #[test]
    fn ice_servers_are_read_as_go_reads_them() {
        assert_eq!("stun:example.net".parse(), stun("example.net", 3478));
        assert_eq!("stun:stun.l.google.com:19302".parse(), stun("stun.l.google.com", 19302));
        assert_eq!("STUN:192.0.2.1:1".parse(), stun("192.0.2.1", 1));
        assert_eq!("stun:[2001:db8::1]".parse(), stun("2001:db8::1", 3478));
        assert_eq!("stun:[2001:db8::1]:99".parse(), stun("2001:db8::1", 99));
        assert_eq!(
            "turn:example.net?transport=udp".parse(),
            Ok(IceServer::Unsupported(IceScheme::Turn))
        );
        assert_eq!("turns:example.net".parse(), Ok(IceServer::Unsupported(IceScheme::Turns)));
        assert_eq!("stuns:example.net".parse(), Ok(IceServer::Unsupported(IceScheme::Stuns)));
    }

    #[test]
    fn of_a_list_those_are_used_that_speak_stun_over_udp() {
        let of_urls = |urls: &[&str]| {
            let urls: Vec<_> = urls.iter().map(|url| (*url).to_owned()).collect();
            StunServer::of_urls(&urls).map_err(|(url, reason)| (url.to_owned(), reason))
        };
        let server = |host: &str| StunServer { host: host.to_owned(), port: 3478 };
        let mixed = ["stun:b.example", "turn:t.example", "stuns:s.example", "stun:a.example"];
        assert_eq!(of_urls(&mixed), Ok(vec![server("b.example"), server("a.example")]));
        assert_eq!(of_urls(&[]), Ok(vec![]));
        let bad = ["stun:a.example", "stun:b.example:0", "nonsense"];
        assert_eq!(of_urls(&bad), Err(("stun:b.example:0".to_owned(), IceServerError::Port)));
    }

    #[test]
    fn bad_ice_servers_say_what_is_wrong() {
        use IceServerError::{Host, Port, Query, Scheme};
        for (url, error) in [
            ("", Scheme),
            ("example.net", Scheme),
            ("https://example.net", Scheme),
            ("stun:", Host),
            ("stun::3478", Host),
            ("stun://example.net", Host),
            ("stun:[example.net]", Host),
            ("stun:[::1", Host),
            ("stun:[::1]3478", Port),
            ("stun:example.net:", Port),
            ("stun:example.net:0", Port),
            ("stun:example.net:65536", Port),
            ("stun:example.net?transport=udp", Query),
        ] {
            assert_eq!(url.parse::<IceServer>(), Err(error), "{url}");
        }
    }
}

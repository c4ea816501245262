//! May we take a client to this relay? Pure.

use snowflake_addresses::is_remote;
use thiserror::Error;
use url::{Host, Url};

use crate::config::RelayRules;

/// Why the relay that the broker named is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum RelayUrlError {
    /// Not a URL.
    #[error("not a URL")]
    Malformed(#[source] url::ParseError),
    /// A URL without a host.
    #[error("no host")]
    NoHost,
    /// The host is an address of a local network.
    #[error("the address is private")]
    Private,
    /// Neither `wss` nor, if that is allowed, `ws`.
    #[error("the scheme is not wss")]
    Scheme,
    /// The host does not match our pattern.
    #[error("the host does not match the allowed pattern")]
    Host,
}

/// Checks the relay that the broker named, in Go's order; `None` if it named none, which means our own.
///
/// Names are not looked up. They are compared as the URL type writes them, in lower case.
pub(crate) fn check(text: &str, rules: &RelayRules) -> Result<Option<Url>, RelayUrlError> {
    if text.is_empty() {
        return Ok(None);
    }
    let url = Url::parse(text).map_err(RelayUrlError::Malformed)?;
    let host = url.host().ok_or(RelayUrlError::NoHost)?;
    let is_local = match host {
        Host::Domain(_) => false,
        Host::Ipv4(address) => !is_remote(address.into()),
        Host::Ipv6(address) => !is_remote(address.into()),
    };
    if is_local && !rules.allow_private_addresses {
        return Err(RelayUrlError::Private);
    }
    if url.scheme() != "wss" && !(url.scheme() == "ws" && rules.allow_non_tls) {
        return Err(RelayUrlError::Scheme);
    }
    let name = match host {
        Host::Domain(name) => name.to_owned(),
        Host::Ipv4(address) => address.to_string(),
        Host::Ipv6(address) => address.to_string(),
    };
    if !rules.pattern.matches(&name) {
        return Err(RelayUrlError::Host);
    }
    Ok(Some(url))
}

#[cfg(test)]
mod tests {
    use snowflake_messages::RelayPattern;

    use super::*;

    fn rules(pattern: &str) -> RelayRules {
        RelayRules {
            pattern: RelayPattern::new(pattern),
            allow_non_tls: false,
            allow_private_addresses: false,
        }
    }

    #[test]
    fn the_default_takes_tors_relays_only() {
        let rules = rules("snowflake.torproject.net$");
        for url in [
            "wss://snowflake.torproject.net/",
            "wss://02.snowflake.torproject.net",
            "wss://snowflake.torproject.net:8443/path?query",
            "wss://evilsnowflake.torproject.net/",
        ] {
            assert_eq!(check(url, &rules), Ok(Some(Url::parse(url).unwrap())));
        }
        assert_eq!(check("", &rules), Ok(None), "our own relay is not checked");
        for (url, error) in [
            ("wss://torproject.net/", RelayUrlError::Host),
            ("wss://snowflake.torproject.net.example/", RelayUrlError::Host),
            ("wss://192.0.2.7/", RelayUrlError::Host),
            ("ws://snowflake.torproject.net/", RelayUrlError::Scheme),
            ("https://snowflake.torproject.net/", RelayUrlError::Scheme),
            ("file://snowflake.torproject.net/etc", RelayUrlError::Scheme),
            ("mailto:snowflake.torproject.net", RelayUrlError::NoHost),
        ] {
            assert_eq!(check(url, &rules), Err(error), "{url}");
        }
        assert!(matches!(check("snowflake", &rules), Err(RelayUrlError::Malformed(_))));
        assert!(matches!(check("wss://", &rules), Err(RelayUrlError::Malformed(_))));
    }

    #[test]
    fn private_addresses_are_refused_first() {
        let any = rules("$");
        for host in [
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "127.0.0.1",
            "100.64.0.1",
            "169.254.1.1",
            "0.0.0.0",
            // Other ways to write an address, which the URL type and the resolver know.
            "0x7f.1",
            "2130706433",
            "[::1]",
            "[::]",
            "[fc00::1]",
            "[fe80::1]",
            "[::ffff:10.0.0.1]",
        ] {
            for scheme in ["wss", "ws"] {
                let url = format!("{scheme}://{host}/");
                assert_eq!(check(&url, &any), Err(RelayUrlError::Private), "{url}");
            }
        }
        for host in ["172.32.0.1", "8.8.8.8", "[2001:db8::1]", "localhost"] {
            assert!(check(&format!("wss://{host}/"), &any).is_ok(), "{host}");
        }
    }

    #[test]
    fn what_is_allowed_is_allowed() {
        let local = RelayRules { allow_non_tls: true, allow_private_addresses: true, ..rules("$") };
        for url in ["ws://127.0.0.1:8080/", "wss://[::1]/", "ws://a.example/"] {
            assert!(check(url, &local).is_ok(), "{url}");
        }
        assert_eq!(check("http://127.0.0.1/", &local), Err(RelayUrlError::Scheme));
        let exact = rules("^a.example$");
        assert!(check("wss://a.example/", &exact).is_ok());
        assert_eq!(check("wss://b.a.example/", &exact), Err(RelayUrlError::Host));
        let v6 = RelayRules { allow_private_addresses: true, ..rules("^::1$") };
        assert!(check("wss://[::1]:443/", &v6).is_ok(), "without brackets and port");
    }
}

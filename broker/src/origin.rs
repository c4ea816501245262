//! Who asks: the peer's address, or what reverse proxies in front of the broker say of it.
//!
//! Anybody can write `Forwarded` (RFC 7239) and `X-Forwarded-For` into a request. Each reverse
//! proxy adds one entry at the end, so with a known number of them the right entry can be counted
//! from the right, and nobody outside can move it. With none of them every entry is the sender's
//! invention: whoever makes up a new address for each poll has no rate limit. [`TrustedHops`] says
//! when entries count; without a word from the operator only peers are believed that no stranger
//! can be.
//!
//! Both headers are looked at, `Forwarded` first. A reverse proxy that writes only one of them must
//! remove the other.
//!
//! An address lives as long as its request, the peer's as long as its connection. What is kept of
//! them are keyed hashes.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use hyper::HeaderMap;
use hyper::header::{FORWARDED, HeaderName};
use snowflake_addresses::is_remote;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// How many reverse proxies in front of the broker are believed about who asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TrustedHops {
    /// One (Go's default) if the peer has an address of a private network or of this machine, as a
    /// reverse proxy of the operator's has; none if it may be anybody. So a broker that serves the
    /// world directly takes no address from a stranger's word.
    #[default]
    OfPrivatePeers,
    /// So many, whoever the peer is: what the operator says. With 0 the peer's own address counts.
    Always(usize),
}

impl TrustedHops {
    fn of(self, peer: IpAddr) -> usize {
        match self {
            TrustedHops::OfPrivatePeers => usize::from(!is_remote(peer)),
            TrustedHops::Always(hops) => hops,
        }
    }
}

/// How a client's poll came to the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Rendezvous {
    /// By HTTP, fronted or not.
    Http,
    /// Through an AMP cache.
    AmpCache,
    /// Through an SQS queue.
    Sqs,
}

/// Where a client's poll came from, for statistics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClientOrigin {
    /// How it came.
    pub(crate) rendezvous: Rendezvous,
    /// `None`: only its offer says where the client is.
    pub(crate) address: Option<IpAddr>,
}

impl Rendezvous {
    /// In the order of the metrics.
    pub(crate) const ALL: [Rendezvous; 3] =
        [Rendezvous::Http, Rendezvous::AmpCache, Rendezvous::Sqs];

    /// The word in the metrics.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Rendezvous::Http => "http",
            Rendezvous::AmpCache => "ampcache",
            Rendezvous::Sqs => "sqs",
        }
    }
}

impl fmt::Display for Rendezvous {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl ClientOrigin {
    /// A client that polls by HTTP. Its address is the leftmost that means something outside its
    /// own network, else the peer's: content delivery networks add entries of their own, and a lie
    /// harms nothing but statistics.
    pub(crate) fn http(headers: &HeaderMap, peer: IpAddr) -> Self {
        Self { rendezvous: Rendezvous::Http, address: Some(of_client(headers, peer)) }
    }
}

/// The address that a proxy's polls are counted under: the entry of the outermost reverse proxy
/// that is trusted, else the peer's own.
///
/// If the header has fewer entries than hops, or the entry is no address, the peer's counts.
pub(crate) fn of_proxy(headers: &HeaderMap, peer: IpAddr, hops: TrustedHops) -> IpAddr {
    let Some(skipped) = hops.of(peer).checked_sub(1) else { return peer };
    let entry = |name, read| entries(headers, name, read).nth_back(skipped).flatten();
    entry(FORWARDED, forwarded_for).or_else(|| entry(X_FORWARDED_FOR, address)).unwrap_or(peer)
}

fn of_client(headers: &HeaderMap, peer: IpAddr) -> IpAddr {
    let first = |name, read| entries(headers, name, read).flatten().find(|ip| is_remote(*ip));
    first(FORWARDED, forwarded_for).or_else(|| first(X_FORWARDED_FOR, address)).unwrap_or(peer)
}

/// Whether the request names addresses that [`of_proxy`] does not believe just because nobody said
/// how many hops there are. A reverse proxy with a public address is recognised by it.
pub(crate) fn is_doubted(headers: &HeaderMap, peer: IpAddr, hops: TrustedHops) -> bool {
    let named = headers.contains_key(FORWARDED) || headers.contains_key(X_FORWARDED_FOR);
    named && hops == TrustedHops::OfPrivatePeers && hops.of(peer) == 0
}

/// The entries of all headers of this name, in order; `None` for those that are no address.
fn entries(
    headers: &HeaderMap,
    name: HeaderName,
    read: fn(&str) -> Option<IpAddr>,
) -> impl DoubleEndedIterator<Item = Option<IpAddr>> {
    let lines = headers.get_all(name).into_iter();
    lines.flat_map(|line| line.to_str().unwrap_or_default().split(',')).map(read)
}

/// The `for` of one element of `Forwarded`.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    element.split(';').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        let value = value.trim().trim_matches('"');
        key.trim().eq_ignore_ascii_case("for").then(|| address(value))?
    })
}

/// An address, with or without port; an IPv6 address with a port stands in brackets.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let ip = bare.parse().ok().or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()))?;
    let ip: IpAddr = IpAddr::to_canonical(&ip);
    (!ip.is_unspecified()).then_some(ip)
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    const STRANGER: &str = "203.0.113.7";
    const NGINX: &str = "127.0.0.1";

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let lines = lines.iter().map(|(name, value)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        });
        lines.collect()
    }

    fn proxy(lines: &[(&'static str, &str)], peer: &str, hops: TrustedHops) -> String {
        of_proxy(&headers(lines), peer.parse().unwrap(), hops).to_string()
    }

    fn client(lines: &[(&'static str, &str)]) -> String {
        of_client(&headers(lines), STRANGER.parse().unwrap()).to_string()
    }

    #[test]
    fn a_stranger_cannot_choose_its_address() {
        for lines in [
            &[("x-forwarded-for", "192.0.2.1")][..],
            &[("forwarded", "for=192.0.2.1")],
            &[("x-forwarded-for", "192.0.2.1"), ("forwarded", "for=192.0.2.2")],
        ] {
            assert_eq!(proxy(lines, STRANGER, TrustedHops::default()), STRANGER);
            assert_eq!(proxy(lines, STRANGER, TrustedHops::Always(0)), STRANGER);
            assert_eq!(proxy(lines, NGINX, TrustedHops::Always(0)), NGINX);
        }
    }

    #[test]
    fn hops_are_counted_from_the_right() {
        use TrustedHops::Always;
        let three = [("x-forwarded-for", "192.0.2.1, 192.0.2.2"), ("x-forwarded-for", "192.0.2.3")];
        for (lines, peer, hops, expected) in [
            (&three[..], NGINX, TrustedHops::default(), "192.0.2.3"),
            (&three, "10.1.2.3", TrustedHops::default(), "192.0.2.3"),
            (&three, "::1", TrustedHops::default(), "192.0.2.3"),
            (&three, STRANGER, Always(1), "192.0.2.3"),
            (&three, STRANGER, Always(2), "192.0.2.2"),
            (&three, STRANGER, Always(3), "192.0.2.1"),
            (&three, STRANGER, Always(4), STRANGER),
            (&three, STRANGER, Always(usize::MAX), STRANGER),
            (&[], STRANGER, Always(1), STRANGER),
            (&[("x-forwarded-for", "")], STRANGER, Always(1), STRANGER),
            (&[("x-forwarded-for", "192.0.2.1, unknown")], STRANGER, Always(1), STRANGER),
            (&[("x-forwarded-for", "192.0.2.1, unknown")], STRANGER, Always(2), "192.0.2.1"),
        ] {
            assert_eq!(proxy(lines, peer, hops), expected, "{lines:?} {hops:?}");
        }
    }

    #[test]
    fn forwarded_comes_first_unless_it_names_no_address() {
        let one = TrustedHops::Always(1);
        for (forwarded, expected) in [
            ("for=192.0.2.1;proto=https;by=192.0.2.9", "192.0.2.1"),
            ("for=192.0.2.9, For=\"[2001:db8::1]:4711\"", "2001:db8::1"),
            ("proto=https; FOR=\"192.0.2.1:80\"", "192.0.2.1"),
            ("for=_hidden", "198.51.100.1"),
            ("by=192.0.2.1", "198.51.100.1"),
            ("192.0.2.1", "198.51.100.1"),
        ] {
            let lines = [("x-forwarded-for", "198.51.100.1"), ("forwarded", forwarded)];
            assert_eq!(proxy(&lines, STRANGER, one), expected, "{forwarded}");
        }
    }

    #[test]
    fn addresses_in_all_forms() {
        for (text, expected) in [
            ("192.0.2.1", Some("192.0.2.1")),
            (" 192.0.2.1:80 ", Some("192.0.2.1")),
            ("2001:db8::1", Some("2001:db8::1")),
            ("[2001:db8::1]", Some("2001:db8::1")),
            ("[2001:db8::1]:80", Some("2001:db8::1")),
            ("::ffff:192.0.2.1", Some("192.0.2.1")),
            ("0.0.0.0", None),
            ("::", None),
            ("192.0.2.1:", None),
            ("[192.0.2.1", None),
            ("name.example", None),
        ] {
            assert_eq!(address(text).map(|ip| ip.to_string()).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_clients_country_is_that_of_its_leftmost_public_address() {
        assert_eq!(client(&[("x-forwarded-for", "10.0.0.1, 192.0.2.1, 192.0.2.2")]), "192.0.2.1");
        assert_eq!(
            client(&[("x-forwarded-for", "192.0.2.1"), ("forwarded", "for=192.0.2.2")]),
            "192.0.2.2"
        );
        assert_eq!(
            client(&[("x-forwarded-for", "192.0.2.1"), ("forwarded", "for=10.0.0.1")]),
            "192.0.2.1"
        );
        assert_eq!(client(&[("x-forwarded-for", "10.0.0.1, unknown")]), STRANGER);
        assert_eq!(client(&[]), STRANGER);
    }

    #[test]
    fn only_what_could_be_a_reverse_proxy_is_doubted() {
        let doubted = |lines: &[(&'static str, &str)], peer: &str, hops| {
            is_doubted(&headers(lines), peer.parse().unwrap(), hops)
        };
        let named = [("x-forwarded-for", "192.0.2.1")];
        assert!(doubted(&named, STRANGER, TrustedHops::default()));
        assert!(!doubted(&named, NGINX, TrustedHops::default()));
        assert!(!doubted(&named, STRANGER, TrustedHops::Always(0)));
        assert!(!doubted(&[], STRANGER, TrustedHops::default()));
    }

    proptest! {
        #[test]
        fn any_header_is_survived(value in "[ -~]{0,60}", hops in 0_usize..4) {
            for name in ["forwarded", "x-forwarded-for"] {
                proxy(&[(name, &value)], NGINX, TrustedHops::Always(hops));
                client(&[(name, &value)]);
            }
        }
    }
}

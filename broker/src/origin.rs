//! Who asks: the peer's address, or what reverse proxies in front of the broker say of it.
//!
//! Anybody can write `Forwarded` (RFC 7239) and `X-Forwarded-For` into a request. Each reverse
//! proxy adds one entry at the end, so with a known number of them the right entry can be counted
//! from the right, and nobody outside can move it. With none of them every entry is the sender's
//! invention: whoever makes up a new address for each poll has no rate limit. [`TrustedHops`] says
//! when entries count; without a word from the operator only peers of a private network are
//! believed. That leaves out strangers, except where the network in front of the broker gives
//! everybody a private address, as those of containers may: then the operator has to say 0.
//!
//! Both headers are looked at. Most reverse proxies write only `X-Forwarded-For` and hand on what
//! the client says in the other, so where the two disagree neither is believed. One that a reverse
//! proxy does not write has to be removed by it: then nobody can have himself counted as that
//! reverse proxy.
//!
//! Whoever comes through a load balancer of `-proxy-protocol` has the address that it names; that is the
//! peer's here (`proxy_protocol.rs`).
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
    /// world directly takes no address from a stranger's word, unless source NAT makes all peers
    /// private (Docker's userland proxy, rootless podman, some of Kubernetes' services).
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

/// Why addresses in headers are not believed, in words for the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Doubt {
    /// Nobody said how many hops there are, and the peer may be anybody. A reverse proxy with a
    /// public address is recognised by it.
    #[error(
        "a peer with a public address sends Forwarded or X-Forwarded-For, which are not believed. \
         If it is your reverse proxy, set -trusted-hops 1; -trusted-hops 0 ends this warning"
    )]
    PublicPeer,
    /// The sender wrote one of the two headers, and which one is not known.
    #[error(
        "a request names different addresses in Forwarded and X-Forwarded-For; it is counted under that \
         of your reverse proxy, which should remove the header that it does not write"
    )]
    Contradiction,
}

/// The address that a proxy's polls are counted under: the entry of the outermost reverse proxy
/// that is trusted, else the peer's own.
///
/// If the header has fewer entries than hops, or the entry is no address, the peer's counts.
///
/// # Errors
/// There are addresses in the headers, and they do not count; the peer's does.
pub(crate) fn of_proxy(
    headers: &HeaderMap,
    peer: IpAddr,
    hops: TrustedHops,
) -> Result<IpAddr, Doubt> {
    let Some(skipped) = hops.of(peer).checked_sub(1) else {
        let named = headers.contains_key(FORWARDED) || headers.contains_key(X_FORWARDED_FOR);
        let is_said = hops != TrustedHops::OfPrivatePeers;
        return if named && !is_said { Err(Doubt::PublicPeer) } else { Ok(peer) };
    };
    let entry = |name: HeaderName, read| {
        let is_there = headers.contains_key(&name);
        is_there.then(|| entries(headers, name, read).nth_back(skipped).flatten())
    };
    match (entry(FORWARDED, forwarded_for), entry(X_FORWARDED_FOR, address)) {
        (Some(one), Some(other)) if one != other => Err(Doubt::Contradiction),
        (Some(entry), _) | (None, Some(entry)) => Ok(entry.unwrap_or(peer)),
        (None, None) => Ok(peer),
    }
}

fn of_client(headers: &HeaderMap, peer: IpAddr) -> IpAddr {
    let first = |name, read| entries(headers, name, read).flatten().find(|ip| is_remote(*ip));
    first(FORWARDED, forwarded_for).or_else(|| first(X_FORWARDED_FOR, address)).unwrap_or(peer)
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
        let peer = peer.parse().unwrap();
        of_proxy(&headers(lines), peer, hops).unwrap_or(peer).to_string()
    }

    fn doubt(lines: &[(&'static str, &str)], peer: &str, hops: TrustedHops) -> Option<Doubt> {
        of_proxy(&headers(lines), peer.parse().unwrap(), hops).err()
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
    fn forwarded_is_read_as_well() {
        let one = TrustedHops::Always(1);
        for (forwarded, expected) in [
            ("for=192.0.2.1;proto=https;by=192.0.2.9", "192.0.2.1"),
            ("for=192.0.2.9, For=\"[2001:db8::1]:4711\"", "2001:db8::1"),
            ("proto=https; FOR=\"192.0.2.1:80\"", "192.0.2.1"),
            ("for=_hidden", STRANGER),
            ("by=192.0.2.1", STRANGER),
            ("192.0.2.1", STRANGER),
        ] {
            assert_eq!(proxy(&[("forwarded", forwarded)], STRANGER, one), expected, "{forwarded}");
        }
    }

    /// nginx, Apache, haproxy and Caddy add to `X-Forwarded-For` and hand `Forwarded` on; others may
    /// do it the other way round.
    #[test]
    fn nginx_with_a_foreign_forwarded_is_counted_as_nginx() {
        for (ours, foreign) in [
            (("x-forwarded-for", STRANGER), ("forwarded", "for=192.0.2.1")),
            (("x-forwarded-for", STRANGER), ("forwarded", "for=_hidden")),
            (("forwarded", "for=203.0.113.7"), ("x-forwarded-for", "192.0.2.1")),
            (("forwarded", "for=_hidden"), ("x-forwarded-for", "192.0.2.1")),
        ] {
            let lines = [ours, foreign];
            for hops in [TrustedHops::default(), TrustedHops::Always(1)] {
                assert_eq!(proxy(&lines, NGINX, hops), NGINX, "{lines:?}");
                assert_eq!(doubt(&lines, NGINX, hops), Some(Doubt::Contradiction), "{lines:?}");
            }
        }
        let agreed = [("x-forwarded-for", STRANGER), ("forwarded", "for=203.0.113.7;proto=https")];
        assert_eq!(proxy(&agreed, NGINX, TrustedHops::default()), STRANGER);
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
        let named = [("x-forwarded-for", "192.0.2.1")];
        assert_eq!(doubt(&named, STRANGER, TrustedHops::default()), Some(Doubt::PublicPeer));
        assert_eq!(doubt(&named, NGINX, TrustedHops::default()), None);
        assert_eq!(doubt(&named, STRANGER, TrustedHops::Always(0)), None);
        assert_eq!(doubt(&[], STRANGER, TrustedHops::default()), None);
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

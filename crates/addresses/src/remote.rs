//! Which addresses may be told to a stranger.

use std::net::{IpAddr, Ipv4Addr};

/// Whether `ip` means something outside its own network: neither private, link-local, carrier-NAT, loopback nor
/// unspecified, also when written as an IPv4 address within IPv6.
///
/// Everything else counts as remote, multicast and documentation addresses included; this is the rule by which Go's
/// client and proxy choose candidates, and its proxy the client's address.
pub fn is_remote(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            !(ip.is_private()
                || ip.is_link_local()
                || is_carrier_nat(ip)
                || ip.is_loopback()
                || ip.is_unspecified())
        }
        IpAddr::V6(ip) => {
            !(ip.is_unique_local()
                || ip.is_unicast_link_local()
                || ip.is_loopback()
                || ip.is_unspecified())
        }
    }
}

/// 100.64.0.0/10 (RFC 6598).
fn is_carrier_nat(ip: Ipv4Addr) -> bool {
    let [first, second, ..] = ip.octets();
    first == 100 && (64..128).contains(&second)
}

#[cfg(test)]
mod tests {
    use super::is_remote;

    // The borders of each range, as the Go client and proxy (2.11 and later) judge them.
    #[test]
    fn borders_of_every_range() {
        for remote in [
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.167.255.255",
            "192.169.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "0.0.0.1",
            "255.255.255.255",
            "224.0.0.1",
            "192.0.2.1",
            "::ffff:8.8.8.8",
            "fec0::1",
            "ff02::1",
            "64:ff9b::1",
            "fbff::1",
            "2001:db8::1",
            "::2",
            "::8.8.8.8",
        ] {
            assert!(is_remote(remote.parse().unwrap()), "{remote}");
        }
        for local in [
            "10.0.0.0",
            "10.255.255.255",
            "172.16.0.0",
            "172.31.255.255",
            "192.168.0.0",
            "192.168.255.255",
            "169.254.0.0",
            "169.254.255.255",
            "100.64.0.0",
            "100.127.255.255",
            "127.0.0.0",
            "127.255.255.255",
            "0.0.0.0",
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:0.0.0.0",
            "fc00::",
            "fdff::1",
            "fe80::1",
            "febf::1",
        ] {
            assert!(!is_remote(local.parse().unwrap()), "{local}");
        }
    }
}

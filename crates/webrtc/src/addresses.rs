//! Addresses that stand for others.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The unspecified address of `ip`'s family.
pub(crate) const fn unspecified(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    }
}

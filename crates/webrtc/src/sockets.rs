//! Which addresses and ports a connection binds to.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    ops::RangeInclusive,
};

use snowflake_addresses::is_remote;

use crate::{addresses::unspecified, config::Config, error::SetupError, limits::MAX_SOCKETS};

/// Addresses of the documentation networks (RFC 5737, RFC 3849), to ask the kernel for its default route; nothing is
/// sent there.
const ELSEWHERE: [SocketAddr; 2] = [
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 9),
    SocketAddr::new(IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)), 9),
];

/// The socket addresses to bind, at least one, at most [`MAX_SOCKETS`], with a free port each.
///
/// A port of 0 leaves the choice to the kernel.
pub(crate) fn choose(
    config: &Config,
    stun_servers: &[SocketAddr],
) -> Result<Vec<SocketAddr>, SetupError> {
    let addresses = used_addresses(config, stun_servers)?;
    match &config.ephemeral_ports {
        None => Ok(addresses.into_iter().map(|ip| SocketAddr::new(ip, 0)).collect()),
        Some(range) => with_free_ports(&addresses, range),
    }
}

/// This machine's addresses that a connection would use now, in order; others mean that it is on another network.
///
/// The kernel is asked, which takes less than a millisecond; nothing is sent.
///
/// # Errors
///
/// [`SetupError::Interfaces`] when the system does not tell.
pub fn local_addresses(config: &Config) -> Result<Vec<IpAddr>, SetupError> {
    let mut addresses = used_addresses(config, &[])?;
    // The system lists interfaces as it likes.
    addresses.sort_unstable();
    Ok(addresses)
}

fn used_addresses(config: &Config, stun_servers: &[SocketAddr]) -> Result<Vec<IpAddr>, SetupError> {
    let interfaces: Vec<IpAddr> = if_addrs::get_if_addrs()
        .map_err(SetupError::Interfaces)?
        .iter()
        .map(if_addrs::Interface::ip)
        .collect();
    let routes: Vec<IpAddr> =
        stun_servers.iter().chain(&ELSEWHERE).filter_map(|&to| source_towards(to)).collect();
    Ok(addresses(config, &interfaces, &routes))
}

/// The addresses to bind, given those of the interfaces and those that the kernel would send from.
///
/// Go's library binds the wildcard address for reflexive candidates. Ours needs one socket for each address, so those
/// that packets leave from anyway and those that make a host candidate of use are enough.
fn addresses(config: &Config, interfaces: &[IpAddr], routes: &[IpAddr]) -> Vec<IpAddr> {
    if let Some(outbound) = config.outbound_address.filter(|outbound| interfaces.contains(outbound))
    {
        return vec![outbound];
    }
    let bindable =
        interfaces.iter().copied().filter(|&ip| !needs_scope(ip) && !ip.is_unspecified());
    let chosen = if config.keep_local_addresses {
        distinct(routes.iter().copied().chain(bindable.clone()))
    } else {
        distinct(routes.iter().copied().chain(bindable.clone().filter(|&ip| is_remote(ip))))
    };
    if chosen.is_empty() { distinct(bindable) } else { chosen }
}

/// Link-local IPv6 addresses mean nothing without their interface, which a candidate cannot name.
fn needs_scope(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local())
}

fn distinct(addresses: impl Iterator<Item = IpAddr>) -> Vec<IpAddr> {
    let mut distinct = Vec::new();
    for address in addresses {
        if distinct.len() < MAX_SOCKETS && !distinct.contains(&address) {
            distinct.push(address);
        }
    }
    distinct
}

/// The address from which the kernel would send to `target`; `None` if there is no route.
fn source_towards(target: SocketAddr) -> Option<IpAddr> {
    let socket = UdpSocket::bind((unspecified(target.ip()), 0)).ok()?;
    socket.connect(target).ok()?;
    let source = socket.local_addr().ok()?.ip();
    (!source.is_unspecified() && !needs_scope(source)).then_some(source)
}

/// Finds a port of `range` for each address, beginning anywhere, so that connections made at the same time do not fight
/// for the same one.
fn with_free_ports(
    addresses: &[IpAddr],
    range: &RangeInclusive<u16>,
) -> Result<Vec<SocketAddr>, SetupError> {
    let (first, last) = (*range.start(), *range.end());
    let size = range.len();
    let start = usize::from(u16::from_ne_bytes(random()?)) % size.max(1);
    let mut probes = Vec::new();
    for &ip in addresses {
        let mut ports = range.clone().skip(start).chain(range.clone()).take(size);
        match ports.find_map(|port| probe((ip, port).into())) {
            Some(Ok(socket)) => probes.push(socket),
            Some(Err(error)) if error.kind() == io::ErrorKind::AddrNotAvailable => {}
            Some(Err(error)) => return Err(SetupError::Bind(error)),
            None => return Err(SetupError::NoFreePort { first, last }),
        }
    }
    probes.iter().map(|probe| probe.local_addr().map_err(SetupError::Bind)).collect()
}

/// A socket at `address`, or the error that no other port would help against; `None` if the port is taken.
fn probe(address: SocketAddr) -> Option<io::Result<UdpSocket>> {
    match UdpSocket::bind(address) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => None,
        result => Some(result),
    }
}

/// Random bytes of the operating system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], SetupError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(SetupError::Random)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ips(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    const INTERFACES: [&str; 6] =
        ["127.0.0.1", "::1", "192.168.1.2", "172.17.0.1", "203.0.113.5", "fe80::1"];

    #[test]
    fn only_routes_and_public_addresses_are_bound() {
        let chosen =
            addresses(&Config::default(), &ips(&INTERFACES), &ips(&["192.168.1.2", "192.168.1.2"]));
        assert_eq!(chosen, ips(&["192.168.1.2", "203.0.113.5"]));
    }

    #[test]
    fn local_addresses_are_bound_when_kept() {
        let config = Config { keep_local_addresses: true, ..Config::default() };
        let chosen = addresses(&config, &ips(&INTERFACES), &ips(&["172.17.0.1"]));
        assert_eq!(chosen, ips(&["172.17.0.1", "127.0.0.1", "::1", "192.168.1.2", "203.0.113.5"]));
    }

    #[test]
    fn without_route_or_public_address_whatever_is_there_is_bound() {
        assert_eq!(
            addresses(&Config::default(), &ips(&["127.0.0.1", "10.0.0.1"]), &[]),
            ips(&["127.0.0.1", "10.0.0.1"])
        );
    }

    #[test]
    fn an_outbound_address_of_this_machine_is_bound_alone() {
        let outbound =
            |text: &str| Config { outbound_address: text.parse().ok(), ..Config::default() };
        let interfaces = ips(&INTERFACES);
        assert_eq!(addresses(&outbound("203.0.113.5"), &interfaces, &[]), ips(&["203.0.113.5"]));
        assert_eq!(addresses(&outbound("198.51.100.1"), &interfaces, &[]), ips(&["203.0.113.5"]));
    }

    #[test]
    fn taken_ports_are_passed_over_until_none_is_left() {
        let loopback = ips(&["127.0.0.1"]);
        let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let error = with_free_ports(&loopback, &(port..=port)).unwrap_err();
        assert!(
            matches!(error, SetupError::NoFreePort { first, last } if first == port && last == port)
        );
        drop(taken);
        assert_eq!(
            with_free_ports(&loopback, &(port..=port)).unwrap(),
            [SocketAddr::from(([127, 0, 0, 1], port))]
        );
    }
}

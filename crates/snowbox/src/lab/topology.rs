//! Who has which address, and which roads there are.
//!
//! `core` has the broker, the server, the STUN server and this program; every other namespace has an unshaped cable to it. The
//! client and each proxy have one link that leads to nobody else. Nothing is forwarded, and no road but that link leads from the
//! one to the other, so ICE has to find it. All addresses are of TEST-NETs (RFC 5737): public ones to every program, and nobody's.

use std::{net::Ipv4Addr, path::Path};

/// The broker's, the server's and the STUN server's address.
pub const CORE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
/// The STUN server's other address.
pub const CORE_OTHER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
/// Both of them.
const CORE_NETWORK: &str = "192.0.2.0/30";
/// Name of a cable's end that is not in the core.
const CABLE: &str = "core";
/// Name of the link's device in a proxy's namespace.
pub const PROXY_DEVICE: &str = "direct";

/// The end of a cable to the core: 0 is the client, then come the proxies.
fn cable(site: usize) -> Ipv4Addr {
    Ipv4Addr::new(203, 0, 113, 1 + site as u8)
}

/// The two ends of a link, counted from 0: the client's and the proxy's.
pub fn link(number: usize) -> [Ipv4Addr; 2] {
    [0, 1].map(|end| Ipv4Addr::new(198, 51, 100, 2 * number as u8 + end))
}

/// Name of a link's device in the client's namespace.
pub fn client_device(number: usize) -> String {
    format!("direct{number}")
}

/// The core's own addresses.
pub fn core() -> Vec<String> {
    let mut lines = vec!["link set lo up".to_owned()];
    lines.extend([CORE, CORE_OTHER].map(|address| format!("address replace {address}/32 dev lo")));
    lines
}

/// In the core: the cable to a site whose namespace is at `path`, and the road to all addresses there. A site's links are
/// reached over its cable too, so that STUN answers whichever address asks. The device is named after the lab, too.
pub fn cable_in_core(lab: u32, site: usize, path: &Path, links: &[Ipv4Addr]) -> Vec<String> {
    let device = format!("lab{lab}-{site}");
    let mut lines = vec![
        format!("link add {device} type veth peer name {CABLE} netns {}", path.display()),
        // No IPv6 anywhere: for its first second a link-local address cannot be bound.
        format!("link set {device} addrgenmode none"),
        format!("link set {device} up"),
    ];
    let there = std::iter::once(cable(site)).chain(links.iter().copied());
    lines.extend(there.map(|to| format!("route replace {to}/32 dev {device} src {CORE}")));
    lines
}

/// In a site: its end of the cable.
pub fn cable_in_site(site: usize) -> Vec<String> {
    vec![
        "link set lo up".to_owned(),
        format!("link set {CABLE} addrgenmode none"),
        format!("address add {}/32 dev {CABLE}", cable(site)),
        format!("link set {CABLE} up"),
        format!("route add {CORE_NETWORK} dev {CABLE}"),
    ]
}

/// In a site: its end of a link.
pub fn link_end(device: &str, [here, there]: [Ipv4Addr; 2]) -> Vec<String> {
    vec![
        format!("link set {device} addrgenmode none"),
        format!("address add {here} peer {there} dev {device}"),
        format!("link set {device} up"),
    ]
}

/// Keeps TCP connections over loopback from holding more than `bytes` that their reader has not read.
pub fn short_loopback(bytes: u64) -> String {
    let loopback = Ipv4Addr::LOCALHOST;
    format!(
        "route replace local {loopback} dev lo table local proto kernel scope host src {loopback} window {bytes}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_is_of_a_test_net_and_nobody_elses() {
        let mut all = vec![CORE, CORE_OTHER];
        all.extend((0..=32).map(cable));
        all.extend((0..32).flat_map(link));
        let nets = [[192, 0, 2], [198, 51, 100], [203, 0, 113]];
        assert!(
            all.iter().all(|address| nets.contains(&address.octets()[..3].try_into().unwrap()))
        );
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}

//! Which address a client has, as its newest proxy says.

use std::{collections::HashMap, net::IpAddr};

use snowflake_turbotunnel::ClientId;

/// The addresses of the clients that were named last.
///
/// **Pure**. It takes what proxies say, so it must not grow: when it is full, the client that was named longest ago is
/// forgotten, and its later streams reach tor without an address. Memory grows with the clients that are there, up to
/// about 50 bytes for each of the capacity.
#[derive(Debug)]
pub(crate) struct ClientAddresses {
    /// Who was named, in a ring. A client that was named again has an outdated slot until its turn comes.
    ring: Vec<(ClientId, IpAddr)>,
    /// The slot that is overwritten next, once the ring is full.
    oldest: usize,
    /// The slot in which each client was named last. Hashes are keyed, so that clients cannot choose where they fall.
    newest: HashMap<ClientId, usize>,
    capacity: usize,
}

impl ClientAddresses {
    /// Room for `capacity` namings.
    pub(crate) fn new(capacity: usize) -> Self {
        Self { ring: Vec::new(), oldest: 0, newest: HashMap::new(), capacity }
    }

    /// Remembers what the newest proxy of `client` says.
    pub(crate) fn set(&mut self, client: ClientId, address: IpAddr) {
        let slot = if self.ring.len() < self.capacity {
            self.ring.push((client, address));
            self.ring.len() - 1
        } else {
            self.overwrite_oldest(client, address)
        };
        self.newest.insert(client, slot);
    }

    fn overwrite_oldest(&mut self, client: ClientId, address: IpAddr) -> usize {
        let slot = self.oldest;
        let (forgotten, _) = std::mem::replace(&mut self.ring[slot], (client, address));
        if self.newest.get(&forgotten) == Some(&slot) {
            self.newest.remove(&forgotten);
        }
        self.oldest = (slot + 1) % self.capacity;
        slot
    }

    /// The address of `client`, if it is known.
    pub(crate) fn get(&self, client: ClientId) -> Option<IpAddr> {
        self.newest.get(&client).map(|slot| self.ring[*slot].1)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use proptest::prelude::*;

    use super::*;

    fn client(n: u8) -> ClientId {
        ClientId::from_bytes([n; 8])
    }

    fn address(n: u8) -> IpAddr {
        Ipv4Addr::new(192, 0, 2, n).into()
    }

    #[test]
    fn the_newest_address_wins() {
        let mut addresses = ClientAddresses::new(3);
        assert_eq!(addresses.get(client(1)), None);
        addresses.set(client(1), address(1));
        addresses.set(client(1), address(2));
        assert_eq!(addresses.get(client(1)), Some(address(2)));
    }

    #[test]
    fn the_client_named_longest_ago_is_forgotten() {
        let mut addresses = ClientAddresses::new(3);
        for n in 1..=3 {
            addresses.set(client(n), address(n));
        }
        addresses.set(client(1), address(9));
        assert_eq!(addresses.get(client(1)), Some(address(9)), "named again, so it is the newest");
        addresses.set(client(4), address(4));
        assert_eq!(addresses.get(client(2)), None);
        assert_eq!(addresses.get(client(3)), Some(address(3)));
        assert_eq!(addresses.get(client(1)), Some(address(9)));
    }

    proptest! {
        /// Against the plain definition: who is among the last `capacity` namings, and what was said last.
        #[test]
        fn as_a_list_of_namings(
            namings in prop::collection::vec((0..6u8, any::<u8>()), 0..60),
            capacity in 1..8usize,
        ) {
            let mut addresses = ClientAddresses::new(capacity);
            for (who, what) in &namings {
                addresses.set(client(*who), address(*what));
            }
            for who in 0..6 {
                let last = namings.iter().rev().take(capacity).find(|naming| naming.0 == who);
                prop_assert_eq!(addresses.get(client(who)), last.map(|naming| address(naming.1)));
            }
            prop_assert!(addresses.ring.len() <= capacity && addresses.newest.len() <= capacity);
        }
    }
}

//! How many addresses proxies have, without knowing them.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;

use snowflake_messages::{NatType, ProxyType};

/// Every type that is told apart, known or not.
const TYPES: [ProxyType; 6] = [
    ProxyType::Standalone,
    ProxyType::Webext,
    ProxyType::Badge,
    ProxyType::IptProxy,
    ProxyType::Bloco,
    ProxyType::Unknown,
];

/// The addresses of the proxies of one block.
///
/// Kept as hashes (SipHash) under a key that is drawn for each block and never leaves this process,
/// so that nothing connects two days. 16 bytes for each address.
#[derive(Debug)]
pub(super) struct Addresses {
    key: RandomState,
    most: usize,
    /// Which kinds of proxies were seen there: a bit for each type with each NAT.
    kinds: HashMap<u64, u64>,
    full: bool,
}

/// What is new about an address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// No proxy polled from there before.
    pub(super) new_address: bool,
    /// None of this type behind this NAT did.
    pub(super) new_kind: bool,
}

impl Addresses {
    /// Counts at most so many addresses; when full, further ones are left out.
    pub(super) fn new(most: usize) -> Self {
        Self { key: RandomState::new(), most, kinds: HashMap::new(), full: false }
    }

    /// A proxy polls from this address.
    pub(super) fn see(&mut self, address: IpAddr, proxy_type: ProxyType, nat: NatType) -> Seen {
        let hash = self.key.hash_one(address);
        if self.kinds.len() >= self.most && !self.kinds.contains_key(&hash) {
            self.full = true;
            return Seen::default();
        }
        let kinds = self.kinds.entry(hash).or_default();
        let (before, kind) = (*kinds, bit(proxy_type, nat));
        *kinds |= kind;
        Seen { new_address: before == 0, new_kind: before & kind == 0 }
    }

    /// Whether addresses were left out.
    pub(super) fn is_full(&self) -> bool {
        self.full
    }

    pub(super) fn total(&self) -> usize {
        self.kinds.len()
    }

    /// Addresses of proxies of this type.
    pub(super) fn of_type(&self, proxy_type: ProxyType) -> usize {
        self.with(NatType::ALL.iter().fold(0, |mask, nat| mask | bit(proxy_type, *nat)))
    }

    /// Addresses of proxies behind this NAT.
    pub(super) fn of_nat(&self, nat: NatType) -> usize {
        self.with(TYPES.iter().fold(0, |mask, proxy_type| mask | bit(*proxy_type, nat)))
    }

    fn with(&self, mask: u64) -> usize {
        self.kinds.values().filter(|kinds| **kinds & mask != 0).count()
    }
}

fn bit(proxy_type: ProxyType, nat: NatType) -> u64 {
    1 << (proxy_type as u32 * NatType::ALL.len() as u32 + nat as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(number: u8) -> IpAddr {
        [192, 0, 2, number].into()
    }

    #[test]
    fn every_kind_has_a_bit_of_its_own() {
        let kinds = TYPES.iter().flat_map(|kind| NatType::ALL.map(|nat| bit(*kind, nat)));
        assert_eq!(kinds.sum::<u64>(), (1 << 36) - 1);
    }

    #[test]
    fn an_address_counts_once_for_each_type_and_nat() {
        let mut addresses = Addresses::new(8);
        for _ in 0..3 {
            addresses.see(address(1), ProxyType::Standalone, NatType::Open);
            addresses.see(address(1), ProxyType::Standalone, NatType::Strict);
            addresses.see(address(1), ProxyType::Unknown, NatType::Open);
            addresses.see(address(2), ProxyType::Standalone, NatType::Open);
        }
        assert_eq!(addresses.total(), 2);
        assert_eq!(addresses.of_type(ProxyType::Standalone), 2);
        assert_eq!(addresses.of_type(ProxyType::Unknown), 1);
        assert_eq!(addresses.of_type(ProxyType::Badge), 0);
        assert_eq!(addresses.of_nat(NatType::Open), 2);
        assert_eq!(addresses.of_nat(NatType::Strict), 1);
        assert_eq!(addresses.of_nat(NatType::Unknown), 0);
    }

    #[test]
    fn what_is_new_is_said_once() {
        let mut addresses = Addresses::new(8);
        let mut see = |nat| addresses.see(address(1), ProxyType::Badge, nat);
        assert_eq!(see(NatType::Open), Seen { new_address: true, new_kind: true });
        assert_eq!(see(NatType::Open), Seen::default());
        assert_eq!(see(NatType::Strict), Seen { new_address: false, new_kind: true });
    }

    #[test]
    fn when_full_further_addresses_are_left_out() {
        let mut addresses = Addresses::new(2);
        for number in 0..4 {
            addresses.see(address(number), ProxyType::Badge, NatType::Open);
        }
        assert!(addresses.is_full());
        assert_eq!((addresses.total(), addresses.of_nat(NatType::Open)), (2, 2));
        // Those that are counted go on to be.
        addresses.see(address(0), ProxyType::Badge, NatType::Strict);
        assert_eq!(addresses.of_nat(NatType::Strict), 1);
    }
}

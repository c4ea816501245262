//! Who gets whom: pools of waiting proxies, ordered by load. Pure: no clock, no sockets.

use std::collections::BTreeMap;

use snowflake_messages::{NatType, Pool};

/// A proxy's place in a pool. Unique: a place that was left is never given again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Ticket {
    /// Fewest first, whatever the pool.
    clients: u64,
    /// Of equally loaded proxies the one that waits longest comes first, so that none starves.
    number: u64,
}

/// Waiting proxies in three pools. Unbounded by itself: who adds, bounds.
#[derive(Debug)]
pub(crate) struct Pools<T> {
    open: BTreeMap<Ticket, T>,
    moderate: BTreeMap<Ticket, T>,
    strict: BTreeMap<Ticket, T>,
    next_number: u64,
}

impl<T> Default for Pools<T> {
    fn default() -> Self {
        Self {
            open: BTreeMap::new(),
            moderate: BTreeMap::new(),
            strict: BTreeMap::new(),
            next_number: 0,
        }
    }
}

impl<T> Pools<T> {
    /// Adds a proxy behind `nat` that serves `clients` already.
    pub(crate) fn add(&mut self, nat: NatType, clients: u64, proxy: T) -> Ticket {
        let ticket = Ticket { clients, number: self.next_number };
        self.next_number += 1;
        self.pool(nat.pool()).insert(ticket, proxy);
        ticket
    }

    /// Takes the proxy that suits a client behind `nat` best: from the pool that is least useful to
    /// other clients, the least busy one, the one that waits longest.
    pub(crate) fn take(&mut self, nat: NatType) -> Option<(Ticket, T)> {
        nat.usable_pools().iter().find_map(|pool| self.pool(*pool).pop_first())
    }

    /// Removes a proxy that leaves by itself; `None` if it was taken.
    pub(crate) fn remove(&mut self, nat: NatType, ticket: Ticket) -> Option<T> {
        self.pool(nat.pool()).remove(&ticket)
    }

    /// All waiting proxies.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.open.values().chain(self.moderate.values()).chain(self.strict.values())
    }

    /// How many proxies wait.
    pub(crate) fn len(&self) -> usize {
        self.open.len() + self.moderate.len() + self.strict.len()
    }

    fn pool(&mut self, pool: Pool) -> &mut BTreeMap<Ticket, T> {
        match pool {
            Pool::Open => &mut self.open,
            Pool::Moderate => &mut self.moderate,
            Pool::Strict => &mut self.strict,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(pools: &mut Pools<&'static str>, nat: NatType) -> Option<&'static str> {
        pools.take(nat).map(|(_, proxy)| proxy)
    }

    #[test]
    fn unrestricted_clients_spare_the_open_pool() {
        let mut pools = Pools::default();
        pools.add(NatType::Unrestricted, 0, "unrestricted");
        pools.add(NatType::Moderate, 0, "moderate");
        pools.add(NatType::Unknown, 0, "unknown");
        pools.add(NatType::Restricted, 8, "restricted");
        let order: Vec<_> =
            std::iter::from_fn(|| taken(&mut pools, NatType::Unrestricted)).collect();
        assert_eq!(order, ["unknown", "restricted", "moderate", "unrestricted"]);
    }

    #[test]
    fn other_clients_get_only_proxies_that_can_serve_them() {
        for nat in [NatType::Restricted, NatType::Unknown, NatType::Strict] {
            let mut pools = Pools::default();
            pools.add(NatType::Unknown, 0, "unknown");
            pools.add(NatType::Moderate, 0, "moderate");
            assert_eq!(taken(&mut pools, nat), None, "{nat}");
            pools.add(NatType::Open, 0, "open");
            assert_eq!(taken(&mut pools, nat), Some("open"), "{nat}");
            assert_eq!(pools.len(), 2);
        }
        let mut pools = Pools::default();
        pools.add(NatType::Strict, 0, "strict");
        pools.add(NatType::Open, 0, "open");
        assert_eq!(taken(&mut pools, NatType::Moderate), Some("open"));
        assert_eq!(taken(&mut pools, NatType::Moderate), None);
    }

    #[test]
    fn least_busy_first_then_oldest() {
        let mut pools = Pools::default();
        for (clients, name) in
            [(8, "busy"), (0, "first"), (0, "second"), (16, "busier"), (0, "third")]
        {
            pools.add(NatType::Open, clients, name);
        }
        let order: Vec<_> = std::iter::from_fn(|| taken(&mut pools, NatType::Unknown)).collect();
        assert_eq!(order, ["first", "second", "third", "busy", "busier"]);
    }

    #[test]
    fn who_left_or_was_taken_is_gone() {
        let mut pools = Pools::default();
        let gone = pools.add(NatType::Open, 0, "gone");
        assert_eq!(pools.remove(NatType::Open, gone), Some("gone"));
        assert_eq!(pools.remove(NatType::Open, gone), None);
        let here = pools.add(NatType::Open, 0, "here");
        assert_eq!(pools.remove(NatType::Open, gone), None, "a new proxy does not inherit a place");
        assert_eq!(pools.take(NatType::Unknown), Some((here, "here")));
        assert_eq!(pools.remove(NatType::Open, here), None);
        assert_eq!((pools.len(), pools.iter().count()), (0, 0));
    }
}

//! Which clients there are.

use crate::ClientId;
use std::collections::HashMap;

/// The clients of a server, each with a value.
///
/// **Pure.** A client is there while it has a carrier or a session: a session outlives its carriers, and waits here for
/// the next. How long it does is the session's affair.
///
/// Hashes are keyed, so that clients cannot choose where they fall.
#[derive(Debug)]
pub struct ClientMap<V> {
    clients: HashMap<ClientId, Entry<V>>,
    capacity: usize,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    carriers: usize,
    has_session: bool,
}

impl<V: Clone> ClientMap<V> {
    /// A map for at most `capacity` clients.
    pub fn new(capacity: usize) -> Self {
        Self { clients: HashMap::new(), capacity }
    }

    /// Counts a new carrier of `client`, which is made with `make` if it is new.
    ///
    /// `None` when it is new and the map is full.
    pub fn attach(&mut self, client: ClientId, make: impl FnOnce() -> V) -> Option<V> {
        if self.clients.len() >= self.capacity && !self.clients.contains_key(&client) {
            return None;
        }
        let entry = self.clients.entry(client).or_insert_with(|| Entry {
            value: make(),
            carriers: 0,
            has_session: false,
        });
        entry.carriers += 1;
        Some(entry.value.clone())
    }

    /// The value of `client`, if it is there.
    pub fn get(&self, client: ClientId) -> Option<V> {
        self.clients.get(&client).map(|entry| entry.value.clone())
    }

    /// Takes back one [`attach`](Self::attach). A client without carrier and session is forgotten.
    pub fn detach(&mut self, client: ClientId) {
        self.change(client, |entry| entry.carriers = entry.carriers.saturating_sub(1));
    }

    /// Marks that `client` has a session.
    pub fn begin_session(&mut self, client: ClientId) {
        self.change(client, |entry| entry.has_session = true);
    }

    /// Marks that the session of `client` is over. Without a carrier it is forgotten.
    pub fn end_session(&mut self, client: ClientId) {
        self.change(client, |entry| entry.has_session = false);
    }

    fn change(&mut self, client: ClientId, change: impl FnOnce(&mut Entry<V>)) {
        let Some(entry) = self.clients.get_mut(&client) else { return };
        change(entry);
        if entry.carriers == 0 && !entry.has_session {
            self.clients.remove(&client);
        }
    }

    /// The values of all clients.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.clients.values().map(|entry| &entry.value)
    }

    /// How many clients there are.
    pub fn len(&self) -> usize {
        self.clients.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.clients.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: ClientId = ClientId::from_bytes([1; 8]);
    const B: ClientId = ClientId::from_bytes([2; 8]);

    #[test]
    fn a_client_stays_while_it_has_a_carrier_or_a_session() {
        let mut map = ClientMap::new(10);
        assert_eq!(map.attach(A, || 1), Some(1));
        map.begin_session(A);
        map.detach(A);
        assert_eq!(map.get(A), Some(1), "the session kept it");
        assert_eq!(map.attach(A, || 2), Some(1));
        map.end_session(A);
        assert_eq!(map.len(), 1);
        map.detach(A);
        assert!(map.is_empty() && map.get(A).is_none());
        map.begin_session(A);
        assert!(map.is_empty(), "nobody comes into being by a session");
    }

    #[test]
    fn a_full_map_refuses_new_clients_only() {
        let mut map = ClientMap::new(1);
        assert!(map.attach(A, || ()).is_some());
        assert!(map.attach(B, || ()).is_none());
        assert!(map.attach(A, || ()).is_some());
    }
}

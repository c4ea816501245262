//! Which clients there are, and whose queue has waited too long for a carrier.

use crate::ClientId;
use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

/// The clients of a server, each with a value, and how long each has been without a carrier.
///
/// **Pure**: time is an argument. A client is there while it has a carrier or a session. One that lost its last
/// carrier expires after a while: its value is reported once by [`expire`](Self::expire), so that what waits for the
/// carrier can be dropped, but it stays, because its session does. Expiring costs time only for those that are due.
///
/// Hashes are keyed, so that clients cannot choose where they fall.
#[derive(Debug)]
pub struct ClientMap<V> {
    clients: HashMap<ClientId, Entry<V>>,
    /// Those without a carrier, in the order in which they lost it; outdated ones are skipped.
    idle: VecDeque<(Instant, ClientId)>,
    expiry: Duration,
    capacity: usize,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    carriers: usize,
    has_session: bool,
    idle_since: Option<Instant>,
}

impl<V: Clone> ClientMap<V> {
    /// A map for at most `capacity` clients, which expire `expiry` after their last carrier.
    pub fn new(capacity: usize, expiry: Duration) -> Self {
        Self { clients: HashMap::new(), idle: VecDeque::new(), expiry, capacity }
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
            idle_since: None,
        });
        entry.carriers += 1;
        entry.idle_since = None;
        Some(entry.value.clone())
    }

    /// Takes back one [`attach`](Self::attach). A client without carrier and session is forgotten.
    pub fn detach(&mut self, client: ClientId, now: Instant) {
        let Some(entry) = self.clients.get_mut(&client) else { return };
        entry.carriers = entry.carriers.saturating_sub(1);
        if entry.carriers > 0 {
            return;
        }
        if entry.has_session {
            entry.idle_since = Some(now);
            self.idle.push_back((now, client));
        } else {
            self.clients.remove(&client);
        }
    }

    /// Marks that `client` has a session; false if it had one already or is not there.
    pub fn begin_session(&mut self, client: ClientId) -> bool {
        self.clients
            .get_mut(&client)
            .is_some_and(|entry| !std::mem::replace(&mut entry.has_session, true))
    }

    /// Marks that the session of `client` is over. Without a carrier it is forgotten.
    pub fn end_session(&mut self, client: ClientId) {
        let Some(entry) = self.clients.get_mut(&client) else { return };
        entry.has_session = false;
        if entry.carriers == 0 {
            self.clients.remove(&client);
        }
    }

    /// The values of the clients that expired by `now`, each once.
    pub fn expire(&mut self, now: Instant) -> Vec<V> {
        let mut expired = Vec::new();
        while let Some((since, client)) = self.idle.front().copied() {
            if now.saturating_duration_since(since) < self.expiry {
                break;
            }
            self.idle.pop_front();
            if let Some(entry) =
                self.clients.get_mut(&client).filter(|entry| entry.idle_since == Some(since))
            {
                entry.idle_since = None;
                expired.push(entry.value.clone());
            }
        }
        expired
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
    const EXPIRY: Duration = Duration::from_secs(60);

    #[expect(clippy::disallowed_methods, reason = "the base of the virtual clock")]
    fn start() -> Instant {
        Instant::now()
    }

    #[test]
    fn a_client_stays_while_it_has_a_carrier_or_a_session() {
        let (mut map, now) = (ClientMap::new(10, EXPIRY), start());
        assert_eq!(map.attach(A, || 1), Some(1));
        assert!(map.begin_session(A));
        assert!(!map.begin_session(A));
        map.detach(A, now);
        assert_eq!(map.attach(A, || 2), Some(1), "the session kept it");
        map.end_session(A);
        assert_eq!(map.len(), 1);
        map.detach(A, now);
        assert!(map.is_empty());
    }

    #[test]
    fn it_expires_once_and_only_if_no_carrier_came_back() {
        let (mut map, now) = (ClientMap::new(10, EXPIRY), start());
        for (client, value) in [(A, 1), (B, 2)] {
            map.attach(client, || value);
            map.begin_session(client);
            map.detach(client, now);
        }
        map.attach(B, || 3);
        assert!(map.expire(now + EXPIRY - Duration::from_millis(1)).is_empty());
        assert_eq!(map.expire(now + EXPIRY), [1]);
        assert!(map.expire(now + EXPIRY * 2).is_empty());
        assert_eq!(map.len(), 2, "their sessions live on");
    }

    #[test]
    fn a_full_map_refuses_new_clients_only() {
        let mut map = ClientMap::new(1, EXPIRY);
        assert!(map.attach(A, || ()).is_some());
        assert!(map.attach(B, || ()).is_none());
        assert!(map.attach(A, || ()).is_some());
    }
}

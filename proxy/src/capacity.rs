//! How many clients at once. A place is a value: held from before a poll until the client is over, and given back by
//! being dropped, on whatever path that happens.

use std::{num::NonZeroUsize, sync::Arc};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The places for clients, and how many are taken by one.
#[derive(Debug)]
pub(crate) struct Capacity {
    places: Arc<Semaphore>,
    /// One reference here, one for each client: the count cannot go wrong.
    clients: Arc<()>,
}

/// A place for a client that we do not have yet.
#[derive(Debug)]
pub(crate) struct Place {
    _permit: OwnedSemaphorePermit,
}

/// A client's place.
#[derive(Debug)]
pub(crate) struct TakenPlace {
    _client: Arc<()>,
    _place: Place,
}

impl Capacity {
    /// `None` is no limit but the semaphore's, which no machine has the memory for.
    pub(crate) fn new(limit: Option<NonZeroUsize>) -> Self {
        let limit = limit.map_or(Semaphore::MAX_PERMITS, NonZeroUsize::get);
        let places = Arc::new(Semaphore::new(limit.min(Semaphore::MAX_PERMITS)));
        Self { places, clients: Arc::default() }
    }

    /// Waits for a free place.
    pub(crate) async fn place(&self) -> Place {
        loop {
            // Nobody closes the semaphore, so this never repeats.
            if let Ok(_permit) = self.places.clone().acquire_owned().await {
                return Place { _permit };
            }
        }
    }

    /// Gives a place to a client, who counts from now on.
    pub(crate) fn take(&self, place: Place) -> TakenPlace {
        TakenPlace { _client: self.clients.clone(), _place: place }
    }

    /// Clients served now.
    pub(crate) fn clients(&self) -> u64 {
        // Our own reference is the one too many.
        Arc::strong_count(&self.clients) as u64 - 1
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    /// Go gives each client's token back twice: its count goes below zero and its limit blocks for ever.
    #[test]
    fn a_place_comes_back_exactly_once() {
        let capacity = Capacity::new(NonZeroUsize::new(2));
        for _ in 0..100 {
            let first = capacity.place().now_or_never().unwrap();
            let second = capacity.place().now_or_never().unwrap();
            assert!(capacity.place().now_or_never().is_none(), "both places are taken");
            assert_eq!(capacity.clients(), 0, "places are not clients");
            let client = capacity.take(first);
            assert_eq!(capacity.clients(), 1);
            drop(second);
            drop(client);
            assert_eq!(capacity.clients(), 0);
        }
    }

    #[test]
    fn without_a_limit_there_is_always_a_place() {
        let capacity = Capacity::new(None);
        let clients: Vec<_> =
            (0..1000).map(|_| capacity.take(capacity.place().now_or_never().unwrap())).collect();
        assert_eq!(capacity.clients(), 1000);
        drop(clients);
        assert_eq!(capacity.clients(), 0);
    }

    #[test]
    fn waiting_ends_when_a_client_does() {
        let capacity = Capacity::new(NonZeroUsize::new(1));
        let client = capacity.take(capacity.place().now_or_never().unwrap());
        let mut waiting = Box::pin(capacity.place());
        assert!(waiting.as_mut().now_or_never().is_none());
        drop(client);
        assert!(waiting.now_or_never().is_some());
    }
}

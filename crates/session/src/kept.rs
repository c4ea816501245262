//! The sessions that go on without streams, until their listener has enough of them.

use crate::core::Shared;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Sessions that are kept going although nobody holds a stream of theirs: one handle for each, until the session is over
/// or all are released together. Locked when a session begins and when it ends, never for a packet.
#[derive(Debug, Default)]
pub(crate) struct Kept(Mutex<Sessions>);

#[derive(Debug, Default)]
struct Sessions {
    by_number: HashMap<u64, Shared>,
    next: u64,
    released: bool,
}

/// A session's place among the [`Kept`], to be dropped when it is over.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    kept: &'a Kept,
    number: u64,
}

impl Kept {
    /// Keeps a session that has just begun; one that comes too late goes on only while it has streams.
    pub(crate) fn keep(&self, session: &Shared) -> Place<'_> {
        let mut sessions = self.lock();
        let number = sessions.next;
        sessions.next += 1;
        if !sessions.released {
            sessions.by_number.insert(number, session.acquire());
        }
        Place { kept: self, number }
    }

    /// Lets each session end as soon as it has no stream and nothing left to deliver.
    pub(crate) fn release(&self) {
        let sessions = {
            let mut sessions = self.lock();
            sessions.released = true;
            std::mem::take(&mut sessions.by_number)
        };
        sessions.values().for_each(Shared::release);
    }

    fn lock(&self) -> MutexGuard<'_, Sessions> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        // Its handle need not be given back: the session is over.
        self.kept.lock().by_number.remove(&self.number);
    }
}

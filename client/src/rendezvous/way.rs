//! A way to a broker as a connection goes it.

use super::winners::Mark;
use sha2::{Digest, Sha256};
use snowflake_rendezvous::Rendezvous;
use std::ops::Deref;
use std::sync::Arc;

/// A rendezvous that can be known again, in this run of the program and the next.
#[derive(Clone, Debug)]
pub(crate) struct Way {
    rendezvous: Arc<dyn Rendezvous>,
    pub(super) mark: Mark,
}

impl Way {
    /// With the words that, beside its name and its broker, tell it from all others.
    pub(super) fn new(rendezvous: Arc<dyn Rendezvous>, words: &[String]) -> Self {
        let mut hash = Sha256::new();
        let of_its_own = [rendezvous.name(), rendezvous.broker()];
        for word in of_its_own.into_iter().chain(words.iter().map(String::as_str)) {
            hash.update((word.len() as u64).to_be_bytes());
            hash.update(word);
        }
        let mut mark = [0; 8];
        mark.copy_from_slice(&hash.finalize()[..8]);
        Self { rendezvous, mark: Mark(mark) }
    }
}

impl Deref for Way {
    type Target = dyn Rendezvous;

    fn deref(&self) -> &Self::Target {
        &*self.rendezvous
    }
}

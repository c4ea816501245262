//! What is checked, and what is known when a check fails.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use thiserror::Error;
use tokio::sync::Notify;
use tokio::time::Instant;

/// The checks that a simulation makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Check {
    /// Streams bring every byte, in order, unaltered.
    Bytes,
    /// Nobody gets a packet or a stream of somebody else.
    Foreign,
    /// Sessions outlive their carriers.
    SessionLost,
    /// A packet conn announces each carrier once, ends it once and soon, and brings nothing of one that is not open.
    Promise,
    /// After a fault, data moves again soon.
    Stall,
    /// A new session has its first answer soon.
    FirstByte,
    /// Carriers that work are kept.
    Dropped,
    /// Carriers are used up to their rates.
    Goodput,
    /// What stands in the queues of carriers is short.
    Queue,
    /// Little is sent twice.
    Duplicates,
    /// Streams, and clients, do not hold each other up.
    Fairness,
    /// Tasks end with what they were for.
    Tasks,
    /// Nothing holds on to carriers that are gone.
    Carriers,
    /// Memory is bounded.
    Memory,
    /// Everything comes to an end.
    Hang,
}

/// A check that failed.
#[derive(Clone, Debug, Error)]
#[error("{check:?} failed after {after:.3?}: {detail}")]
pub struct Failure {
    /// Which one.
    pub check: Check,
    /// When, on the virtual clock, since the simulation began.
    pub after: Duration,
    /// What was seen.
    pub detail: String,
}

/// Where the first failure is noted, from wherever it is seen.
#[derive(Clone, Debug)]
pub struct Verdict {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    began: Instant,
    failure: Mutex<Option<Failure>>,
    news: Notify,
}

impl Verdict {
    /// No failure yet. Must be made within the simulation's runtime, as it begins.
    pub(crate) fn new() -> Self {
        let (began, failure, news) = (Instant::now(), Mutex::new(None), Notify::new());
        Self { shared: Arc::new(Shared { began, failure, news }) }
    }

    /// A failure, as of now.
    pub fn failure(&self, check: Check, detail: impl fmt::Display) -> Failure {
        Failure { check, after: self.shared.began.elapsed(), detail: detail.to_string() }
    }

    /// Fails unless `holds`.
    ///
    /// # Errors
    ///
    /// The failure of `check`.
    pub fn expect(
        &self,
        check: Check,
        holds: bool,
        detail: impl FnOnce() -> String,
    ) -> Result<(), Failure> {
        if holds { Ok(()) } else { Err(self.failure(check, detail())) }
    }

    /// Ends the simulation with a failure, unless there was one before.
    pub(crate) fn fail(&self, check: Check, detail: impl fmt::Display) {
        let failure = self.failure(check, detail);
        self.shared.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(failure);
        self.shared.news.notify_one();
    }

    /// Waits for the first failure.
    pub(crate) async fn failed(&self) -> Failure {
        loop {
            let failure = self.shared.failure.lock().unwrap_or_else(PoisonError::into_inner).take();
            match failure {
                Some(failure) => return failure,
                None => self.shared.news.notified().await,
            }
        }
    }
}

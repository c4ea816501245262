//! What has arrived, and how long nothing did.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Counts what arrives in one direction of a stream.
#[derive(Debug)]
pub struct Meter(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    bytes: u64,
    last: Instant,
    longest_gap: Duration,
}

impl Meter {
    pub(crate) fn new() -> Self {
        let (last, longest_gap) = (Instant::now(), Duration::ZERO);
        Self(Mutex::new(Inner { bytes: 0, last, longest_gap }))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn arrived(&self, bytes: usize) {
        let mut inner = self.lock();
        let now = Instant::now();
        inner.longest_gap = inner.longest_gap.max(now - inner.last);
        inner.last = now;
        inner.bytes += bytes as u64;
    }

    /// Bytes that have arrived.
    pub fn bytes(&self) -> u64 {
        self.lock().bytes
    }

    /// Forgets all gaps, and lets one begin now.
    pub fn reset_gap(&self) {
        let mut inner = self.lock();
        (inner.last, inner.longest_gap) = (Instant::now(), Duration::ZERO);
    }

    /// The longest time in which nothing has arrived, since the last reset.
    pub fn longest_gap(&self) -> Duration {
        let inner = self.lock();
        inner.longest_gap.max(inner.last.elapsed())
    }

    /// How long nothing has arrived now.
    pub fn gap(&self) -> Duration {
        self.lock().last.elapsed()
    }
}

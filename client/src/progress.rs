//! How far a connection has come.

use crate::AttemptError;
use std::sync::{Arc, Mutex, PoisonError};
use tokio_util::sync::CancellationToken;

/// Whether a connection has ever had a proxy, and what its last failure was.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    connected: CancellationToken,
    failure: Mutex<Option<Arc<AttemptError>>>,
}

impl Progress {
    pub(crate) fn set_connected(&self) {
        self.connected.cancel();
    }

    pub(crate) fn set_failed(&self, error: Arc<AttemptError>) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }

    /// Waits for the first proxy.
    pub(crate) async fn connected(&self) {
        self.connected.cancelled().await;
    }

    pub(crate) fn last_failure(&self) -> Option<Arc<AttemptError>> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

//! The end of a proxy, as the program around it wants it.

use tokio_util::sync::CancellationToken;

/// How a running proxy is told to stop: gently, or at once. Clones tell the same proxies.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    no_more_clients: CancellationToken,
    at_once: CancellationToken,
}

impl Shutdown {
    /// Nobody is told yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks for no further client. Those that are there may finish, for as long as
    /// [`Timers::finish`](crate::timers::Timers::finish).
    pub fn finish(&self) {
        self.no_more_clients.cancel();
    }

    /// Closes the clients that are there, too, which takes a few seconds at most.
    pub fn now(&self) {
        self.no_more_clients.cancel();
        self.at_once.cancel();
    }

    pub(crate) fn no_more_clients(&self) -> &CancellationToken {
        &self.no_more_clients
    }

    pub(crate) fn at_once(&self) -> &CancellationToken {
        &self.at_once
    }
}

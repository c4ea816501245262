//! A proxy in a task of its own.

use tokio::task::JoinHandle;

use crate::{Proxy, Shutdown};

/// A proxy that runs beside its owner; dropping this ends it and its clients without a goodbye.
#[derive(Debug)]
pub struct Running {
    shutdown: Shutdown,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Runs the proxy in a task.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn start(self) -> Running {
        let shutdown = Shutdown::new();
        let task = tokio::spawn(self.run(shutdown.clone()));
        Running { shutdown, task }
    }
}

impl Running {
    /// Takes no further clients and waits until those that are there have finished, at most for
    /// [`Timers::finish`](crate::timers::Timers::finish).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the proxy.
    pub async fn finish(mut self) {
        self.shutdown.finish();
        self.ended().await;
    }

    /// Closes all clients and waits until nothing of the proxy is left, a few seconds at most.
    ///
    /// # Cancel safety
    ///
    /// As [`finish`](Self::finish).
    pub async fn stop(mut self) {
        self.shutdown.now();
        self.ended().await;
    }

    async fn ended(&mut self) {
        // A panic was reported where it happened, and the proxy is over in any case.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

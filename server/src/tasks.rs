//! Tasks that end with their owner.

use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

/// Tasks that can be ended together, and waited for.
#[derive(Debug, Default)]
pub(crate) struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl Tasks {
    /// Ends the tasks, also those that are still to begin, when it is dropped; nobody waits until they have.
    pub(crate) fn guard(&self) -> DropGuard {
        self.stop.clone().drop_guard()
    }

    /// Starts a task.
    ///
    /// It is boxed at once: each future that takes another by value has room for it twice. It gets a token of its own,
    /// because a token is locked with every poll, and all tasks would share that lock.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let task = Box::pin(task);
        let stop = self.stop.child_token();
        self.tracker.spawn(async move {
            stop.run_until_cancelled_owned(task).await;
        });
    }

    /// Ends all of them, and waits until they have.
    pub(crate) async fn stop(&self) {
        self.stop.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }
}

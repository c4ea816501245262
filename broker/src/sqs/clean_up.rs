//! Queues of clients that have what they wanted, or will never come for it: nobody else deletes them.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use snowflake_sqs::{CLIENT_QUEUE_PREFIX, Sqs, SqsError};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tracing::{debug, warn};

use super::Attempts;
use crate::Broker;
use crate::limits::{CLEAN_UPS_AT_ONCE, MAX_CLIENT_QUEUES};

impl Broker {
    /// Deletes the old queues of clients now and then, for ever.
    pub(super) async fn clean_up_after_clients(self: Arc<Self>, sqs: Sqs) {
        let attempts = Attempts::default();
        loop {
            sleep(self.config.limits.queue_sweep).await;
            let result = clean_up(&sqs, self.config.limits.queue_age).await;
            attempts.note("clean up SQS queues", result);
        }
    }
}

/// Deletes the queues of clients that are older than this.
async fn clean_up(sqs: &Sqs, age: Duration) -> Result<(), SqsError> {
    let Some(before) = now().checked_sub(age) else { return Ok(()) };
    let mut deleting = JoinSet::new();
    for queue in client_queues(sqs).await? {
        while deleting.len() >= CLEAN_UPS_AT_ONCE {
            deleting.join_next().await;
        }
        deleting.spawn(delete_if_older(sqs.clone(), queue, before));
    }
    while deleting.join_next().await.is_some() {}
    Ok(())
}

/// The URLs of all queues of clients, up to [`MAX_CLIENT_QUEUES`].
async fn client_queues(sqs: &Sqs) -> Result<Vec<String>, SqsError> {
    let mut queues = Vec::new();
    let mut next = None;
    loop {
        let page = sqs.list_queues(CLIENT_QUEUE_PREFIX, next.as_deref()).await?;
        // Asked for, and looked at: another queue of that account must not be lost.
        queues.extend(page.queues.into_iter().filter(|queue| is_of_client(queue)));
        next = page.next;
        if next.is_none() {
            return Ok(queues);
        }
        if queues.len() >= MAX_CLIENT_QUEUES {
            warn!("there are more SQS queues of clients than can be cleaned up at once");
            return Ok(queues);
        }
    }
}

fn is_of_client(queue: &str) -> bool {
    queue.rsplit('/').next().is_some_and(|name| name.starts_with(CLIENT_QUEUE_PREFIX))
}

/// One that fails is tried again with the next sweep.
async fn delete_if_older(sqs: Sqs, queue: String, before: SystemTime) {
    let result = match sqs.last_modified(&queue).await {
        Ok(Some(modified)) if modified < before => sqs.delete_queue(&queue).await,
        other => other.map(drop),
    };
    if let Err(error) = result {
        let error: &(dyn Error + 'static) = &error;
        debug!(error, "cannot clean up an SQS queue");
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the service says when a queue was made by the calendar"
)]
fn now() -> SystemTime {
    SystemTime::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_queues_of_clients_are_touched() {
        let host = "https://sqs.us-east-1.amazonaws.com/1";
        assert!(is_of_client(&format!("{host}/snowflake-client-0123")));
        for other in ["snowflake-broker", "x-snowflake-client-0123", "snowflake-client"] {
            assert!(!is_of_client(&format!("{host}/{other}")), "{other}");
        }
        assert!(!is_of_client("https://snowflake-client-x.example/1/queue"));
    }
}

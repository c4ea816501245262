//! Polls of clients that come through SQS: the broker reads a queue and puts each response into one
//! that it makes for that client.

mod clean_up;
mod setup;

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use snowflake_messages::limits::MAX_BODY;
use snowflake_sqs::limits::MOST_MESSAGES;
use snowflake_sqs::{CLIENT_ID, CLIENT_QUEUE_PREFIX, Message, Sqs, SqsError, is_queue_name};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::task::TaskTracker;
use tracing::{debug, info, warn};

pub use setup::SqsSetupError;
pub(crate) use setup::queues;

use crate::Broker;
use crate::limits::{
    QUEUE_DELETE, QUEUE_MESSAGE, QUEUE_MESSAGES, QUEUE_PAUSE, QUEUE_RETENTION, QUEUE_WAIT,
};
use crate::origin::{ClientOrigin, Rendezvous};

/// A queue with polls of clients, and whose it is.
#[derive(Clone, Debug)]
pub struct SqsQueue {
    /// Its name. It is made if it does not exist.
    pub name: String,
    /// The service, as its owner may use it.
    pub sqs: Sqs,
}

/// The service has seen the client, we have not: its address is only in its offer.
const ORIGIN: ClientOrigin = ClientOrigin { rendezvous: Rendezvous::Sqs, address: None };

/// Why a message gets no response.
#[derive(Debug, thiserror::Error)]
enum Unanswered {
    #[error("it does not name its client")]
    NoClient,
    #[error("it is larger than {MAX_BODY} bytes")]
    TooLarge,
    #[error("the queue service did not take the response")]
    Service(#[from] SqsError),
}

/// Something that is done again and again. A row of failures has one line in the log.
#[derive(Debug, Default)]
struct Attempts {
    failing: AtomicBool,
}

impl Attempts {
    /// Whether it went well.
    fn note(&self, what: &str, result: Result<(), SqsError>) -> bool {
        let went_well = result.is_ok();
        if let Err(error) = result
            && !self.failing.swap(true, Ordering::Relaxed)
        {
            let error: &(dyn Error + 'static) = &error;
            warn!(error, "cannot {what}, trying again and again");
        } else if went_well && self.failing.swap(false, Ordering::Relaxed) {
            info!("can {what} again");
        }
        went_well
    }
}

impl Broker {
    /// Serves the queues until the broker stops.
    pub(crate) fn serve_queues(self: &Arc<Self>, tasks: &TaskTracker) {
        for queue in self.config.queues.clone() {
            let reading = Arc::clone(self).read_queue(queue.clone(), tasks.clone());
            tasks.spawn(self.closing.clone().run_until_cancelled_owned(reading));
            let cleaning = Arc::clone(self).clean_up_after_clients(queue.sqs);
            tasks.spawn(self.closing.clone().run_until_cancelled_owned(cleaning));
        }
    }

    /// Makes sure that there is the queue, and takes messages from it for ever, as many at once as
    /// there may be.
    async fn read_queue(self: Arc<Self>, queue: SqsQueue, tasks: TaskTracker) {
        let SqsQueue { name, sqs } = queue;
        let url: Arc<str> = until_created(&sqs, &name).await.into();
        info!(name, "takes polls of clients from an SQS queue");
        let slots = Arc::new(Semaphore::new(QUEUE_MESSAGES));
        let attempts = Attempts::default();
        // Nobody closes the semaphore. A message that is not asked for waits in the queue.
        while let Ok(mut room) = Arc::clone(&slots).acquire_many_owned(MOST_MESSAGES as u32).await {
            let received = sqs.receive(&url, MOST_MESSAGES, QUEUE_WAIT).await;
            let (messages, result) = match received {
                Ok(messages) => (messages, Ok(())),
                Err(error) => (Vec::new(), Err(error)),
            };
            for message in messages {
                let slot = room.split(1);
                let handling = Arc::clone(&self).handle(sqs.clone(), Arc::clone(&url), message);
                tasks.spawn(async move {
                    handling.await;
                    drop(slot);
                });
            }
            if !attempts.note("read the SQS queue", result) {
                sleep(QUEUE_PAUSE).await;
            }
        }
    }

    /// Answers a message, and ends it in any case: what went wrong once would go wrong again.
    async fn handle(self: Arc<Self>, sqs: Sqs, queue: Arc<str>, message: Message) {
        match timeout(QUEUE_MESSAGE, self.answer(&sqs, &message)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                let error: &(dyn Error + 'static) = &error;
                debug!(error, "a message of the SQS queue is not answered");
            }
            Err(_) => debug!("a message of the SQS queue took too long"),
        }
        let deleting = sqs.delete_message(&queue, &message.receipt);
        if !matches!(timeout(QUEUE_DELETE, deleting).await, Ok(Ok(()))) {
            debug!("a message of the SQS queue is not deleted; it will come again");
        }
    }

    /// The queue is made first: the client looks for it soon.
    async fn answer(&self, sqs: &Sqs, message: &Message) -> Result<(), Unanswered> {
        let client = message.attribute(CLIENT_ID).ok_or(Unanswered::NoClient)?;
        let name = format!("{CLIENT_QUEUE_PREFIX}{client}");
        if client.is_empty() || !is_queue_name(&name) {
            return Err(Unanswered::NoClient);
        }
        if message.body.len() > MAX_BODY {
            return Err(Unanswered::TooLarge);
        }
        let queue = sqs.create_queue(&name, &[]).await?;
        let response = self.client_poll(message.body.as_bytes(), ORIGIN).await;
        Ok(sqs.send(&queue, &response, &[]).await?)
    }
}

/// Tries until the queue exists, and returns its URL.
async fn until_created(sqs: &Sqs, name: &str) -> String {
    let attempts = Attempts::default();
    loop {
        let created = sqs.create_queue(name, &[("MessageRetentionPeriod", QUEUE_RETENTION)]).await;
        match created {
            Ok(url) => return url,
            Err(error) => attempts.note("make the SQS queue", Err(error)),
        };
        sleep(QUEUE_PAUSE).await;
    }
}

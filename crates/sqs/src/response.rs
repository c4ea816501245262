//! How long a client waits for the response, and how often it asks; no socket is here.

use bytes::Bytes;
use snowflake_rendezvous::limits::RESPONSE_BODY;
use tokio::time::sleep;

use crate::{
    Message, QueueError, Sqs, SqsError,
    limits::{LONGER_PAUSE, LONGEST_WAIT, LOOK_PAUSE, TRIES},
};

/// What is asked of the queue service meanwhile.
pub(crate) trait Service: Sync {
    /// The URL of the queue of this name.
    fn find(&self, name: &str) -> impl Future<Output = Result<String, SqsError>> + Send;

    /// At most one message of this queue, waited for by the service.
    fn take(&self, queue: &str) -> impl Future<Output = Result<Vec<Message>, SqsError>> + Send;
}

impl Service for Sqs {
    async fn find(&self, name: &str) -> Result<String, SqsError> {
        self.queue_url(name).await
    }

    async fn take(&self, queue: &str) -> Result<Vec<Message>, SqsError> {
        self.receive(queue, 1, LONGEST_WAIT).await
    }
}

/// The response in the queue of this name, which the broker makes when it has seen the poll.
pub(crate) async fn response(service: &impl Service, name: &str) -> Result<Bytes, QueueError> {
    sleep(LOOK_PAUSE).await;
    let queue = find(service, name).await?;
    wait_in(service, &queue).await
}

/// The URL of our queue.
async fn find(service: &impl Service, name: &str) -> Result<String, QueueError> {
    let mut tries = 1;
    loop {
        match service.find(name).await {
            Ok(queue) => return Ok(queue),
            Err(error) if tries == TRIES => return Err(QueueError::Find(error)),
            Err(error) => note(&error, tries),
        }
        tries += 1;
        sleep(LOOK_PAUSE).await;
    }
}

/// The first message in our queue.
async fn wait_in(service: &impl Service, queue: &str) -> Result<Bytes, QueueError> {
    for tries in 0..TRIES {
        let messages = service.take(queue).await.map_err(QueueError::Receive)?;
        if let Some(message) = messages.into_iter().next() {
            return match message.body.len() {
                ..=RESPONSE_BODY => Ok(message.body.into()),
                _ => Err(QueueError::TooLong),
            };
        }
        if tries + 1 < TRIES {
            sleep(LOOK_PAUSE + LONGER_PAUSE * tries).await;
        }
    }
    Err(QueueError::NoResponse)
}

fn note(error: &SqsError, tries: u32) {
    tracing::debug!(%error, tries, "the broker has made no queue for the response yet");
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use serde_json::json;
    use tokio::time::Instant;

    use super::*;

    /// A service without a network, which takes no time.
    struct Scripted {
        /// Which look finds the queue, counted from 0.
        found_at: usize,
        /// Which request brings the message.
        brought_at: usize,
        started: Instant,
        looks: Mutex<Vec<u128>>,
        requests: Mutex<Vec<u128>>,
    }

    impl Scripted {
        fn new(found_at: usize, brought_at: usize) -> Self {
            let (looks, requests) = Default::default();
            Self { found_at, brought_at, started: Instant::now(), looks, requests }
        }

        /// Notes the time, in milliseconds after the start; which one of its kind this is.
        fn note(&self, times: &Mutex<Vec<u128>>) -> usize {
            let mut times = times.lock().unwrap();
            times.push(self.started.elapsed().as_millis());
            times.len() - 1
        }

        /// What comes of it, when the queue was looked for, and when a message was asked for.
        async fn run(self) -> (Result<Bytes, QueueError>, Vec<u128>, Vec<u128>) {
            let result = response(&self, "own").await;
            (result, self.looks.into_inner().unwrap(), self.requests.into_inner().unwrap())
        }
    }

    impl Service for Scripted {
        async fn find(&self, name: &str) -> Result<String, SqsError> {
            assert_eq!(name, "own");
            if self.note(&self.looks) < self.found_at {
                let code = "QueueDoesNotExist".to_owned();
                return Err(SqsError::Refused { operation: "GetQueueUrl", status: 400, code });
            }
            Ok("https://q.example/1/own".to_owned())
        }

        async fn take(&self, queue: &str) -> Result<Vec<Message>, SqsError> {
            assert_eq!(queue, "https://q.example/1/own");
            if self.note(&self.requests) < self.brought_at {
                return Ok(Vec::new());
            }
            let message = json!({"ReceiptHandle": "r", "Body": "response"});
            Ok(vec![serde_json::from_value(message).unwrap()])
        }
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_between_looks_are_alike_and_those_between_requests_grow() {
        let (result, looks, requests) = Scripted::new(2, 2).run().await;
        assert_eq!(result.unwrap(), "response");
        assert_eq!(looks, [1000, 2000, 3000]);
        assert_eq!(requests, [3000, 4000, 5500]);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_queue_it_ends_after_five_looks() {
        let (result, looks, requests) = Scripted::new(usize::MAX, 0).run().await;
        assert!(matches!(result, Err(QueueError::Find(SqsError::Refused { .. }))), "{result:?}");
        assert_eq!(looks, [1000, 2000, 3000, 4000, 5000]);
        assert_eq!(requests, [0; 0]);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_message_it_ends_after_five_requests() {
        let (result, _, requests) = Scripted::new(0, usize::MAX).run().await;
        assert!(matches!(result, Err(QueueError::NoResponse)), "{result:?}");
        assert_eq!(requests, [1000, 2000, 3500, 5500, 8000]);
    }
}

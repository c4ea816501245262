//! [`QueueRendezvous`]: a client's poll through the broker's queue, and the response through one of its own.

use std::time::Duration;

use bytes::Bytes;
use snowflake_rendezvous::{Connection, Exchanging, Poll, Rendezvous, RendezvousError};
use url::Url;

use crate::{QueueError, Sqs, limits::PATIENCE, response::response};

/// The attribute by which a message to the broker names its client.
pub const CLIENT_ID: &str = "ClientID";

/// How the name of a client's queue begins; the client's id follows.
pub const CLIENT_QUEUE_PREFIX: &str = "snowflake-client-";

/// Whether the service takes this as the name of a queue: 1 to 80 letters, digits, `-` and `_`.
pub fn is_queue_name(name: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=80).contains(&name.len()) && name.bytes().all(is_letter)
}

/// A broker that reads its polls from a queue.
///
/// The client puts a message there, under an id that is new each time. The broker makes a queue with that id in its name,
/// where the client finds the response. The client deletes nothing: it need not be allowed to.
#[derive(Clone, Debug)]
pub struct QueueRendezvous {
    sqs: Sqs,
    queue: Url,
}

impl QueueRendezvous {
    /// The broker that reads `queue`, which is in the region of `sqs`.
    pub fn new(queue: Url, sqs: Sqs) -> Self {
        Self { sqs, queue }
    }

    async fn ask(&self, poll: Poll) -> Result<Bytes, QueueError> {
        let id = hex::encode(getrandom::u64().map_err(QueueError::Random)?.to_be_bytes());
        let connection = self.sqs.connect().await.map_err(QueueError::Send)?;
        // From here on another way to the broker may have to wait.
        self.send(connection, poll.message().await, &id).await?;
        response(&self.sqs, &format!("{CLIENT_QUEUE_PREFIX}{id}")).await
    }

    async fn send(
        &self,
        connection: Connection<'_>,
        poll: Bytes,
        id: &str,
    ) -> Result<(), QueueError> {
        let poll = str::from_utf8(&poll).map_err(|_| QueueError::NotText)?;
        let attributes = [(CLIENT_ID, id)];
        let sending = self.sqs.send_over(connection, self.queue.as_str(), poll, &attributes);
        sending.await.map_err(QueueError::Send)
    }
}

impl Rendezvous for QueueRendezvous {
    fn name(&self) -> &str {
        "sqs"
    }

    fn broker(&self) -> &str {
        self.queue.as_str()
    }

    fn patience(&self) -> Duration {
        PATIENCE
    }

    fn exchange(&self, poll: Poll) -> Exchanging<'_> {
        Box::pin(async move {
            self.ask(poll).await.map_err(|error| RendezvousError::Method(Box::new(error)))
        })
    }
}

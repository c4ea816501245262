//! What can be asked of the service: its own operations, as far as anybody here needs them.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use serde::Deserialize;
use serde_json::{Value, json};
use snowflake_rendezvous::Connection;

use crate::{
    Sqs, SqsError,
    limits::{MESSAGE, MOST_MESSAGES, MOST_QUEUES, RESPONSE},
};

/// A message that was received. It comes again, to us or to others, unless it is deleted by its receipt.
#[derive(Debug, Deserialize)]
pub struct Message {
    /// What was sent.
    #[serde(rename = "Body")]
    pub body: String,
    /// By which it is deleted.
    #[serde(rename = "ReceiptHandle")]
    pub receipt: String,
    #[serde(rename = "MessageAttributes", default)]
    attributes: BTreeMap<String, Attribute>,
}

impl Message {
    /// The text that was sent along under this name.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name)?.text.as_deref()
    }
}

/// Some of a list of queues.
#[derive(Debug, Deserialize)]
pub struct Page {
    /// Their URLs.
    #[serde(rename = "QueueUrls", default)]
    pub queues: Vec<String>,
    /// What brings the next ones; `None` if these are the last.
    #[serde(rename = "NextToken", default)]
    pub next: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Attribute {
    #[serde(rename = "StringValue", default)]
    text: Option<String>,
}

#[derive(Deserialize)]
struct Queue {
    #[serde(rename = "QueueUrl")]
    url: String,
}

#[derive(Deserialize)]
struct Received {
    #[serde(rename = "Messages", default)]
    messages: Vec<Message>,
}

#[derive(Deserialize)]
struct Attributes {
    #[serde(rename = "Attributes", default)]
    attributes: BTreeMap<String, String>,
}

/// # Errors and cancel safety
///
/// Of all of them: [`SqsError`]. Dropping the future closes the connection; the service may have acted all the same.
impl Sqs {
    /// Makes a queue, or finds the one that has this name and these attributes. Its URL.
    pub async fn create_queue(
        &self,
        name: &str,
        attributes: &[(&str, &str)],
    ) -> Result<String, SqsError> {
        let attributes: BTreeMap<_, _> = attributes.iter().copied().collect();
        let question = json!({"QueueName": name, "Attributes": attributes});
        Ok(self.ask::<Queue>("CreateQueue", &question, RESPONSE).await?.url)
    }

    /// The URL of the queue of this name, of the account whose credentials these are.
    pub async fn queue_url(&self, name: &str) -> Result<String, SqsError> {
        let question = json!({"QueueName": name});
        Ok(self.ask::<Queue>("GetQueueUrl", &question, RESPONSE).await?.url)
    }

    /// Puts a message into a queue, and texts beside it.
    pub async fn send(
        &self,
        queue: &str,
        body: &str,
        attributes: &[(&str, &str)],
    ) -> Result<(), SqsError> {
        self.send_over(self.connect().await?, queue, body, attributes).await
    }

    pub(crate) async fn send_over(
        &self,
        connection: Connection<'_>,
        queue: &str,
        body: &str,
        attributes: &[(&str, &str)],
    ) -> Result<(), SqsError> {
        let attribute = |text: &str| json!({"DataType": "String", "StringValue": text});
        let attributes: BTreeMap<_, _> =
            attributes.iter().map(|(name, text)| (*name, attribute(text))).collect();
        let question =
            json!({"QueueUrl": queue, "MessageBody": body, "MessageAttributes": attributes});
        self.tell(connection, "SendMessage", &question).await
    }

    /// Waits for messages in a queue, and takes at most so many, up to [`MOST_MESSAGES`]. None after `wait`, which is
    /// in whole seconds, up to [`LONGEST_WAIT`](crate::limits::LONGEST_WAIT).
    pub async fn receive(
        &self,
        queue: &str,
        most: usize,
        wait: Duration,
    ) -> Result<Vec<Message>, SqsError> {
        let most = most.clamp(1, MOST_MESSAGES);
        let question = json!({
            "QueueUrl": queue,
            "MaxNumberOfMessages": most,
            "WaitTimeSeconds": wait.as_secs(),
            "MessageAttributeNames": ["All"],
        });
        let received: Received = self.ask("ReceiveMessage", &question, most * MESSAGE).await?;
        Ok(received.messages)
    }

    /// Ends a message that was received.
    pub async fn delete_message(&self, queue: &str, receipt: &str) -> Result<(), SqsError> {
        let question = json!({"QueueUrl": queue, "ReceiptHandle": receipt});
        self.tell(self.connect().await?, "DeleteMessage", &question).await
    }

    /// Queues whose names begin so, [`MOST_QUEUES`] at a time: the first ones, or those that follow a page.
    pub async fn list_queues(&self, prefix: &str, next: Option<&str>) -> Result<Page, SqsError> {
        let mut question = json!({"QueueNamePrefix": prefix, "MaxResults": MOST_QUEUES});
        if let Some(next) = next {
            question["NextToken"] = Value::from(next);
        }
        self.ask("ListQueues", &question, RESPONSE).await
    }

    /// What the service says of a queue under this name; `None` if nothing.
    pub async fn queue_attribute(
        &self,
        queue: &str,
        name: &str,
    ) -> Result<Option<String>, SqsError> {
        let question = json!({"QueueUrl": queue, "AttributeNames": [name]});
        let found: Attributes = self.ask("GetQueueAttributes", &question, RESPONSE).await?;
        Ok(found.attributes.get(name).cloned())
    }

    /// When a queue was made or changed; messages are no change. `None` if the service does not say.
    pub async fn last_modified(&self, queue: &str) -> Result<Option<SystemTime>, SqsError> {
        let text = self.queue_attribute(queue, "LastModifiedTimestamp").await?;
        // Amazon's are whole seconds, those of others have fractions.
        let seconds = text.and_then(|text| text.split('.').next()?.parse().ok());
        let since_1970 = seconds.map(Duration::from_secs);
        Ok(since_1970.and_then(|since| SystemTime::UNIX_EPOCH.checked_add(since)))
    }

    /// Ends a queue, with all that is in it.
    pub async fn delete_queue(&self, queue: &str) -> Result<(), SqsError> {
        let question = json!({"QueueUrl": queue});
        self.tell(self.connect().await?, "DeleteQueue", &question).await
    }
}

//! Which request failed, and how.

use snowflake_rendezvous::ExchangeError;
use thiserror::Error;

/// Why the queue service did not do what it was asked.
#[derive(Debug, Error)]
pub enum SqsError {
    /// The service was not reached.
    #[error("reaching the queue service")]
    Connect(#[source] ExchangeError),
    /// The service broke off.
    #[error("{operation}")]
    Exchange {
        /// What was asked.
        operation: &'static str,
        /// Which step failed.
        #[source]
        error: ExchangeError,
    },
    /// The service says no.
    #[error("{operation}: refused with status {status}, {code}")]
    Refused {
        /// What was asked.
        operation: &'static str,
        /// HTTP's status.
        status: u16,
        /// The service's word, for example `QueueDoesNotExist`; empty if it gave none.
        code: String,
    },
    /// The service's response is not in the format.
    #[error("{operation}: reading the response")]
    Response {
        /// What was asked.
        operation: &'static str,
        /// What is wrong with it.
        #[source]
        error: serde_json::Error,
    },
    /// A request cannot be put into its form.
    #[error("{operation}: writing the request")]
    Request {
        /// What was asked.
        operation: &'static str,
    },
}

/// Why a client got no response through a queue.
#[derive(Debug, Error)]
pub enum QueueError {
    /// The operating system gave no random number to name the client's queue with.
    #[error("choosing a name for the queue of the response")]
    Random(#[source] getrandom::Error),
    /// A queue takes texts only.
    #[error("the poll is no text")]
    NotText,
    /// The poll could not be put into the broker's queue.
    #[error("sending the poll to the broker's queue")]
    Send(#[source] SqsError),
    /// The broker made no queue for the response; the error is the last one.
    #[error("looking for the queue of the response")]
    Find(#[source] SqsError),
    /// The queue of the response could not be read.
    #[error("waiting for the response")]
    Receive(#[source] SqsError),
    /// The broker put nothing into the queue.
    #[error("no response came into the queue")]
    NoResponse,
    /// The broker put more into the queue than a response may have,
    /// [`RESPONSE_BODY`](snowflake_rendezvous::limits::RESPONSE_BODY).
    #[error("the response is too long")]
    TooLong,
}

//! Rendezvous through Amazon SQS: brokers and clients who can reach the queue service, but not each other.
//!
//! ```text
//!                  the broker's queue: polls, each with its client's id
//!  client ───────────────────────────────────────────────────────────────────> broker
//!         <─────────────────────────────────────────────────────────────────── makes it, and puts the response there
//!                  snowflake-client-ID
//! ```
//!
//! Requests are JSON over HTTPS, by [`Exchange`](snowflake_rendezvous::Exchange): its fronts, its proxies, its TLS and its
//! limits hold here, too. Each is signed with [`Credentials`].
//!
//! * [`rendezvous`]: the client's side. The broker's is in the broker.
//! * `response`: how long it waits for the response, and how often it asks.
//! * [`sqs`], [`operations`]: the service, and what can be asked of it.
//! * `signature`: how requests are signed.
//! * [`credentials`], [`profile`], [`region`]: what a request needs, from bridge lines and from where AWS' tools keep it.
//! * [`limits`]: every size and time in one place.
//! * [`error`]: which request failed.

pub mod credentials;
pub mod error;
pub mod limits;
pub mod operations;
pub mod profile;
pub mod region;
pub mod rendezvous;
mod response;
mod signature;
pub mod sqs;

pub use credentials::{Credentials, CredentialsError};
pub use error::{QueueError, SqsError};
pub use operations::{Message, Page};
pub use profile::{Profile, ProfileError};
pub use region::{EndpointError, EndpointProblem, Region, RegionError, endpoint_of_environment};
pub use rendezvous::{CLIENT_ID, CLIENT_QUEUE_PREFIX, QueueRendezvous, is_queue_name};
pub use sqs::Sqs;

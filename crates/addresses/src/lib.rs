//! Which addresses mean something to strangers, which belong together, and which one a session description names.
//!
//! - [`is_remote`]: whether an address means something outside its own network
//! - [`Network`]: the addresses that begin alike
//! - [`Candidate`]: an `a=candidate` line, taken apart
//! - [`remote_address`]: the address of whoever wrote a session description

mod candidate;
mod description;
mod network;
mod remote;

pub use candidate::Candidate;
pub use description::{is_description, remote_address};
pub use network::{Network, NetworkError};
pub use remote::is_remote;

//! Which addresses mean something to strangers, and which one a session description names.
//!
//! - [`is_remote`]: whether an address means something outside its own network
//! - [`Candidate`]: an `a=candidate` line, taken apart
//! - [`remote_address`]: the address of whoever wrote a session description

mod candidate;
mod description;
mod remote;

pub use candidate::Candidate;
pub use description::{is_description, remote_address};
pub use remote::is_remote;

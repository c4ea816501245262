//! Counts how many different addresses there are in the chunks of a file of the broker's `-ip-count-prefix`.
//!
//! **Program**: a library and a thin `main`.
//!
//! * [`Args`]: the flags. [`count()`]: the sum over the chunks of a [`Span`].

mod args;
mod count;
mod error;

pub use args::Args;
pub use count::{Counted, Span, count};
pub use error::CountError;

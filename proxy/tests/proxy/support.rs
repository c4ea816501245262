//! The proxy's peers, as far as a test needs them.

pub(crate) mod broker;
pub(crate) mod client;
pub(crate) mod served;
pub(crate) mod world;

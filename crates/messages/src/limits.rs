//! Sizes that both ends of an exchange enforce.

/// Largest body, in bytes, of a request or a response: a broker answers 400 to more, a client or
/// proxy fails the exchange.
///
/// Equals Go's `readLimit`. An offer with every candidate of a machine with many addresses stays
/// below 10 kB.
pub const MAX_BODY: usize = 100_000;

/// Largest session id, in bytes. Go's have 22, browsers' about 11.
///
/// The Go broker has no limit but that of the body; a broker remembers the id of every waiting
/// proxy, so we set one.
pub const MAX_SID: usize = 256;

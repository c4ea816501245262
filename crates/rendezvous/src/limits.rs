//! Every size and time of this crate. The limit for response headers differs by program and is an argument.

use std::time::Duration;

/// Response headers at the client: 15 s, the Go client's `ResponseHeaderTimeout`.
pub const CLIENT_HEADERS: Duration = Duration::from_secs(15);

/// Response headers at the proxy: 30 s, the Go proxy's; the broker holds a poll for up to 10 s.
pub const PROXY_HEADERS: Duration = Duration::from_secs(30);

/// One TCP connect, so that an address that swallows packets leaves time for the next one: 10 s.
pub const CONNECT_ADDRESS: Duration = Duration::from_secs(10);

/// Name lookup and all TCP connects: 30 s, as Go's default transport.
pub const CONNECT: Duration = Duration::from_secs(30);

/// TLS handshake: 10 s, as Go's default transport.
pub const TLS: Duration = Duration::from_secs(10);

/// Response body after its headers: 15 s for at most [`RESPONSE_BODY`] bytes.
pub const BODY: Duration = Duration::from_secs(15);

/// From a poll to its response, in most cases: brokers hold a client for 5 s, and the way there and back has another.
pub const PATIENCE: Duration = Duration::from_secs(6);

/// Response body: 100000 bytes, what the Go programs read at most. A longer one is an error.
pub const RESPONSE_BODY: usize = 100_000;

/// Response headers: about 64 KiB (the HTTP library looks only after each read). Longer ones are an error.
pub(crate) const RESPONSE_HEAD: usize = 64 << 10;

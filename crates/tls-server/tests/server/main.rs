//! TLS connections to a server whose certificates change; Debian's `pebble` is the authority.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do: at once, and saying where"
)]

mod acme;
mod authority;
mod client;
mod files;

//! The server over real connections: proxies' WebSockets on one side, a tor of the tests on the other.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do: at once, and saying where"
)]

mod deaf_peers;
mod flags;
mod idle_sessions;
mod library;
mod program;
mod rig;
mod strangers;
mod streams;
mod tls;
mod tor;
mod users;

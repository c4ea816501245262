//! The server over real connections: proxies' WebSockets on one side, a tor of the tests on the other.

mod idle_sessions;
mod program;
mod rig;
mod strangers;
mod streams;
mod tor;
mod users;

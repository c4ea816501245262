//! WebSockets over real connections; each module's name says which behaviour it is about.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod frames;
mod handshake;
mod silence;

//! Real connections on loopback; each module's name says which behaviour it is about.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod data_channel;
mod foreign_peer;
mod setup;

//! Whole sessions over simulated conns; each module's name says which behaviour it is about.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod bad_paths;
mod conn;
mod endings;
mod ends;
mod finishing;
mod idle;
mod many_streams;
mod wire_example;

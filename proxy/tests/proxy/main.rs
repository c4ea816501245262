//! The proxy over real connections; each module's name says which behaviour it is about.

#![expect(clippy::unwrap_used, reason = "a test helper that fails is a failed test")]

mod clients;
mod endings;
mod events;
mod flags;
mod polls;
mod program;
mod stopping;
mod support;
mod upstream;

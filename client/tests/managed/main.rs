//! The program as tor runs it: its lines, its answers to bad bridge lines, its end.

#![expect(clippy::unwrap_used, reason = "a test helper that fails is a failed test")]

mod bridge_lines;
mod events;
mod methods;
mod nat;
mod start;
mod support;
mod upstream;

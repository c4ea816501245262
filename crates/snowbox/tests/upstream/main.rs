//! Everything through a user's SOCKS5 proxy: broker, names, STUN, what the NAT does, WebRTC. Nothing around it.

#![expect(clippy::unwrap_used, reason = "a test helper that fails is a failed test")]

mod channels;
mod lab;
mod nothing_goes_around;
mod people;
mod support;

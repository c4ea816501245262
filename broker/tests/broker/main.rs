//! The broker over real connections, in this process; each module's name says which behaviour it is
//! about.

#![allow(clippy::unwrap_used, reason = "a test's helpers may fail as loudly as the test")]

mod abuse;
mod amp;
mod configuration;
mod flags;
mod hang_ups;
mod haproxy;
mod hostile;
mod legacy_clients;
mod moto;
mod pages;
mod program;
mod proxy_protocol;
mod rate_limit;
mod refusals;
mod rendezvous;
mod sqs;
mod support;
mod tls;

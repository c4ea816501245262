//! The broker over real connections, in this process; each module's name says which behaviour it is about.

mod abuse;
mod configuration;
mod hang_ups;
mod legacy_clients;
mod pages;
mod program;
mod refusals;
mod rendezvous;
mod support;
mod tls;

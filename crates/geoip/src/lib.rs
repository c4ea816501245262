//! Countries of addresses, from the files that tor uses (Debian's package `tor-geoipdb`).
//!
//! - [`GeoIp`]: two files, read once; look-ups are binary searches
//! - [`Country`]: two letters, or `??`
//!
//! A program that reads its files again makes a new [`GeoIp`] and drops the old one.

mod country;
mod database;

pub use country::Country;
pub use database::{GeoIp, GeoIpError, MAX_FILE};

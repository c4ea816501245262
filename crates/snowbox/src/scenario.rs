//! What is measured, most of it in a [`Lab`](crate::lab): one module for each question.

pub mod badfirst;
pub mod bench;
pub mod bufferbloat;
pub mod failover;
mod full_load;
pub mod loss;
pub mod peers;
pub mod sessions;
pub mod stripe;
pub mod users;

use clap::{Args, Subcommand};

use crate::{error::Error, netns, place::Place, sheet::Sheet};

/// The device from which TUN devices are made.
const TUN: &str = "/dev/net/tun";

/// The scenarios. Each but `bench`, `sessions` and `users` needs root, for network namespaces and TUN devices; those three
/// need root or unprivileged user namespaces, for one namespace.
#[derive(Debug, Clone, Subcommand)]
pub enum Scenario {
    /// How fast it gets, and how long a click waits while a download or an upload runs. Needs root and /dev/net/tun.
    Bufferbloat(bufferbloat::Options),
    /// How long a stream stands still when the proxy that carries it is killed, frozen or cut off. Needs root and
    /// /dev/net/tun.
    Failover(failover::Options),
    /// How long it takes until the first byte when the first proxy is silent. Needs root and /dev/net/tun.
    Badfirst(badfirst::Options),
    /// What several slow proxies give together, and what remains when one dies. Needs root and /dev/net/tun.
    Stripe(stripe::Options),
    /// How fast it gets over links that lose packets. Needs root and /dev/net/tun.
    Loss(loss::Options),
    /// How fast it gets, and what that costs, with no limit on the way: our programs, and Go's beside them. Needs
    /// root or unprivileged user namespaces.
    Bench(bench::Options),
    /// What sessions of one client cost it and the proxies, idle and all at once, with WebRTC. Needs root or unprivileged
    /// user namespaces.
    Sessions(sessions::Options),
    /// What many users cost one server, and whether it serves them all; without WebRTC. Needs root or unprivileged user
    /// namespaces.
    Users(users::Options),
}

/// How often everything is measured.
#[derive(Debug, Clone, Copy, Args)]
pub struct Runs {
    /// Measure so many times, and print the median and the worst.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub runs: u16,
}

impl Scenario {
    /// Says what is missing before anything is begun.
    ///
    /// # Errors
    /// [`Error::NeedsRoot`], [`Error::NoTun`].
    pub fn check_rights(&self) -> Result<(), Error> {
        match self {
            Self::Bench(_) | Self::Sessions(_) | Self::Users(_) => Ok(()),
            _ => check_rights(),
        }
    }

    /// Measures; this program has to be in a network namespace of its own.
    ///
    /// # Errors
    /// The first thing that went wrong.
    pub async fn run(&self, place: &Place) -> Result<Sheet, Error> {
        match self {
            Self::Bufferbloat(options) => bufferbloat::run(place, options).await,
            Self::Failover(options) => failover::run(place, options).await,
            Self::Badfirst(options) => badfirst::run(place, options).await,
            Self::Stripe(options) => stripe::run(place, options).await,
            Self::Loss(options) => loss::run(place, options).await,
            Self::Bench(options) => bench::run(place, options).await,
            Self::Sessions(options) => sessions::run(place, options).await,
            Self::Users(options) => users::run(place, options).await,
        }
    }
}

/// Whether a [`Lab`](crate::lab) can be made.
///
/// # Errors
/// [`Error::NeedsRoot`], [`Error::NoTun`].
pub fn check_rights() -> Result<(), Error> {
    if !netns::run_as_root() {
        return Err(Error::NeedsRoot);
    }
    if std::fs::exists(TUN).is_ok_and(|exists| exists) { Ok(()) } else { Err(Error::NoTun) }
}

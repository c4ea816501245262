//! Many sessions of one real client over real proxies, WebRTC included: what they cost while nothing happens, and how they
//! share the proxies. Each SOCKS connection is a session with a WebRTC connection of its own.

mod chain;
mod idle;
mod transfer;

use clap::{Args, Subcommand};

use crate::{error::Error, netns, place::Place, sheet::Sheet};

/// Which question.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// It.
    #[command(subcommand)]
    pub question: Question,
}

/// What is asked.
#[derive(Debug, Clone, Subcommand)]
pub enum Question {
    /// What one session and what many cost client and proxy while nothing happens: memory, processor time, wake-ups.
    Idle(idle::Options),
    /// How fast many sessions move the same amount at once, what that costs, and how evenly they share it.
    Transfer(transfer::Options),
}

/// Answers it.
///
/// # Errors
/// The first thing that went wrong, above all [`Error::TooFewFiles`]. Sessions that fail are a figure and no error.
pub async fn run(place: &Place, options: &Options) -> Result<Sheet, Error> {
    netns::set_up().await?;
    match &options.question {
        Question::Idle(options) => idle::run(place, options).await,
        Question::Transfer(options) => transfer::run(place, options).await,
    }
}

//! Many users of one server: what they cost while nothing happens, how they share it, and whether each gets a connection
//! to the bridge. No WebRTC is in it: this program dials the server's WebSocket by itself.

mod idle;
mod orport;
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
    /// What users cost the server who are there and do nothing: memory, processor time, wake-ups.
    Idle(idle::Options),
    /// How fast the server serves many users at once, what that costs, and how evenly they share it.
    Transfer(transfer::Options),
    /// Whether every user gets a connection to the bridge when there are few source ports.
    Orport(orport::Options),
}

/// Users that are set up at the same time.
#[derive(Debug, Clone, Copy, Args)]
pub struct AtOnce {
    /// Users that are set up at the same time.
    #[arg(long = "at-once", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=1024))]
    at_once: u16,
}

impl AtOnce {
    fn get(self) -> usize {
        self.at_once.into()
    }
}

/// Answers it.
///
/// # Errors
/// The first thing that went wrong, above all [`Error::TooFewFiles`]. Users that fail are a figure and no error.
pub async fn run(place: &Place, options: &Options) -> Result<Sheet, Error> {
    netns::set_up().await?;
    match &options.question {
        Question::Idle(options) => idle::run(place, options).await,
        Question::Transfer(options) => transfer::run(place, options).await,
        Question::Orport(options) => orport::run(place, options).await,
    }
}

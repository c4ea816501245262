//! One proxy behind a link that loses packets at random.

use std::time::Duration;

use clap::Args;

use super::{
    Runs,
    bufferbloat::{one_link, parse_rate},
};
use crate::{error::Error, lab::shape::Shape, place::Place, progress::say, sheet::Sheet};

/// Which links, and how long.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Percents of packets lost each way, comma-separated.
    #[arg(long, value_delimiter = ',', default_values_t = [0.0, 1.0, 5.0], value_parser = parse_percent)]
    pub loss: Vec<f64>,
    /// Mbit/s.
    #[arg(long, default_value_t = 20.0, value_parser = parse_rate)]
    pub rate: f64,
    /// Round trip in milliseconds.
    #[arg(long = "rtt", default_value_t = 100, value_parser = clap::value_parser!(u64).range(0..=10_000))]
    pub round_trip: u64,
    /// Seconds of each direction behind the first five.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub seconds: u64,
    /// How often.
    #[command(flatten)]
    pub runs: Runs,
}

/// Measures every share of losses by itself.
///
/// # Errors
/// The first thing that went wrong.
pub async fn run(place: &Place, options: &Options) -> Result<Sheet, Error> {
    let mut sheet = Sheet::new("loss");
    for run in 0..options.runs.runs {
        for percent in &options.loss {
            let mut shape = Shape::new(options.rate, Duration::from_millis(options.round_trip));
            shape.loss = percent / 100.0;
            say(format_args!("{percent} % lost, run {} …", run + 1));
            let link = (&*shape.to_string(), shape, options.seconds);
            one_link(place, &mut sheet, link, u64::from(run)).await?;
        }
    }
    Ok(sheet)
}

fn parse_percent(text: &str) -> Result<f64, PercentError> {
    let percent: f64 = text.parse().map_err(|_| PercentError)?;
    if (0.0..=100.0).contains(&percent) { Ok(percent) } else { Err(PercentError) }
}

/// Why a share was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a loss is a number of percents from 0 to 100")]
struct PercentError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percents() {
        assert_eq!(parse_percent("0.5"), Ok(0.5));
        for bad in ["", "-1", "101", "NaN", "5%"] {
            assert_eq!(parse_percent(bad), Err(PercentError), "{bad}");
        }
    }
}

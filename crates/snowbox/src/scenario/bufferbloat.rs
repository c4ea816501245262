//! One proxy behind links of many rates and lengths: the goodput, and what an echo waits under load.

use std::time::Duration;

use clap::Args;

use super::{
    Runs,
    full_load::{DIRECTIONS, full_load, idle, note},
    peers::{GoDirectory, Peers, add_ratios},
};
use crate::{
    error::Error,
    lab::{Lab, Layout, shape::Shape},
    place::Place,
    progress::say,
    run::leave,
    sheet::Sheet,
};

/// Which links, and how long.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Rates in Mbit/s, comma-separated.
    #[arg(long = "rate", value_delimiter = ',', default_values_t = [1.0, 5.0, 8.0, 20.0], value_parser = parse_rate)]
    pub rates: Vec<f64>,
    /// Round trips in milliseconds, comma-separated.
    #[arg(long = "rtt", value_delimiter = ',', default_values_t = [0, 50, 100], value_parser = clap::value_parser!(u64).range(0..=10_000))]
    pub round_trips: Vec<u64>,
    /// Milliseconds that a packet may wait for the rate before it is dropped.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub queue: u64,
    /// Seconds of each direction behind the first five.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub seconds: u64,
    /// Who runs beside our programs, with our broker.
    #[arg(long, value_enum, default_value_t = Peers::Ours)]
    pub peers: Peers,
    /// Where they are.
    #[command(flatten)]
    pub go: GoDirectory,
    /// How often.
    #[command(flatten)]
    pub runs: Runs,
}

/// Measures every link by itself: idle, then a download, then an upload.
///
/// # Errors
/// The first thing that went wrong.
pub async fn run(place: &Place, options: &Options) -> Result<Sheet, Error> {
    let chains = options.peers.chains(&place.programs, &options.go)?;
    let mut sheet = Sheet::new("bufferbloat");
    for run in 0..options.runs.runs {
        for (rate, round_trip) in options.links() {
            let mut shape = Shape::new(rate, Duration::from_millis(round_trip));
            shape.queue = Duration::from_millis(options.queue);
            for (chain, programs) in &chains {
                let label =
                    if chains.len() > 1 { format!("{chain} {shape}") } else { shape.to_string() };
                say(format_args!("{label}, run {} …", run + 1));
                let place = Place::new(place.args.clone(), programs.clone())?;
                let link = (&*label, shape, options.seconds);
                let outcome = one_link(&place, &mut sheet, link, u64::from(run)).await;
                leave(place, &outcome).await;
                outcome?;
            }
        }
    }
    add_ratios(&mut sheet);
    Ok(sheet)
}

impl Options {
    fn links(&self) -> impl Iterator<Item = (f64, u64)> {
        let all = |rate| self.round_trips.iter().map(move |round_trip| (rate, *round_trip));
        self.rates.iter().copied().flat_map(all)
    }
}

/// One proxy behind one link: a row for each direction.
pub(super) async fn one_link(
    place: &Place,
    sheet: &mut Sheet,
    (label, shape, seconds): (&str, Shape, u64),
    seed: u64,
) -> Result<(), Error> {
    let layout = Layout { links: vec![shape], max: 1, one_client_each: false, seed };
    // Everything anew for each direction: what one leaves in queues is not the other's.
    for direction in DIRECTIONS {
        let lab = Lab::with_proxies(place, &layout).await?;
        let mut session = lab.open_session().await?;
        let idle = idle(&mut session).await?;
        let then = Duration::from_secs(seconds);
        let loaded = full_load(&lab, &mut session, direction, then).await?;
        note(sheet, &format!("{label} {}", direction.name()), &loaded, shape.rate, idle);
        drop(session);
        lab.end().await?;
    }
    Ok(())
}

/// A rate that a link can have.
pub(super) fn parse_rate(text: &str) -> Result<f64, RateError> {
    let rate: f64 = text.parse().map_err(|_| RateError)?;
    if (0.01..=1000.0).contains(&rate) { Ok(rate) } else { Err(RateError) }
}

/// Why a rate was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a rate is a number of Mbit/s from 0.01 to 1000")]
pub(super) struct RateError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates() {
        assert_eq!(parse_rate("0.5"), Ok(0.5));
        for bad in ["", "0", "-1", "NaN", "inf", "1001", "1M"] {
            assert_eq!(parse_rate(bad), Err(RateError), "{bad}");
        }
    }
}

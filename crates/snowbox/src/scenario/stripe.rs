//! Several proxies behind slow links: what they give together, and what remains when one of them dies.

use std::time::Duration;

use clap::Args;
use nix::sys::signal::Signal;
use tokio::time::Instant;

use super::{
    Runs,
    bufferbloat::parse_rate,
    full_load::{BEGINNING, DIRECTIONS, full_load, idle, note},
};
use crate::{
    error::Error,
    lab::{Lab, Layout, shape::Shape},
    place::Place,
    probe::{Load, Session},
    progress::say,
    sheet::{
        Sheet,
        Worse::{Higher, Lower},
    },
    transfer::Direction,
};

/// Time from the beginning of the last download to the search for the victim.
const BEFORE_KILL: Duration = Duration::from_secs(5);
/// How long the stream is watched after the kill; its last five seconds are the rate that remains.
const AFTERWARDS: Duration = Duration::from_secs(30);

/// Which links, and how long.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Rates of the links in Mbit/s, comma-separated; each has a proxy that serves one client only.
    #[arg(long, value_delimiter = ',', default_values_t = [8.0; 4], value_parser = parse_rate)]
    pub rates: Vec<f64>,
    /// Proxies that the client may use at once; as many as there are links if not given.
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=32))]
    pub max: Option<u8>,
    /// Round trip in milliseconds.
    #[arg(long = "rtt", default_value_t = 50, value_parser = clap::value_parser!(u64).range(0..=10_000))]
    pub round_trip: u64,
    /// Seconds of each direction behind the first five.
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub seconds: u64,
    /// How often.
    #[command(flatten)]
    pub runs: Runs,
}

/// Measures a download, an upload, and a download in whose middle a proxy dies.
///
/// # Errors
/// The first thing that went wrong.
pub async fn run(place: &Place, options: &Options) -> Result<Sheet, Error> {
    let mut sheet = Sheet::new("stripe");
    for run in 0..options.runs.runs {
        say(format_args!("{} links, run {} …", options.rates.len(), run + 1));
        measure(place, &mut sheet, options, u64::from(run)).await?;
    }
    Ok(sheet)
}

async fn measure(
    place: &Place,
    sheet: &mut Sheet,
    options: &Options,
    seed: u64,
) -> Result<(), Error> {
    let round_trip = Duration::from_millis(options.round_trip);
    let links: Vec<Shape> =
        options.rates.iter().map(|rate| Shape::new(*rate, round_trip)).collect();
    let max = options.max.unwrap_or_else(|| u8::try_from(links.len()).unwrap_or(u8::MAX));
    let layout = Layout { links, max, one_client_each: true, seed };
    let sum: f64 = options.rates.iter().sum();
    let lab = Lab::with_proxies(place, &layout).await?;
    let mut session = lab.open_session().await?;
    let idle = idle(&mut session).await?;
    for direction in DIRECTIONS {
        let then = Duration::from_secs(options.seconds);
        let loaded = full_load(&lab, &mut session, direction, then).await?;
        note(sheet, direction.name(), &loaded, sum, idle);
    }
    kill_one(&lab, &mut session, sheet, &options.rates).await?;
    drop(session);
    lab.end().await
}

/// Kills the proxy that carries most in the middle of a download; no other takes its place.
async fn kill_one(
    lab: &Lab<'_>,
    session: &mut Session,
    sheet: &mut Sheet,
    rates: &[f64],
) -> Result<(), Error> {
    let direction = Direction::Download;
    session.load(direction, Load::Full);
    session.run_for(BEFORE_KILL).await?;
    let victim = lab.carrying_link().await;
    let remaining = rates.iter().sum::<f64>() - rates[victim];
    let killed = Instant::now();
    let before = session.bulk(direction).rate(killed - BEGINNING, killed);
    lab.signal(victim, Signal::SIGKILL)?;
    session.run_for(AFTERWARDS).await?;
    let bulk = session.bulk(direction);
    let end = Instant::now();
    let (stall, after) = (bulk.longest_gap(killed, end), bulk.rate(end - BEGINNING, end));
    session.load(direction, Load::Off);
    for (name, worse, value) in [
        ("before Mbit/s", Lower, before),
        ("stall ms", Higher, stall.as_secs_f64() * 1000.0),
        ("then Mbit/s", Lower, after),
        ("then %", Lower, 100.0 * after / remaining),
    ] {
        sheet.add("download, one killed", name, worse, value);
    }
    Ok(())
}

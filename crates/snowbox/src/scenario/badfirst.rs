//! The first proxy answers the client and is silent ever after.

use std::time::Duration;

use clap::Args;
use tokio::time::Instant;

use super::Runs;
use crate::{
    error::Error,
    lab::{Lab, Layout, shape::Shape},
    place::Place,
    probe::Load,
    progress::say,
    sheet::{Sheet, Worse::Higher},
    transfer::Direction,
};

/// Bytes a second of the stream whose first byte is waited for.
const PACE: f64 = 125_000.0;
/// Longest wait for it.
const LIMIT: Duration = Duration::from_secs(180);
/// The link whose proxy is silent.
const BAD: usize = 0;

/// Which proxies.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Proxies that the client may use at once.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=32))]
    pub max: u8,
    /// Good proxies behind the bad one.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=31))]
    pub good: u8,
    /// How often.
    #[command(flatten)]
    pub runs: Runs,
}

/// Measures the time from the SOCKS connection to the first byte of a stream, and without the bad proxy for comparison.
///
/// # Errors
/// The first thing that went wrong.
pub async fn run(place: &Place, options: &Options) -> Result<Sheet, Error> {
    let mut sheet = Sheet::new("badfirst");
    for run in 0..options.runs.runs {
        for (label, bad) in [("good first", false), ("bad first", true)] {
            say(format_args!("{label}, run {} …", run + 1));
            let time = first_byte(place, options, bad).await?;
            sheet.add(label, "first byte ms", Higher, time.as_secs_f64() * 1000.0);
        }
    }
    Ok(sheet)
}

async fn first_byte(place: &Place, options: &Options, bad: bool) -> Result<Duration, Error> {
    let link = Shape::new(8.0, Duration::from_millis(20));
    let links = vec![link; usize::from(options.good) + 1];
    let layout = Layout { links, max: options.max, one_client_each: true, seed: 0 };
    let mut lab = Lab::start(place, &layout).await?;
    lab.relay.darken(BAD, bad);
    // Of proxies that serve nobody, the broker gives out the one that waits longest.
    lab.start_proxy(BAD)?;
    lab.proxies_wait(1).await?;
    for link in 1..lab.links() {
        lab.start_proxy(link)?;
    }
    lab.proxies_wait(lab.links()).await?;
    let mut session = lab.open_session().await?;
    session.load(Direction::Download, Load::Paced(PACE));
    let time = wait(&mut session).await?;
    if bad && lab.relay.swallowed(BAD) == 0 {
        return Err(Error::Missing {
            what: "the link of the bad proxy".into(),
            missing: "traffic: the broker gave out another one",
        });
    }
    drop(session);
    lab.end().await?;
    Ok(time)
}

async fn wait(session: &mut crate::probe::Session) -> Result<Duration, Error> {
    let opened = session.opened();
    while Instant::now() < opened + LIMIT {
        if let Some(first) = session.bulk(Direction::Download).first() {
            return Ok(first - opened);
        }
        session.run_for(Duration::from_millis(10)).await?;
    }
    Err(Error::Stalled { direction: Direction::Download.name(), bytes: 0, limit: LIMIT })
}

//! Sessions that all want something at the same time.

use clap::Args;

use super::chain::{self, Chain, Common, spent};
use crate::{
    args::parse_size,
    crowd::{Race, far_end},
    error::Error,
    origin::Origin,
    place::Place,
    progress::say,
    scenario::full_load::DIRECTIONS,
    sheet::{Sheet, Worse::Higher},
    transfer::Direction,
};

/// How many, how much.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Sessions.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub sessions: u16,
    /// Proxies to start.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u8).range(1..=32))]
    pub proxies: u8,
    /// Bytes for each of them to move each way; K, M and G are powers of 1024.
    #[arg(long, default_value = "1M", value_parser = parse_size)]
    pub size: u64,
    /// How fast they come, how often.
    #[command(flatten)]
    pub common: Common,
}

pub(super) async fn run(place: &Place, options: &Options) -> Result<Sheet, Error> {
    let mut sheet = Sheet::new("sessions transfer");
    for _ in 0..options.common.runs.runs {
        for direction in DIRECTIONS {
            let size = (options.proxies, options.sessions);
            let far_end = far_end::greeting(&Origin::default());
            let work =
                async |chain: &mut Chain| measure(chain, &mut sheet, options, direction).await;
            chain::with(place, &options.common, size, far_end, work).await?;
        }
    }
    Ok(sheet)
}

/// One direction; the far ends serve one request each, so it has a chain of its own.
async fn measure(
    chain: &mut Chain,
    sheet: &mut Sheet,
    options: &Options,
    direction: Direction,
) -> Result<(), Error> {
    let (streams, label) = (chain.open(options.sessions).await, direction.name());
    say(format_args!("{label}: {} sessions at once …", streams.len()));
    let before = chain.activities()?;
    let race = Race::run(streams, direction, options.size).await?;
    let after = chain.activities()?;
    race.note(sheet, label, options.sessions.into());
    for (program, after) in &after {
        let (cpu, _) = spent(&before[program], after);
        let name = format!("{program} CPU ms/MiB");
        sheet.add(label, &name, Higher, cpu.as_secs_f64() * 1000.0 / race.mib());
    }
    Ok(())
}

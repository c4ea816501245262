//! The main job with our programs and with Go's in turn, without any limit on the way, and what ours needs of what Go's
//! needs.

use clap::Args;

use super::{
    Runs,
    peers::{GoDirectory, Peers, add_ratios},
};
use crate::{
    args::{Args as AllArgs, parse_size},
    build_programs::Programs,
    error::Error,
    loopback, measure, netns,
    place::Place,
    progress::say,
    report::Report,
    run::leave,
    sheet::{Sheet, Worse},
};

/// Beside whom.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Who runs beside our programs, with our broker.
    #[arg(long, value_enum, default_value_t = Peers::Go)]
    pub peers: Peers,
    /// Where they are.
    #[command(flatten)]
    pub go: GoDirectory,
    /// Bytes to move each way; K, M and G are powers of 1024.
    #[arg(long, default_value = "64M", value_parser = parse_size)]
    pub size: u64,
    /// How often.
    #[command(flatten)]
    pub runs: Runs,
}

/// Measures each chain in each run, one after the other, so that whatever else this machine does meets both.
///
/// # Errors
/// The first thing that went wrong.
pub async fn run(place: &Place, options: &Options) -> Result<Sheet, Error> {
    netns::set_up().await?;
    let chains = options.peers.chains(&place.programs, &options.go)?;
    let mut sheet = Sheet::new("bench");
    for run in 0..options.runs.runs {
        for (chain, programs) in &chains {
            say(format_args!("{chain}, run {} …", run + 1));
            add(&mut sheet, chain, &measured(place, options, programs).await?);
        }
    }
    add_ratios(&mut sheet);
    Ok(sheet)
}

/// One run of one chain, on a network of its own.
async fn measured(place: &Place, options: &Options, programs: &Programs) -> Result<Report, Error> {
    let args = AllArgs { size: options.size, no_kill: true, ..place.args.clone() };
    let place = Place::new(args, programs.clone())?;
    let work = async {
        let mut network = loopback::start(&place).await?;
        measure::run(&mut network, &place).await
    };
    let outcome = work.await;
    leave(place, &outcome).await;
    outcome
}

fn add(sheet: &mut Sheet, chain: &str, report: &Report) {
    for (at, transfer) in report.transfers.iter().enumerate() {
        let label = format!("{chain} {}", transfer.direction);
        sheet.add(&label, "MiB/s", Worse::Lower, transfer.mib_per_second);
        sheet.add(&label, "first byte ms", Worse::Higher, transfer.first_byte_ms);
        for program in &report.programs {
            let name = format!("{} CPU ms/MiB", program.name);
            sheet.add(&label, &name, Worse::Higher, program.cpu_ms_per_mib[at]);
        }
        for program in &report.programs {
            sheet.add(&label, &format!("{} MiB", program.name), Worse::Higher, program.peak_mib);
        }
    }
}

//! The main job with our programs and with Go's in turn, without any limit on the way, and what ours needs of what Go's
//! needs.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::Runs;
use crate::{
    args::{Args as AllArgs, parse_size},
    build_programs::Programs,
    error::{BuildError, Error},
    loopback, measure, netns,
    place::Place,
    progress::say,
    report::Report,
    run::leave,
    sheet::{Sheet, Worse},
};

/// Where Debian's package puts them.
const GO_DIRECTORY: &str = "/usr/bin";
const OURS: &str = "ours";
const GO: &str = "Go";

/// Beside whom.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Which client and proxy run beside ours, with our broker and server.
    #[arg(long, value_enum, default_value_t = Peers::Go)]
    pub peers: Peers,
    /// The directory of Go's `snowflake-client` and `snowflake-proxy`.
    #[arg(long, default_value = GO_DIRECTORY)]
    pub go_dir: PathBuf,
    /// Bytes to move each way; K, M and G are powers of 1024.
    #[arg(long, default_value = "64M", value_parser = parse_size)]
    pub size: u64,
    /// How often.
    #[command(flatten)]
    pub runs: Runs,
}

/// Who is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Peers {
    /// Our programs, and Go's in the same run.
    Go,
    /// Our programs only.
    Ours,
}

/// Measures each chain in each run, one after the other, so that whatever else this machine does meets both.
///
/// # Errors
/// The first thing that went wrong.
pub async fn run(place: &Place, options: &Options) -> Result<Sheet, Error> {
    netns::set_up().await?;
    let mut chains = vec![(OURS, place.programs.clone())];
    if options.peers == Peers::Go {
        chains.push((GO, go_programs(&place.programs, &options.go_dir)?));
    }
    let mut sheet = Sheet::new("bench");
    for run in 0..options.runs.runs {
        for (chain, programs) in &chains {
            say(format_args!("{chain}, run {} …", run + 1));
            add(&mut sheet, chain, &measured(place, options, programs).await?);
        }
    }
    if options.peers == Peers::Go {
        add_ratios(&mut sheet);
    }
    Ok(sheet)
}

/// Ours, but for client and proxy.
fn go_programs(ours: &Programs, directory: &Path) -> Result<Programs, Error> {
    let file = |name| {
        let file = directory.join(name);
        file.canonicalize().map_err(|_| Error::Build(BuildError::NoFile(file)))
    };
    Ok(Programs {
        client: file("snowflake-client")?,
        proxy: file("snowflake-proxy")?,
        ..ours.clone()
    })
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

/// A row for each direction: our median as a multiple of Go's.
fn add_ratios(sheet: &mut Sheet) {
    let of_go =
        sheet.rows.iter().filter_map(|row| Some((row.label.strip_prefix(GO)?.to_owned(), row)));
    let ratios: Vec<_> = of_go
        .flat_map(|(direction, row)| {
            row.figures.iter().map(move |figure| (direction.clone(), figure))
        })
        .filter_map(|(direction, go)| {
            let ours = sheet.figure(&format!("{OURS}{direction}"), &go.name)?;
            let ratio = ours.median / go.median;
            ratio.is_finite().then(|| (direction, go.name.clone(), go.worse, ratio))
        })
        .collect();
    for (direction, name, worse, ratio) in ratios {
        sheet.add(&format!("{OURS} / {GO}{direction}"), &name, worse, ratio);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_of_medians() {
        let mut sheet = Sheet::new("bench");
        for (chain, values) in [(OURS, [60.0, 30.0, 90.0]), (GO, [5.0, 6.0, 100.0])] {
            for value in values {
                sheet.add(&format!("{chain} download"), "MiB/s", Worse::Lower, value);
            }
            sheet.add(&format!("{chain} download"), "broker CPU ms/MiB", Worse::Higher, 0.0);
        }
        add_ratios(&mut sheet);
        let ratio = |name| sheet.figure("ours / Go download", name).map(|figure| figure.median);
        assert_eq!(ratio("MiB/s"), Some(10.0));
        assert_eq!(ratio("broker CPU ms/MiB"), None, "of nothing there is no part");
    }
}

//! Sessions that are there and do nothing.

use std::time::Duration;

use clap::Args;
use tokio::time::sleep;

use super::chain::{self, Chain, Common, spent};
use crate::{
    crowd::{far_end::Echo, lost},
    error::Error,
    place::Place,
    progress::say,
    sheet::{Sheet, Worse::Higher},
    usage::Footprint,
};

/// Time for the last acknowledgements, and for the threads that are no longer needed, before idleness begins.
const SETTLE: Duration = Duration::from_secs(15);
const KIB: f64 = 1024.0;
const MIB: f64 = KIB * KIB;

/// How many, how long.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Sessions; everything is also measured with the first one alone.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub sessions: u16,
    /// Proxies to start.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=32))]
    pub proxies: u8,
    /// Seconds of doing nothing.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub seconds: u64,
    /// How fast they come, how often.
    #[command(flatten)]
    pub common: Common,
}

pub(super) async fn run(place: &Place, options: &Options) -> Result<Sheet, Error> {
    let mut sheet = Sheet::new("sessions idle");
    for _ in 0..options.common.runs.runs {
        let (size, far_end) = ((options.proxies, options.sessions), Echo::default());
        let work = async |chain: &mut Chain| measure(chain, &mut sheet, options).await;
        chain::with(place, &options.common, size, far_end.on_connection(), work).await?;
    }
    Ok(sheet)
}

async fn measure(chain: &mut Chain, sheet: &mut Sheet, options: &Options) -> Result<(), Error> {
    sleep(SETTLE).await;
    let empty = chain.footprints()?;
    let mut streams = Vec::new();
    let steps = [1, options.sessions];
    for wanted in steps.into_iter().skip(usize::from(options.sessions == 1)) {
        say(format_args!("{wanted} sessions …"));
        streams.extend(chain.open(wanted - streams.len() as u16).await);
        let open = streams.len().max(1) as u16;
        sleep(SETTLE).await;
        let before = chain.activities()?;
        sleep(Duration::from_secs(options.seconds)).await;
        let after = chain.activities()?;
        let now = chain.footprints()?;
        for (program, now) in &now {
            let cost = Cost {
                empty: &empty[program],
                now,
                done: spent(&before[program], &after[program]),
            };
            cost.note(sheet, &format!("{program}, {wanted} idle"), open, options.seconds);
        }
    }
    let failures = usize::from(options.sessions) - streams.len();
    let lost = lost(streams, chain.at_once()).await;
    for (name, value) in [("failures", failures), ("lost", lost)] {
        sheet.add(&format!("client, {} idle", options.sessions), name, Higher, value as f64);
    }
    Ok(())
}

/// What a program's processes held before, hold now, and have done.
struct Cost<'a> {
    empty: &'a [Footprint],
    now: &'a [Footprint],
    done: (Duration, u64),
}

impl Cost<'_> {
    fn note(&self, sheet: &mut Sheet, label: &str, sessions: u16, seconds: u64) {
        let memory = |all: &[Footprint]| all.iter().map(|one| one.memory).sum::<u64>() as f64;
        let (empty, now) = (memory(self.empty), memory(self.now));
        let (sessions, seconds) = (f64::from(sessions), seconds as f64);
        let (cpu, switches) = (self.done.0.as_secs_f64() * 1000.0, self.done.1 as f64);
        let threads: usize = self.now.iter().map(|one| one.threads).sum();
        for (name, value) in [
            ("empty MiB", empty / MIB),
            ("MiB", now / MIB),
            ("KiB/session", (now - empty) / KIB / sessions),
            ("switches/s", switches / seconds),
            ("switches/session/s", switches / seconds / sessions),
            ("CPU ms/min", cpu * 60.0 / seconds),
            ("CPU ms/session/min", cpu * 60.0 / seconds / sessions),
            ("threads", threads as f64),
        ] {
            sheet.add(label, name, Higher, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_that_of_all_processes_beyond_the_empty_ones() {
        let footprint = |mib: u64| Footprint { memory: mib << 20, descriptors: 9, threads: 3 };
        let cost = Cost {
            empty: &[footprint(6), footprint(7)],
            now: &[footprint(8), footprint(10)],
            done: (Duration::from_millis(40), 60),
        };
        let mut sheet = Sheet::new("sessions idle");
        cost.note(&mut sheet, "proxy", 10, 120);
        let value = |name| sheet.figure("proxy", name).unwrap().median;
        assert_eq!((value("empty MiB"), value("MiB")), (13.0, 18.0));
        assert_eq!(value("KiB/session"), 512.0);
        assert_eq!((value("switches/s"), value("switches/session/s")), (0.5, 0.05));
        assert_eq!((value("CPU ms/min"), value("CPU ms/session/min")), (20.0, 2.0));
        assert_eq!(value("threads"), 6.0);
    }
}

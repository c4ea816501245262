//! Users who are there and do nothing.

use std::time::Duration;

use clap::Args;
use tokio::time::sleep;

use super::AtOnce;
use crate::{
    crowd::{Bridge, Crowd, far_end::Echo, files_for},
    error::Error,
    open_files,
    place::Place,
    progress::say,
    scenario::Runs,
    sheet::{
        Sheet,
        Worse::{Higher, Lower},
    },
};

/// Time for the last acknowledgements before idleness begins.
const SETTLE: Duration = Duration::from_secs(2);
const KIB: f64 = 1024.0;

/// How many, how long.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Users, each with a WebSocket, a session, a stream and a connection to the ORPort. The server and this program
    /// need two open files for each.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub sessions: u32,
    /// Seconds of doing nothing; each end says that it is there every 10 s.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub seconds: u64,
    /// How fast.
    #[command(flatten)]
    pub at_once: AtOnce,
    /// How often.
    #[command(flatten)]
    pub runs: Runs,
}

/// What the server did meanwhile.
#[derive(Debug)]
struct Cost {
    memory: u64,
    threads: usize,
    cpu: Duration,
    switches: u64,
}

pub(super) async fn run(place: &Place, options: &Options) -> Result<Sheet, Error> {
    open_files::allow(files_for(options.sessions, options.at_once.get()))?;
    let mut sheet = Sheet::new("users idle");
    for _ in 0..options.runs.runs {
        measure(place, &mut sheet, options).await?;
    }
    Ok(sheet)
}

async fn measure(place: &Place, sheet: &mut Sheet, options: &Options) -> Result<(), Error> {
    let (sessions, at_once) = (options.sessions, options.at_once.get());
    let echo = Echo::default();
    let mut bridge = Bridge::start(place, sessions, None, echo.on_connection()).await?;
    let empty = bridge.footprint()?.memory;
    say(format_args!("{sessions} users come …"));
    let crowd = Crowd::gather(&bridge, sessions, at_once).await;
    say(format_args!("… and do nothing for {} s …", options.seconds));
    let cost = watch(&mut bridge, empty, Duration::from_secs(options.seconds)).await?;
    note(sheet, options, &crowd, &cost);
    let (users, redials) = (crowd.users.len(), crowd.redials());
    let lost = crowd.lost(at_once).await;
    say(format_args!("{} of {users} still answer", users - lost));
    let label = label(options);
    sheet.add(&label, "lost", Higher, lost as f64);
    sheet.add(&label, "redials", Higher, redials as f64);
    bridge.end().await
}

async fn watch(bridge: &mut Bridge, empty: u64, time: Duration) -> Result<Cost, Error> {
    sleep(SETTLE).await;
    let before = bridge.activity()?;
    sleep(time).await;
    let (cpu, switches) = bridge.activity()?.since(&before);
    let now = bridge.footprint()?;
    let memory = now.memory.saturating_sub(empty);
    Ok(Cost { memory, threads: now.threads, cpu, switches })
}

fn note(sheet: &mut Sheet, options: &Options, crowd: &Crowd, cost: &Cost) {
    let users = crowd.users.len() as f64;
    let user_seconds = users * options.seconds as f64;
    for (name, worse, value) in [
        ("users", Lower, users),
        ("failures", Higher, crowd.failures as f64),
        ("set up s", Higher, crowd.took.as_secs_f64()),
        ("KiB/user", Higher, cost.memory as f64 / KIB / users),
        ("CPU ms/user/min", Higher, cost.cpu.as_secs_f64() * 1000.0 * 60.0 / user_seconds),
        ("switches/user/s", Higher, cost.switches as f64 / user_seconds),
        ("threads", Higher, cost.threads as f64),
    ] {
        sheet.add(&label(options), name, worse, value);
    }
}

fn label(options: &Options) -> String {
    format!("idle for {} s", options.seconds)
}

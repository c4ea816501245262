//! Users who all want something at the same time.

use std::time::Duration;

use clap::Args;

use super::AtOnce;
use crate::{
    args::parse_size,
    crowd::{Bridge, Crowd, Race, far_end, files_for},
    error::Error,
    open_files,
    origin::Origin,
    place::Place,
    progress::say,
    scenario::{Runs, full_load::DIRECTIONS},
    sheet::{Sheet, Worse::Higher},
    transfer::Direction,
    usage,
};

/// How many, how much.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Users, each with a WebSocket and a session.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub sessions: u32,
    /// Bytes for each of them to move each way; K, M and G are powers of 1024.
    #[arg(long, default_value = "1M", value_parser = parse_size)]
    pub size: u64,
    /// How fast they come.
    #[command(flatten)]
    pub at_once: AtOnce,
    /// How often.
    #[command(flatten)]
    pub runs: Runs,
}

/// What became of it, and what it cost.
#[derive(Debug)]
struct Outcome {
    race: Race,
    server: Duration,
    ourselves: Duration,
}

pub(super) async fn run(place: &Place, options: &Options) -> Result<Sheet, Error> {
    open_files::allow(files_for(options.sessions, options.at_once.get()))?;
    let mut sheet = Sheet::new("users transfer");
    for _ in 0..options.runs.runs {
        for direction in DIRECTIONS {
            measure(place, &mut sheet, options, direction).await?;
        }
    }
    Ok(sheet)
}

/// One direction, with a server of its own.
async fn measure(
    place: &Place,
    sheet: &mut Sheet,
    options: &Options,
    direction: Direction,
) -> Result<(), Error> {
    let origin = far_end::greeting(&Origin::default());
    let mut bridge = Bridge::start(place, options.sessions, None, origin).await?;
    let crowd = Crowd::gather(&bridge, options.sessions, options.at_once.get()).await;
    let (users, name) = (crowd.users.len(), direction.name());
    say(format_args!("{name}: {users} users at once …"));
    let (server, ourselves) = (bridge.activity()?, cpu_of_ours());
    let race = Race::run(crowd.users, direction, options.size).await?;
    let outcome = Outcome {
        race,
        server: bridge.activity()?.since(&server).0,
        ourselves: cpu_of_ours().saturating_sub(ourselves),
    };
    note(sheet, direction, options, &outcome);
    bridge.end().await
}

/// Users and far ends: the load.
fn cpu_of_ours() -> Duration {
    usage::of(std::process::id()).unwrap_or_default().cpu
}

fn note(sheet: &mut Sheet, direction: Direction, options: &Options, outcome: &Outcome) {
    let Outcome { race, server, ourselves } = outcome;
    let processors = |cpu: &Duration| cpu.as_secs_f64() / race.whole.as_secs_f64();
    race.note(sheet, direction.name(), options.sessions);
    for (name, value) in [
        ("server CPU ms/MiB", server.as_secs_f64() * 1000.0 / race.mib()),
        ("server processors", processors(server)),
        ("load processors", processors(ourselves)),
    ] {
        sheet.add(direction.name(), name, Higher, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_price_is_that_of_those_who_succeeded() {
        let options = Options {
            sessions: 3,
            size: 1 << 20,
            at_once: AtOnce { at_once: 64 },
            runs: Runs { runs: 1 },
        };
        let second = Duration::from_secs(1);
        let race = Race { size: 1 << 20, took: vec![second, 2 * second], whole: 2 * second };
        let outcome = Outcome { race, server: second, ourselves: 2 * second };
        let mut sheet = Sheet::new("users transfer");
        note(&mut sheet, Direction::Upload, &options, &outcome);
        let value = |name| sheet.figure("upload", name).unwrap().median;
        assert_eq!(value("server CPU ms/MiB"), 500.0);
        assert_eq!((value("server processors"), value("load processors")), (0.5, 1.0));
    }
}

//! Users who all want something at the same time.

use std::{io, time::Duration};

use clap::Args;
use tokio::time::{Instant, timeout};

use super::AtOnce;
use crate::{
    args::parse_size,
    crowd::{Bridge, Crowd, User, far_end, files_for, in_turns},
    error::{Doing, Error},
    meter::Meter,
    open_files,
    origin::Origin,
    place::Place,
    progress::say,
    scenario::{Runs, full_load::DIRECTIONS},
    sheet::{
        Sheet,
        Worse::{Higher, Lower},
    },
    stats::fairness,
    transfer::Direction,
    usage,
};

/// Time for all transfers of one direction.
const LIMIT: Duration = Duration::from_secs(600);
const MIB: f64 = 1024.0 * 1024.0;

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

/// What became of it.
#[derive(Debug)]
struct Outcome {
    /// How long each transfer took that was right to the last byte.
    took: Vec<Duration>,
    /// All of them.
    whole: Duration,
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
    let outcome = move_all(&mut bridge, crowd.users, direction, options.size).await?;
    note(sheet, direction, options, &outcome);
    bridge.end().await
}

async fn move_all(
    bridge: &mut Bridge,
    users: Vec<User>,
    direction: Direction,
    size: u64,
) -> Result<Outcome, Error> {
    let seed = getrandom::u64().map_err(io::Error::other).doing("asking for random bytes")?;
    let seeds = (0..).map(|number| seed.wrapping_add(number));
    let (server, ourselves, start) = (bridge.activity()?, cpu_of_ours(), Instant::now());
    let transfers = users.into_iter().zip(seeds).map(move |(user, seed)| async move {
        let ended = finish(user, direction, seed, size).await;
        ended.map(|user| (user, start.elapsed()))
    });
    let ended = in_turns(usize::MAX, transfers).await;
    let outcome = Outcome {
        whole: start.elapsed(),
        server: bridge.activity()?.since(&server).0,
        ourselves: cpu_of_ours().saturating_sub(ourselves),
        took: ended.iter().flatten().map(|(_, took)| *took).collect(),
    };
    Ok(outcome)
}

/// The user again, if every byte was right: the last of them may still have to be acknowledged.
async fn finish(mut user: User, direction: Direction, seed: u64, size: u64) -> Option<User> {
    let meter = Meter::start(size);
    let work = direction.run_over(&mut user.stream, seed, &meter);
    match timeout(LIMIT, work).await {
        Ok(Ok(())) => return Some(user),
        Ok(Err(error)) => say(error),
        Err(_) => say(format_args!("a user's {} was not over in {LIMIT:?}", direction.name())),
    }
    None
}

/// Users and far ends: the load.
fn cpu_of_ours() -> Duration {
    usage::of(std::process::id()).unwrap_or_default().cpu
}

fn note(sheet: &mut Sheet, direction: Direction, options: &Options, outcome: &Outcome) {
    let Outcome { took, whole, server, ourselves } = outcome;
    let processors = |cpu: &Duration| cpu.as_secs_f64() / whole.as_secs_f64();
    let mib = options.size as f64 * took.len() as f64 / MIB;
    let rates: Vec<f64> = took.iter().map(|took| 1.0 / took.as_secs_f64()).collect();
    for (name, worse, value) in [
        ("users", Lower, took.len() as f64),
        ("failures", Higher, f64::from(options.sessions) - took.len() as f64),
        ("MiB/s", Lower, mib / whole.as_secs_f64()),
        ("fairness", Lower, fairness(&rates).unwrap_or(f64::NAN)),
        ("server CPU ms/MiB", Higher, server.as_secs_f64() * 1000.0 / mib),
        ("server processors", Higher, processors(server)),
        ("load processors", Higher, processors(ourselves)),
    ] {
        sheet.add(direction.name(), name, worse, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_of_those_who_succeeded() {
        let options = Options {
            sessions: 3,
            size: 1 << 20,
            at_once: AtOnce { at_once: 64 },
            runs: Runs { runs: 1 },
        };
        let second = Duration::from_secs(1);
        let outcome = Outcome {
            took: vec![second, 2 * second],
            whole: 2 * second,
            server: second,
            ourselves: 2 * second,
        };
        let mut sheet = Sheet::new("users transfer");
        note(&mut sheet, Direction::Upload, &options, &outcome);
        let value = |name| sheet.figure("upload", name).unwrap().median;
        assert_eq!((value("users"), value("failures")), (2.0, 1.0));
        assert_eq!(value("MiB/s"), 1.0);
        assert_eq!(value("fairness"), 0.9);
        assert_eq!(value("server CPU ms/MiB"), 500.0);
        assert_eq!((value("server processors"), value("load processors")), (0.5, 1.0));
    }
}

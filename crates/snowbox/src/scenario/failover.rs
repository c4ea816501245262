//! A stream that is slower than its path, and faults of the proxy that carries it, one after the other in one session.

use std::{fmt, time::Duration};

use clap::{Args, ValueEnum};
use nix::sys::signal::Signal;
use tokio::time::Instant;

use super::Runs;
use crate::{
    error::Error,
    lab::{Lab, Layout, shape::Shape},
    place::Place,
    probe::{Load, Session},
    process::Process,
    progress::say,
    sheet::{Sheet, Worse::Higher},
    stats::quantile,
    transfer::Direction,
    usage,
};

/// Bytes a second of the stream: 1 Mbit/s.
const PACE: f64 = 125_000.0;
/// How long a stream has to run smoothly to be called running.
const SMOOTH: Duration = Duration::from_secs(3);
/// Longest pause between two bytes of a stream that runs smoothly.
const PAUSE: Duration = Duration::from_millis(300);
/// Share of the pace that it has to reach in that time.
const SHARE: f64 = 0.8;
/// Longest wait until it runs again.
const LIMIT: Duration = Duration::from_secs(180);

/// How long the whole network is gone.
const ABSENCE: Duration = Duration::from_secs(5);
/// Those that take turns: they hit one proxy.
const TURNS: [Fault; 3] = [Fault::Kill, Fault::Freeze, Fault::Blackhole];

/// What happens to the proxy that carries the stream, or to all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Fault {
    /// SIGKILL: its connections break.
    Kill,
    /// SIGSTOP: it is silent, its connections stay.
    Freeze,
    /// Its link to the client swallows everything; its WebSocket to the server works.
    Blackhole,
    /// The client's whole network is gone for 5 s, and with it every proxy and the broker.
    Pause,
}

/// Which faults, and how many.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Proxies that the client may use at once.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=32))]
    pub max: u8,
    /// Proxies to start.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(2..=32))]
    pub proxies: u8,
    /// Faults in one session.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub faults: u16,
    /// Seconds from the repair of one fault to the next. With 15 a client has closed what it has too much: a proxy whose
    /// link works again.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..=600))]
    pub rest: u64,
    /// Only this kind; otherwise all that hit one proxy, in turn.
    #[arg(long, value_enum)]
    pub fault: Option<Fault>,
    /// How often.
    #[command(flatten)]
    pub runs: Runs,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kill => "kill",
            Self::Freeze => "freeze",
            Self::Blackhole => "blackhole",
            Self::Pause => "pause",
        })
    }
}

/// Measures how long the stream stands still after each fault.
///
/// # Errors
/// The first thing that went wrong; a stream that does not run again within 180 s is an error.
pub async fn run(place: &Place, options: &Options) -> Result<Sheet, Error> {
    let mut sheet = Sheet::new("failover");
    for _ in 0..options.runs.runs {
        one_session(place, &mut sheet, options).await?;
    }
    Ok(sheet)
}

async fn one_session(place: &Place, sheet: &mut Sheet, options: &Options) -> Result<(), Error> {
    let links = vec![Shape::new(8.0, Duration::from_millis(20)); usize::from(options.proxies)];
    let layout = Layout { links, max: options.max, one_client_each: false, seed: 0 };
    let mut lab = Lab::with_proxies(place, &layout).await?;
    let mut session = lab.open_session().await?;
    session.load(Direction::Download, Load::Paced(PACE));
    runs_smoothly(&mut session, Instant::now()).await?;
    for number in 0..options.faults {
        let fault = options.fault.unwrap_or(nth_kind(number));
        lab.proxies_wait(lab.links() - 1).await?;
        let link = lab.carrying_link().await;
        let started = Instant::now();
        begin(&lab, link, fault)?;
        if fault == Fault::Pause {
            session.run_for(ABSENCE).await?;
            lab.cut_off(false)?;
        }
        runs_smoothly(&mut session, started).await?;
        note(sheet, fault, &session, started);
        note_footprint(sheet, lab.client());
        repair(&mut lab, link, fault)?;
        session.run_for(Duration::from_secs(options.rest)).await?;
    }
    let settled = session.settle(Direction::Download).await?;
    let bytes = session.bulk(Direction::Download).total();
    if !settled {
        return Err(Error::Stalled { direction: Direction::Download.name(), bytes, limit: LIMIT });
    }
    say(format_args!("{} faults, {bytes} bytes, all of them right", options.faults));
    drop(session);
    lab.end().await
}

fn nth_kind(number: u16) -> Fault {
    TURNS[usize::from(number) % TURNS.len()]
}

fn begin(lab: &Lab<'_>, link: usize, fault: Fault) -> Result<(), Error> {
    match fault {
        Fault::Kill => lab.signal(link, Signal::SIGKILL),
        Fault::Freeze => lab.signal(link, Signal::SIGSTOP),
        Fault::Blackhole => {
            lab.relay.darken(link, true);
            Ok(())
        }
        Fault::Pause => lab.cut_off(true),
    }
}

/// Makes the link one that can carry the stream again. A killed or frozen proxy gets a successor.
fn repair(lab: &mut Lab<'_>, link: usize, fault: Fault) -> Result<(), Error> {
    match fault {
        Fault::Kill | Fault::Freeze => lab.start_proxy(link),
        Fault::Blackhole => {
            lab.relay.darken(link, false);
            Ok(())
        }
        Fault::Pause => Ok(()),
    }
}

fn note(sheet: &mut Sheet, fault: Fault, session: &Session, started: Instant) {
    let now = Instant::now();
    let stall = session.bulk(Direction::Download).longest_gap(started, now);
    let echoes = session.echoes().milliseconds(started, now, now);
    let stall = stall.as_secs_f64() * 1000.0;
    say(format_args!("{fault}: {stall:.0} ms"));
    for label in [&fault.to_string(), "all"] {
        sheet.add(label, "stall ms", Higher, stall);
        sheet.add(label, "echo max ms", Higher, quantile(&echoes, 1.0).unwrap_or(f64::NAN));
    }
}

/// What the client holds after a fault: the values of a long session show whether it leaks.
fn note_footprint(sheet: &mut Sheet, client: &Process) {
    let Some(footprint) = usage::footprint(client.pid()) else { return };
    let mib = footprint.memory as f64 / f64::from(1 << 20);
    sheet.add("client", "MiB", Higher, mib);
    sheet.add("client", "descriptors", Higher, footprint.descriptors as f64);
    sheet.add("client", "threads", Higher, footprint.threads as f64);
}

/// Waits until the stream has run without a noticeable pause for 3 s, all of them after `since`.
async fn runs_smoothly(session: &mut Session, since: Instant) -> Result<(), Error> {
    session.run_until(since + SMOOTH).await?;
    while since.elapsed() < LIMIT {
        let now = Instant::now();
        let bulk = session.bulk(Direction::Download);
        let enough = SHARE * PACE * SMOOTH.as_secs_f64();
        let smooth = bulk.longest_gap(now - SMOOTH, now) < PAUSE;
        if smooth && bulk.bytes(now - SMOOTH, now) as f64 >= enough {
            return Ok(());
        }
        session.run_for(PAUSE / 3).await?;
    }
    let bytes = session.bulk(Direction::Download).total();
    Err(Error::Stalled { direction: Direction::Download.name(), bytes, limit: LIMIT })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_take_turns() {
        let names: Vec<String> = (0..4).map(|number| nth_kind(number).to_string()).collect();
        assert_eq!(names, ["kill", "freeze", "blackhole", "kill"]);
    }
}

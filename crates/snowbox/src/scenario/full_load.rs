//! One direction with as much to send as it takes, and echoes in between.

use std::time::Duration;

use tokio::time::Instant;

use crate::{
    error::Error,
    lab::{Lab, relay::Way},
    probe::{Load, Session},
    progress::say,
    sheet::{
        Sheet,
        Worse::{Higher, Lower},
    },
    stats::{median, quantile},
    transfer::Direction,
};

/// How long the beginning is, which is counted by itself: congestion control has to find the rate in it.
pub(super) const BEGINNING: Duration = Duration::from_secs(5);
const MIB: f64 = 1024.0 * 1024.0;
/// How long echoes alone run before any load.
const IDLE: Duration = Duration::from_secs(3);

/// Both ways, as they are measured.
pub(super) const DIRECTIONS: [Direction; 2] = [Direction::Download, Direction::Upload];

/// What one direction did.
#[derive(Debug, Clone)]
pub(super) struct Loaded {
    /// Mbit/s of useful bytes in the beginning.
    beginning: f64,
    /// And afterwards.
    then: f64,
    /// Milliseconds of the echoes while it ran.
    echoes: Vec<f64>,
    stall: Duration,
    /// Bytes that the links moved this way for each useful one: in the beginning, and until everything had arrived. What is
    /// over about 1.1 is repetition.
    wire: [f64; 2],
    /// CPU time of each program until everything had arrived.
    cpu: [(&'static str, Duration); 3],
    /// Useful bytes until then, in MiB.
    mib: f64,
}

/// The median of the echoes of an idle session, in milliseconds.
pub(super) async fn idle(session: &mut Session) -> Result<f64, Error> {
    session.echo().await?;
    let start = Instant::now();
    session.run_for(IDLE).await?;
    let end = Instant::now();
    session.echo().await?;
    let echoes = session.echoes().milliseconds(start, end, Instant::now());
    Ok(median(&echoes).unwrap_or(f64::NAN))
}

/// Loads one direction for the beginning and `then`, and waits until everything has arrived.
pub(super) async fn full_load(
    lab: &Lab<'_>,
    session: &mut Session,
    direction: Direction,
    then: Duration,
) -> Result<Loaded, Error> {
    let (before, cpu_before) = (moved(lab, session, direction), lab.cpu());
    let start = Instant::now();
    let (middle, end) = (start + BEGINNING, start + BEGINNING + then);
    session.load(direction, Load::Full);
    session.run_until(middle).await?;
    let wire_of_beginning = moved(lab, session, direction).ratio_since(before);
    session.run_until(end).await?;
    // Echoes and bytes that take longer than it waits count as they are then.
    let _ = session.settle(direction).await?;
    let mut cpu = lab.cpu();
    cpu.iter_mut()
        .zip(cpu_before)
        .for_each(|((_, now), (_, then))| *now = now.saturating_sub(then));
    let bulk = session.bulk(direction);
    let after = moved(lab, session, direction);
    Ok(Loaded {
        beginning: bulk.rate(start, middle),
        then: bulk.rate(middle, end),
        echoes: session.echoes().milliseconds(start, end, Instant::now()),
        stall: bulk.longest_gap(bulk.first().unwrap_or(end).clamp(start, end), end),
        wire: [wire_of_beginning, after.ratio_since(before)],
        cpu,
        mib: (after.useful - before.useful) as f64 / MIB,
    })
}

/// Writes it down. `rate` is what the links allow together, `idle` what an echo takes without a load.
pub(super) fn note(sheet: &mut Sheet, label: &str, loaded: &Loaded, rate: f64, idle: f64) {
    let echo = |q| quantile(&loaded.echoes, q).unwrap_or(f64::NAN) - idle;
    let percent = |mbit: f64| 100.0 * mbit / rate;
    // An interrupted scenario has no table, but this.
    let (beginning, then, late) = (loaded.beginning, loaded.then, echo(0.95));
    say(format_args!("{label}: {beginning:.2}, then {then:.2} Mbit/s; p95 +{late:.0} ms"));
    for (name, worse, value) in [
        ("idle ms", Higher, idle),
        ("5 s Mbit/s", Lower, loaded.beginning),
        ("5 s %", Lower, percent(loaded.beginning)),
        ("then Mbit/s", Lower, loaded.then),
        ("then %", Lower, percent(loaded.then)),
        ("p50 +ms", Higher, echo(0.5)),
        ("p95 +ms", Higher, echo(0.95)),
        ("max +ms", Higher, echo(1.0)),
        ("stall ms", Higher, loaded.stall.as_secs_f64() * 1000.0),
        ("5 s wire x", Higher, loaded.wire[0]),
        ("wire x", Higher, loaded.wire[1]),
    ] {
        sheet.add(label, name, worse, value);
    }
    for (program, cpu) in loaded.cpu {
        let name = format!("{program} CPU ms/MiB");
        sheet.add(label, &name, Higher, cpu.as_secs_f64() * 1000.0 / loaded.mib);
    }
}

/// Bytes of one direction so far.
#[derive(Debug, Clone, Copy)]
struct Moved {
    wire: u64,
    useful: u64,
}

impl Moved {
    fn ratio_since(self, before: Self) -> f64 {
        (self.wire - before.wire) as f64 / (self.useful - before.useful).max(1) as f64
    }
}

fn moved(lab: &Lab<'_>, session: &Session, direction: Direction) -> Moved {
    let way = match direction {
        Direction::Download => Way::Down,
        Direction::Upload => Way::Up,
    };
    let wire = (0..lab.links()).map(|link| lab.relay.delivered_one_way(link, way)).sum();
    Moved { wire, useful: session.bulk(direction).total() }
}

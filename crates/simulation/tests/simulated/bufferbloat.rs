//! One carrier is used up to its rate, and nearly nothing stands in the queue before it.

#![expect(clippy::print_stdout, reason = "the figures, for whoever asks with --nocapture")]

use snowflake_simulation::{Check, ENDLESS, Failure, Line, Offer, Waits, Ways, World, for_seeds};
use std::fmt;
use std::time::Duration;
use tokio::time::sleep;

/// How long a transfer may take to find the rate.
const START: Duration = Duration::from_secs(5);

/// How long it is measured.
const TIME: Duration = Duration::from_secs(20);

struct Figures {
    goodput: f64,
    waits: Waits,
    repeated: f64,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { goodput, waits, repeated } = self;
        let (half, most, longest) =
            (waits.quantile(0.5), waits.quantile(0.95), waits.quantile(1.0));
        let repeated = 100.0 * repeated;
        write!(
            f,
            "{goodput:.3} of the rate; waits {half:?}, 95 % {most:?}, longest {longest:?}; "
        )?;
        write!(f, "{repeated:.2} % repeated")
    }
}

/// Loads a line in one direction, and measures what it does after the start.
async fn load(world: &World, line: Line, way: Ways) -> Result<Figures, Failure> {
    let client = world.client(1, move |_, _| Offer::new(line));
    let transfer = match way {
        Ways::Up => client.transfer(ENDLESS, 0)?,
        _ => client.transfer(0, ENDLESS)?,
    };
    let meter = if way == Ways::Up { &transfer.up } else { &transfer.down };
    sleep(START).await;
    let link = client.volunteers().links().pop();
    let link = link.ok_or_else(|| world.verdict().failure(Check::Dropped, "no carrier"))?;
    link.take_waits(way);
    let before = meter.bytes();
    sleep(TIME).await;
    let goodput = (meter.bytes() - before) as f64 / TIME.as_secs_f64() / line.rate();
    let segments = if way == Ways::Up { client.sent() } else { client.received() };
    Ok(Figures { goodput, waits: link.take_waits(way), repeated: segments.repeated_part() })
}

/// What is expected at a rate.
struct Bounds {
    /// Part of the rate.
    goodput: f64,
    /// What 95 % of all bytes do not exceed in the queue.
    wait: Duration,
}

fn at_rate(mbit: f64, bounds: &Bounds) {
    for round_trip in [0, 50, 100] {
        for way in [Ways::Down, Ways::Up] {
            let all = for_seeds(2, async |world| {
                // A line of a round number might suit a round number in the code.
                let mut rng = world.rng();
                let rate = mbit * (0.95 + rng.below(100) as f64 / 1000.0);
                let delay = Duration::from_micros(1000 * round_trip + rng.below(5000));
                let figures = load(world, Line::mbit(rate).round_trip(delay), way).await?;
                let seen = || format!("{mbit} Mbit/s, {round_trip} ms, {way:?}: {figures}");
                let Figures { goodput, waits, repeated } = &figures;
                world.expect(Check::Goodput, *goodput >= bounds.goodput, seen)?;
                world.expect(Check::Queue, waits.quantile(0.95) <= bounds.wait, seen)?;
                world.expect(Check::Duplicates, *repeated < 0.02, seen)?;
                Ok(figures)
            });
            for figures in all {
                println!("{mbit} Mbit/s, {round_trip} ms, {way:?}: {figures}");
            }
        }
    }
}

/// At such a rate a packet takes 11 ms.
#[test]
fn one_mbit() {
    at_rate(1.0, &Bounds { goodput: 0.9, wait: Duration::from_millis(150) });
}

#[test]
fn five_mbit() {
    at_rate(5.0, &Bounds { goodput: 0.9, wait: Duration::from_millis(100) });
}

#[test]
fn eight_mbit() {
    at_rate(8.0, &Bounds { goodput: 0.9, wait: Duration::from_millis(100) });
}

/// At 100 ms the window of one stream fills such a line only just.
#[test]
fn twenty_mbit() {
    at_rate(20.0, &Bounds { goodput: 0.9, wait: Duration::from_millis(100) });
}

/// What a slow line loses in minutes shows only in minutes.
#[test]
fn a_slow_line_for_minutes() {
    for mbit in [0.5, 1.0] {
        let all = for_seeds(2, async |world: &World| {
            let line = Line::mbit(mbit).round_trip(Duration::from_millis(100));
            let client = world.client(1, move |_, _| Offer::new(line));
            let download = client.transfer(0, ENDLESS)?;
            sleep(Duration::from_secs(180)).await;
            let goodput = download.down.bytes() as f64 / 180.0 / line.rate();
            world.expect(Check::Goodput, goodput >= 0.9, || format!("{mbit} Mbit/s: {goodput}"))?;
            Ok(goodput)
        });
        println!("{mbit} Mbit/s for three minutes: {all:.3?} of the rate");
    }
}

//! One carrier is used up to its rate, and nearly nothing stands in the queue before it.

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

fn at_rate(mbit: f64) {
    for round_trip in [0, 50, 100].map(Duration::from_millis) {
        for way in [Ways::Down, Ways::Up] {
            let all = for_seeds(2, async |world| {
                let figures = load(world, Line::mbit(mbit).round_trip(round_trip), way).await?;
                println!("{mbit} Mbit/s, {round_trip:?}, {way:?}: {figures}");
                Ok(figures)
            });
            let _ = all;
        }
    }
}

#[test]
fn one_mbit() {
    at_rate(1.0);
}

#[test]
fn five_mbit() {
    at_rate(5.0);
}

#[test]
fn eight_mbit() {
    at_rate(8.0);
}

#[test]
fn twenty_mbit() {
    at_rate(20.0);
}

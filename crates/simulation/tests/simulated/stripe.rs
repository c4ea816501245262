//! Several carriers together bring nearly the sum of their rates.

#![expect(clippy::print_stdout, reason = "the figures, for whoever asks with --nocapture")]

use snowflake_simulation::{Check, ENDLESS, Failure, Line, Offer, Ways, World, for_seeds};
use std::time::Duration;
use tokio::time::sleep;

const START: Duration = Duration::from_secs(10);
const TIME: Duration = Duration::from_secs(20);

/// The part of the sum of all rates, in Mbit/s, that arrives.
async fn part_of_sum(world: &World, rates: &'static [f64], way: Ways) -> Result<f64, Failure> {
    let client = world.client(rates.len(), move |number, rng| {
        let round_trip = Duration::from_millis(20 + rng.below(60));
        Offer::new(Line::mbit(rates[number % rates.len()]).round_trip(round_trip))
    });
    let transfer = match way {
        Ways::Up => client.transfer(ENDLESS, 0)?,
        _ => client.transfer(0, ENDLESS)?,
    };
    let meter = if way == Ways::Up { &transfer.up } else { &transfer.down };
    client.until_carriers(rates.len()).await;
    sleep(START).await;
    let before = meter.bytes();
    sleep(TIME).await;
    let ended = client.carriers_ended();
    world.expect(Check::Dropped, ended == 0, || format!("{ended} good carriers"))?;
    let sum: f64 = rates.iter().map(|rate| Line::mbit(*rate).rate()).sum();
    Ok((meter.bytes() - before) as f64 / TIME.as_secs_f64() / sum)
}

fn stripe(rates: &'static [f64], least: f64) {
    for way in [Ways::Down, Ways::Up] {
        let parts = for_seeds(3, async |world| {
            let part = part_of_sum(world, rates, way).await?;
            world.expect(Check::Goodput, part >= least, || {
                format!("{part:.3} of the sum of {rates:?} Mbit/s, {way:?}")
            })?;
            Ok(part)
        });
        println!("{rates:?} Mbit/s, {way:?}: {parts:.3?} of the sum");
    }
}

#[test]
fn two_equal_carriers() {
    stripe(&[4.0, 4.0], 0.93);
}

#[test]
fn two_unequal_carriers() {
    stripe(&[8.0, 2.0], 0.93);
}

#[test]
fn four_equal_carriers() {
    stripe(&[4.0, 4.0, 4.0, 4.0], 0.9);
}

#[test]
fn four_unequal_carriers() {
    stripe(&[8.0, 4.0, 2.0, 1.0], 0.9);
}

//! Carriers that fall silent and come back by turns: what was held up in one silence says nothing about the next.

#![expect(clippy::print_stdout, reason = "the figures, for whoever asks with --nocapture")]

use snowflake_simulation::{Check, ENDLESS, Line, Offer, Ways, World, for_seeds};
use std::time::Duration;
use tokio::time::sleep;

/// Silences in one session.
const SILENCES: usize = 20;

/// How long each lasts: long enough for another carrier to take over, too short for the silent one to be given up.
const DARK: Duration = Duration::from_secs(4);

/// From the end of one silence to the next, so that a carrier is back when the other falls silent.
const LIGHT: Duration = Duration::from_secs(1);

/// The longest of 24 seeds was 1.7 s, like after a single silence. While what was held up counted as proof and as round
/// trip it was as long as the silence.
const BOUND: Duration = Duration::from_secs(2);

fn flicker(wanted: usize, way: Ways) {
    let stalls = for_seeds(4, async |world: &World| {
        let mut rng = world.rng();
        let line = Line::mbit(4.0).round_trip(Duration::from_millis(20 + rng.below(80)));
        let client = world.client(wanted, move |_, _| Offer::new(line));
        let transfer = match way {
            Ways::Up => client.transfer(ENDLESS, 0)?,
            _ => client.transfer(0, ENDLESS)?,
        };
        let meter = if way == Ways::Up { &transfer.up } else { &transfer.down };
        client.until_carriers(wanted).await;
        sleep(Duration::from_secs(5)).await;
        let mut longest = Duration::ZERO;
        for number in 0..SILENCES {
            sleep(LIGHT + Duration::from_millis(rng.below(500))).await;
            let carrying = client.volunteers().carrying().await;
            let carrying =
                carrying.ok_or_else(|| world.verdict().failure(Check::Stall, "no carrier"))?;
            meter.reset_gap();
            carrying.freeze(Ways::Both, DARK);
            sleep(DARK).await;
            let stall = meter.longest_gap();
            world.expect(Check::Stall, stall <= BOUND, || format!("number {number}: {stall:?}"))?;
            longest = longest.max(stall);
        }
        Ok(longest)
    });
    println!("{wanted} wanted, {way:?}: longest stalls {stalls:?}");
}

#[test]
fn silences_with_one_carrier_wanted() {
    flicker(1, Ways::Down);
    flicker(1, Ways::Up);
}

#[test]
fn silences_with_two_carriers_wanted() {
    flicker(2, Ways::Down);
    flicker(2, Ways::Up);
}

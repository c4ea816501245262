//! A session whose first volunteer is of no use has its first answer soon all the same.

#![expect(clippy::print_stdout, reason = "the figures, for whoever asks with --nocapture")]

use snowflake_simulation::{Check, Line, Offer, Purpose, Ways, World, for_seeds};
use std::time::Duration;
use tokio::time::{Instant, sleep};

const BOUND: Duration = Duration::from_millis(2500);

/// The first dial gets what `spoil` makes of it, all others a good carrier; returns when the first answer came.
fn first_answer(name: &str, spoil: fn(Offer) -> Offer) {
    let times = for_seeds(4, async |world: &World| {
        let line = Line::mbit(4.0).round_trip(Duration::from_millis(20 + world.rng().below(100)));
        let client = world.client(1, move |number, _| {
            let offer = Offer::new(line);
            if number == 0 { spoil(offer) } else { offer }
        });
        let began = Instant::now();
        let questions = client.start(Purpose::Questions { pause: Duration::from_secs(1) })?;
        while questions.answers().is_empty() {
            world.expect(Check::FirstByte, began.elapsed() <= BOUND, || {
                format!("no answer yet, although only the first carrier is bad ({name})")
            })?;
            sleep(Duration::from_millis(10)).await;
        }
        Ok(began.elapsed())
    });
    println!("{name}: {times:?}");
}

#[test]
fn the_first_dial_fails() {
    first_answer("fails", Offer::fails);
}

#[test]
fn the_first_dial_takes_for_ever() {
    first_answer("takes a minute", |offer| offer.takes(Duration::from_secs(60)));
}

#[test]
fn the_first_dial_fails_late() {
    first_answer("fails after 10 s", |offer| offer.takes(Duration::from_secs(10)).fails());
}

#[test]
fn the_first_carrier_is_silent() {
    first_answer("silent", |offer| offer.silent(Ways::Both));
}

#[test]
fn the_first_carrier_is_silent_in_one_direction() {
    first_answer("silent up", |offer| offer.silent(Ways::Up));
    first_answer("silent down", |offer| offer.silent(Ways::Down));
}

//! Carriers that lose packets: each holds up what comes after it for a round trip, at least.

#![expect(clippy::print_stdout, reason = "the figures, for whoever asks with --nocapture")]

use snowflake_simulation::{Check, ENDLESS, Line, Offer, Ways, World, for_seeds};
use std::time::Duration;
use tokio::time::sleep;

const START: Duration = Duration::from_secs(5);
const TIME: Duration = Duration::from_secs(30);

/// What 95 % of all bytes do not exceed in the queue.
const WAIT: Duration = Duration::from_millis(150);

/// Loads a line of 20 Mbit/s and 100 ms that loses packets, and expects so many Mbit/s.
fn lossy(loss: f64, least: f64) {
    for way in [Ways::Down, Ways::Up] {
        let all = for_seeds(4, async |world: &World| {
            let line = Line::mbit(20.0).round_trip(Duration::from_millis(100)).loses(loss);
            let client = world.client(1, move |_, _| Offer::new(line));
            let (up, down) = if way == Ways::Up { (ENDLESS, 0) } else { (0, ENDLESS) };
            let transfer = client.transfer(up, down)?;
            let meter = if way == Ways::Up { &transfer.up } else { &transfer.down };
            sleep(START).await;
            let before = meter.bytes();
            sleep(TIME).await;
            let goodput = (meter.bytes() - before) as f64 * 8e-6 / TIME.as_secs_f64();
            let link = client.volunteers().links().pop();
            let waits = link.map(|link| link.take_waits(way).quantile(0.95)).unwrap_or_default();
            let seen = || format!("{loss} {way:?}: {goodput:.2} Mbit/s, 95 % wait {waits:?}");
            println!("{}", seen());
            world.expect(Check::Goodput, goodput >= least, seen)?;
            world.expect(Check::Queue, waits <= WAIT, seen)
        });
        assert!(!all.is_empty());
    }
}

#[test]
fn one_in_a_hundred() {
    lossy(0.01, 12.0);
}

#[test]
fn one_in_twenty() {
    lossy(0.05, 2.5);
}

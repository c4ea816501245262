//! Carriers that deliver in fits: each lost packet of SCTP holds up what comes after it for 200 to 1000 ms.

#![expect(clippy::print_stdout, reason = "the figures, for whoever asks with --nocapture")]

use snowflake_simulation::{Check, ENDLESS, Line, Offer, World, for_seeds};
use std::time::Duration;
use tokio::time::sleep;

const TIME: Duration = Duration::from_secs(60);

/// A fit may last a second, and another may follow at once.
const STALL: Duration = Duration::from_millis(2500);

/// Loads a line of 5 Mbit/s and 50 ms that has a fit every so often.
fn fits(every: Duration, least: f64) {
    let all = for_seeds(4, async |world: &World| {
        let line = Line::mbit(5.0).round_trip(Duration::from_millis(50)).fits(every);
        let client = world.client(1, move |_, _| Offer::new(line));
        let download = client.transfer(0, ENDLESS)?;
        client.until_carriers(1).await;
        sleep(Duration::from_secs(5)).await;
        let before = download.down.bytes();
        download.down.reset_gap();
        sleep(TIME).await;
        let goodput = (download.down.bytes() - before) as f64 / TIME.as_secs_f64() / line.rate();
        let (stall, dials) = (download.down.longest_gap(), client.volunteers().dials());
        let repeated = client.received().repeated_part();
        let seen = || {
            format!(
                "{goodput:.3} of the rate, stall {stall:?}, {dials} dials, {repeated:.4} repeated"
            )
        };
        println!("fits every {every:?}: {}", seen());
        world.expect(Check::Goodput, goodput >= least, seen)?;
        world.expect(Check::Stall, stall <= STALL, seen)?;
        world.expect(Check::Duplicates, repeated < 0.02, seen)
    });
    assert!(!all.is_empty());
}

#[test]
fn a_fit_every_ten_seconds() {
    fits(Duration::from_secs(10), 0.8);
}

#[test]
fn a_fit_every_five_seconds() {
    fits(Duration::from_secs(5), 0.65);
}

/// More than half of such a line could be had. That is the aim, and the mean; the worst of 24 seeds had 0.42.
#[test]
fn a_fit_every_two_seconds() {
    fits(Duration::from_secs(2), 0.35);
}

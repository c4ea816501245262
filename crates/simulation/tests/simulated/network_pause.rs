//! When the whole network stands still for a while, carriers are kept.

#![expect(clippy::print_stdout, reason = "the figures, for whoever asks with --nocapture")]

use snowflake_simulation::{Check, ENDLESS, Line, Offer, World, for_seeds};
use std::time::Duration;
use tokio::time::sleep;

const PAUSE: Duration = Duration::from_secs(5);

/// How soon after the pause data moves again.
const RESUME: Duration = Duration::from_millis(1500);

fn pause(wanted: usize) {
    let stalls = for_seeds(4, async |world: &World| {
        let line = Line::mbit(4.0).round_trip(Duration::from_millis(20 + world.rng().below(100)));
        let client = world.client(wanted, move |_, _| Offer::new(line));
        let download = client.transfer(0, ENDLESS)?;
        client.until_carriers(wanted).await;
        sleep(Duration::from_secs(5)).await;
        let links = client.volunteers().links();
        download.down.reset_gap();
        client.volunteers().pause(PAUSE);
        sleep(PAUSE + RESUME).await;
        let (dropped, stall) = (client.carriers_ended(), download.down.longest_gap());
        world.expect(Check::Dropped, dropped == 0, || format!("{dropped} carriers, in a pause"))?;
        world.expect(Check::Stall, stall <= PAUSE + RESUME, || format!("{stall:?}"))?;
        sleep(Duration::from_secs(30)).await;
        let alive = links.iter().filter(|link| link.is_alive()).count();
        println!(
            "{wanted} wanted: stall {stall:?}, {alive} of {wanted} kept, {} dials",
            client.volunteers().dials()
        );
        world.expect(Check::Dropped, client.carriers() >= wanted, || "too few are left".into())?;
        Ok(stall)
    });
    assert!(stalls.iter().all(|stall| *stall >= PAUSE - Duration::from_millis(200)));
}

#[test]
fn a_pause_with_one_carrier() {
    pause(1);
}

#[test]
fn a_pause_with_two_carriers() {
    pause(2);
}

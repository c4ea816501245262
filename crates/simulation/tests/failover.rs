//! A carrier that fails in any way holds the session up for a moment only.

use snowflake_simulation::scenario::{Fault, failover};
use snowflake_simulation::{Ways, for_seeds};
use std::time::Duration;

const FROZEN: Fault = Fault::Frozen(Duration::from_secs(8));

const FAULTS: [Fault; 6] = [
    Fault::Closed,
    Fault::Broken,
    Fault::Silent(Ways::Both),
    Fault::Silent(Ways::Up),
    Fault::Silent(Ways::Down),
    FROZEN,
];

fn play(wanted: usize, bound: Duration) {
    for way in [Ways::Down, Ways::Up] {
        let runs = for_seeds(4, async |world| failover(world, wanted, &FAULTS, way, bound).await);
        for (number, fault) in FAULTS.iter().enumerate() {
            let mut stalls: Vec<_> = runs.iter().map(|stalls| stalls[number]).collect();
            stalls.sort_unstable();
            println!("{wanted} wanted, {way:?}, {fault:?}: stalls {stalls:?}");
        }
    }
}

#[test]
fn with_one_carrier_wanted_a_stall_takes_at_most_four_seconds() {
    play(1, Duration::from_secs(4));
}

#[test]
fn with_two_carriers_wanted_a_stall_takes_at_most_one_second() {
    play(2, Duration::from_secs(1));
}

#[test]
fn twenty_faults_in_a_row_are_survived_by_one_session() {
    let faults: Vec<_> = FAULTS.into_iter().cycle().take(20).collect();
    for_seeds(2, async |world| {
        let bound = Duration::from_secs(4);
        let stalls = failover(world, 1, &faults, Ways::Down, bound).await?;
        println!("twenty in a row: longest {:?}", stalls.iter().max());
        Ok(())
    });
}

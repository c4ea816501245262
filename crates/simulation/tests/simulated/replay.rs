//! A seed is a test case: the same one gives the same simulation, another one another.

use snowflake_simulation::scenario::{Fault, failover};
use snowflake_simulation::{Ways, simulate};
use std::time::Duration;

fn stalls(seed: u64) -> Vec<Duration> {
    let faults = [Fault::Closed, Fault::Frozen(Duration::from_secs(5)), Fault::Silent(Ways::Both)];
    let bound = Duration::from_secs(10);
    simulate(seed, None, async |world| failover(world, 2, &faults, Ways::Down, bound).await)
        .expect("it passes")
}

#[test]
fn the_same_seed_gives_the_same_simulation() {
    let first: Vec<_> = (0..4).map(stalls).collect();
    assert_eq!(first, (0..4).map(stalls).collect::<Vec<_>>());
    assert!(first.windows(2).all(|pair| pair[0] != pair[1]), "{first:?}");
}

//! All faults in any order: every byte arrives, soon after every fault, and memory is bounded.

use cap::Cap;
use snowflake_simulation::for_seeds;
use snowflake_simulation::scenario::chaos;
use std::alloc::System;
use std::time::Duration;

#[global_allocator]
static MEMORY: Cap<System> = Cap::new(System, usize::MAX);

#[test]
fn chaos_passes_and_leaves_everything_as_it_was() {
    let time = Duration::from_secs(150);
    let runs = for_seeds(20, async |world| chaos(world, time, || MEMORY.allocated()).await);
    for (seed, run) in runs.iter().enumerate() {
        println!("seed {seed}: {run:.3?}");
    }
}

//! A session that uses up two hundred carriers holds no more at the end than at the beginning.

use cap::Cap;
use snowflake_simulation::for_seeds;
use snowflake_simulation::scenario::succession;
use std::alloc::System;

#[global_allocator]
static MEMORY: Cap<System> = Cap::new(System, usize::MAX);

#[test]
fn nothing_grows_with_the_number_of_carriers() {
    for growth in for_seeds(2, async |world| succession(world, 200, || MEMORY.allocated()).await) {
        println!("{growth:?}");
    }
}

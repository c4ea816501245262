//! Bugs of old, put in one by one: the scenarios find each, and say by which check.

#![expect(clippy::print_stdout, reason = "the figures, for whoever asks with --nocapture")]

use snowflake_simulation::scenario::{Fault, Growth, crowd, failover, succession};
use snowflake_simulation::{Bug, Check, Failure, Ways, World, simulate};
use std::time::Duration;

/// Plays `scenario` with the bug; it must fail by one of `checks`, and pass without.
fn finds<T: std::fmt::Debug>(
    bug: Bug,
    checks: &[Check],
    scenario: impl AsyncFn(&World) -> Result<T, Failure>,
) {
    for seed in 1..4 {
        let found = simulate(seed, Some(bug), &scenario).expect_err("the bug is not found");
        println!("{bug:?}, seed {seed}: {found}");
        assert!(checks.contains(&found.check), "{bug:?} is found by {checks:?}, not so: {found}");
    }
    simulate(1, None, &scenario).expect("without the bug all is well");
}

/// Two carriers wanted, and one ends or falls silent.
async fn faults(world: &World) -> Result<Vec<Duration>, Failure> {
    let faults = [Fault::Closed, Fault::Silent(Ways::Both), Fault::Broken];
    failover(world, 2, &faults, Ways::Up, Duration::from_secs(3)).await
}

#[test]
fn packets_of_one_client_handed_to_another() {
    finds(Bug::PacketToAnother, &[Check::Foreign], crowd);
}

#[test]
fn a_buffer_reused_after_it_was_handed_on() {
    finds(Bug::BufferReused, &[Check::Bytes, Check::SessionLost], faults_down);
}

/// The bug is where the client receives.
async fn faults_down(world: &World) -> Result<Vec<Duration>, Failure> {
    failover(world, 2, &[Fault::Closed], Ways::Down, Duration::from_secs(3)).await
}

/// Tests run side by side here: memory is counted elsewhere.
async fn many_carriers(world: &World) -> Result<Growth, Failure> {
    succession(world, 60, || 0).await
}

#[test]
fn one_client_id_for_two_sessions() {
    finds(Bug::SharedClientId, &[Check::Foreign], crowd);
}

#[test]
fn a_map_of_carriers_that_forgets_none() {
    finds(Bug::CarriersKept, &[Check::Carriers], many_carriers);
}

#[test]
fn tasks_left_behind_by_failed_dials() {
    finds(Bug::TaskLeaked, &[Check::Tasks], many_carriers);
}

#[test]
fn an_end_reported_late() {
    finds(Bug::EndLate, &[Check::Promise], faults);
}

#[test]
fn an_end_reported_twice() {
    finds(Bug::EndTwice, &[Check::Promise], faults);
}

#[test]
fn packets_given_to_a_dead_carrier_and_to_no_other() {
    finds(Bug::DeadCarrierFed, &[Check::Stall], faults);
}

#[test]
fn a_queue_of_all_clients_that_one_fills() {
    finds(Bug::QueueShared, &[Check::Fairness], crowd);
}

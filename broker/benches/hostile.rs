//! States what hostile traffic costs a broker, and how long a match takes meanwhile: `cargo bench -p snowflake-broker`.
//!
//! 2,000 polls a second, 1,000 of proxies and 1,000 of clients. Of five proxies one answers as it should; the others answer
//! twice, too late, not at all, and with garbage. 100 connections send bodies that never end. The whole takes two minutes;
//! `cargo bench -p snowflake-broker --bench hostile -- 50` does a fiftieth of it.
//!
//! Broker and peers share this process, and its memory, but not their threads.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do: at once, and saying where"
)]
#![allow(dead_code, reason = "the helpers are shared with tests that use more of them")]

#[path = "../tests/broker/hostile.rs"]
mod hostile;
#[path = "../tests/broker/support.rs"]
mod support;

use std::net::Ipv4Addr;
use std::time::Duration;

use hostile::{DEEDS, Figures, Load, load};
use snowflake_broker::run;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// Pairs of a proxy and a client, four of five of which are bad: 100,000 bad answers.
const PAIRS: usize = 125_000;

/// When no task may be left.
const PATIENCE: Duration = Duration::from_secs(30);

#[expect(clippy::print_stdout, reason = "a bench states its figures there")]
fn main() {
    let share: usize =
        std::env::args().find_map(|word| word.parse().ok()).filter(|share| *share > 0).unwrap_or(1);
    snowflake_cli::open_files::raise_limit();
    let (broker, peers) = (runtime(), runtime());
    let config = support::config();
    let client_wait = config.limits.client_wait;
    let listener = broker.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let serving = broker.spawn(run(config, listener, shutdown.clone()));

    let all = Load { pairs: PAIRS / share, per_second: 1000, client_wait, slow_bodies: 100 };
    let warm_up = Load { pairs: all.pairs.min(10_000), ..all };
    peers.block_on(load(address, warm_up));
    peers.block_on(tasks_left(&broker));
    let before = resident();
    let figures = peers.block_on(load(address, all));
    let tasks = peers.block_on(tasks_left(&broker));
    let after = resident();

    state(&figures);
    println!("resident memory at rest: {before} KiB before, {after} KiB after");
    println!("tasks of the broker within {PATIENCE:?} after: {tasks}");
    shutdown.cancel();
    broker.block_on(serving).unwrap();
}

#[expect(clippy::print_stdout, reason = "a bench states its figures there")]
fn state(figures: &Figures) {
    let Figures { polls, elapsed, matches, deeds, answered, slow_ended } = figures;
    println!("{polls} polls, {:.0} a second", *polls as f64 / elapsed.as_secs_f64());
    println!("{} matches, {answered} answered; of the proxies {DEEDS:?}: {deeds:?}", matches.len());
    println!("{slow_ended} slow bodies given up");
    for (name, share) in [("p50", 0.5), ("p99", 0.01), ("worst", 0.0)] {
        println!("from a client's poll to its proxy, {name}: {:?}", figures.slowest_but(share));
    }
}

/// One thread for each side: they must not wait for each other.
fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

/// How many tasks are left of the broker when there is only the one that accepts, or time is up.
async fn tasks_left(broker: &Runtime) -> usize {
    let end = Instant::now() + PATIENCE;
    while broker.metrics().num_alive_tasks() > 1 && Instant::now() < end {
        sleep(Duration::from_millis(100)).await;
    }
    broker.metrics().num_alive_tasks()
}

/// Private memory of this process in KiB.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

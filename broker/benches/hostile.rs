//! States what hostile traffic costs a broker, and how long a match takes meanwhile: `cargo bench -p snowflake-broker`.
//!
//! 2,000 polls a second, 1,000 of proxies and 1,000 of clients. Of five proxies one answers as it should; the others answer
//! twice, too late, not at all, and with garbage: 100,000 in 125 s. 100 connections send bodies that never end. Then 30 s
//! pass, and what is left is counted: three minutes in all.
//! `cargo bench -p snowflake-broker --bench hostile -- 50` does a fiftieth of it, too short to say
//! anything about memory.
//!
//! | figure | wanted |
//! |---|---|
//! | tasks left after 30 s | 0 |
//! | memory at the end | what it was when as many waited as ever will |
//! | from a client's poll to its proxy, p99 | below 50 ms |
//!
//! The peers are a process of their own: this one has nothing but the broker.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do: at once, and saying where"
)]
#![allow(dead_code, reason = "the helpers are shared with tests that use more of them")]

#[path = "../tests/broker/hostile.rs"]
mod hostile;
#[path = "../tests/broker/support.rs"]
mod support;

use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command};
use std::thread::sleep;
use std::time::Duration;

use hostile::{DEEDS, Deed, Figures, Load, load};
use snowflake_broker::run;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;

/// Pairs of a proxy and a client, four of five of which are bad: 100,000 bad answers.
const PAIRS: usize = 125_000;

/// When the memory is looked at for the first time: nobody waits longer, so as many wait by then as ever will.
const WARM: Duration = Duration::from_secs(30);

/// When no task may be left, and no memory.
const REST: Duration = Duration::from_secs(30);

/// How the process with the peers is called.
const PEERS: &str = "peers";

fn main() {
    snowflake_cli::open_files::raise_limit();
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.as_slice() {
        [role, address, pairs] if role == PEERS => {
            be_peers(address.parse().unwrap(), pairs.parse().unwrap());
        }
        _ => {
            let share = words.iter().find_map(|word| word.parse().ok()).unwrap_or(1);
            be_broker(PAIRS / share.clamp(1, PAIRS));
        }
    }
}

#[expect(clippy::print_stdout, reason = "a bench states its figures there")]
fn be_broker(pairs: usize) {
    let broker = runtime();
    let listener = broker.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let serving = broker.spawn(run(support::config(), listener, shutdown.clone()));

    let mut peers = send_peers(address, pairs);
    sleep(WARM);
    let warm = resident();
    assert!(peers.wait().unwrap().success(), "the peers failed");
    let (end, at_end) = (tasks_left(&broker), resident());
    sleep(REST);
    let (rest, at_rest) = (tasks_left(&broker), resident());
    println!("tasks of the broker: {end} at the end, {rest} after {REST:?}");
    println!(
        "memory: {warm} KiB after {WARM:?}, {at_end} KiB at the end, {at_rest} KiB {REST:?} later"
    );
    shutdown.cancel();
    broker.block_on(serving).unwrap();
}

/// They state their figures themselves.
fn send_peers(broker: SocketAddr, pairs: usize) -> Child {
    let this = std::env::current_exe().unwrap();
    let words = [PEERS.to_owned(), broker.to_string(), pairs.to_string()];
    Command::new(this).args(words).spawn().unwrap()
}

fn be_peers(broker: SocketAddr, pairs: usize) {
    let client_wait = support::config().limits.client_wait;
    let wanted = Load { pairs, per_second: 1000, client_wait, slow_bodies: 100 };
    state(&runtime().block_on(load(broker, wanted)));
}

#[expect(clippy::print_stdout, reason = "a bench states its figures there")]
fn state(figures: &Figures) {
    let Figures { polls, begun, matches, deeds, answered, slow_ended } = figures;
    let rate = *polls as f64 / begun.as_secs_f64();
    println!("{polls} polls in {:.0} s, {rate:.0} a second", begun.as_secs_f64());
    let of_deeds = DEEDS.iter().zip(deeds);
    let bad: usize =
        of_deeds.filter(|(deed, _)| **deed != Deed::Answer).map(|(_, count)| count).sum();
    println!("{} matches, {answered} answered, {bad} bad proxies", matches.len());
    println!("of the proxies {DEEDS:?}: {deeds:?}");
    println!("{slow_ended} slow bodies given up");
    for (name, share) in [("p50", 0.5), ("p99", 0.01), ("worst", 0.0)] {
        println!("from a client's poll to its proxy, {name}: {:?}", figures.slowest_but(share));
    }
}

/// One thread on each side: there may be no more processors than two.
fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

/// The tasks of the broker, without the one that accepts.
fn tasks_left(broker: &Runtime) -> usize {
    broker.metrics().num_alive_tasks().saturating_sub(1)
}

/// Private memory of this process in KiB.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

//! A client that can reach the world through the proxy only, and what it sends elsewhere: nothing.

use std::{net::SocketAddr, sync::mpsc::channel};

use snowflake_snowbox::udp_socks::{Nat, Plan, UdpSocks};

use crate::{
    lab::{Dante, GATE, GATE_OUTSIDE, World, run},
    people,
    support::{LIMIT, is_left_out},
};

/// Whatever the client sends is counted that does not go to the proxy.
const GUARD: &str = "table inet guard { chain out { type filter hook output priority 0; \
    oifname \"lo\" accept; ip daddr 10.0.0.1 accept; meta l4proto { tcp, udp } counter drop; }; }";

/// Runs a client behind the gate until it has opened a tunnel. Returns its polls, each with the address that it came from,
/// and what the guard has counted.
fn tunnel(world: &World, proxy: SocketAddr) -> (Vec<String>, String) {
    world.nft(&[GUARD]);
    let (ready, stun_port) = channel();
    let (hear, heard) = channel();
    let (running, over) = channel::<()>();
    let mut polls = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(|| run(&world.core, people::world(ready, hear)));
        let stun_port = stun_port.recv_timeout(LIMIT).unwrap();
        scope.spawn(move || run(&world.home, people::client(proxy, stun_port, over)));
        let preamble = loop {
            let line = heard.recv_timeout(LIMIT).unwrap();
            match line.strip_prefix("preamble ") {
                Some(first) => break first.to_owned(),
                None => polls.push(line),
            }
        };
        drop(running);
        // The first byte of the token.
        assert_eq!(preamble, "18");
    });
    (polls, world.nft(&["list", "chain", "inet", "guard", "out"]))
}

fn assert_through(polls: &[String], counted: &str, words: &[&str]) {
    assert!(counted.contains("counter packets 0 bytes 0"), "{counted}");
    let from_the_gate = format!("{GATE_OUTSIDE} ");
    assert!(polls.iter().all(|poll| poll.starts_with(&from_the_gate)), "{polls:?}");
    let word = polls.last().unwrap().strip_prefix(&from_the_gate).unwrap();
    assert!(words.contains(&word), "{polls:?}");
}

#[test]
fn nothing_goes_around_the_proxy() {
    if is_left_out(&["ip", "nft", "nsenter"]) {
        return;
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for (nat, word) in [(Nat::Moderate, "moderate"), (Nat::Strict, "strict")] {
        let world = runtime.block_on(World::new());
        let user = Some(["user".to_owned(), "password".to_owned()]);
        let plan = Plan { address: GATE, outside: GATE_OUTSIDE, nat, user };
        let (socks_at, socks) = channel();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                run(&world.gate, async {
                    let socks = UdpSocks::start(plan).await.unwrap();
                    socks_at.send(socks.address()).unwrap();
                    // Also if the test has failed.
                    let _ = stopped.await;
                });
            });
            let (polls, counted) = tunnel(&world, socks.recv_timeout(LIMIT).unwrap());
            drop(stop);
            assert_through(&polls, &counted, &[word]);
        });
    }
}

#[test]
fn a_proxy_of_others_will_do() {
    if is_left_out(&["ip", "nft", "nsenter", "danted"]) {
        return;
    }
    let world = tokio::runtime::Runtime::new().unwrap().block_on(World::new());
    let _dante = Dante::start(&world.gate);
    let (polls, counted) = tunnel(&world, (GATE, Dante::PORT).into());
    assert_through(&polls, &counted, &["open", "moderate"]);
}

//! When and what a proxy asks its broker.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use crate::support::broker::Broker;
use crate::support::world::{PATIENCE, Relay, Running, config, no_match, poll_of, soon};
use snowflake_messages::{NatType, probe};
use tokio::{
    sync::mpsc,
    time::{Instant, timeout},
};

/// A broker that has no clients and reports each poll.
async fn reporting(
    next_poll: u64,
) -> (Broker, mpsc::Receiver<snowflake_messages::ProxyPollRequest>) {
    let (polls, poll) = mpsc::channel(1000);
    let broker = Broker::start(move |path, body| match path {
        "/proxy" => {
            let _ = polls.try_send(poll_of(body));
            (200, format!(r#"{{"Status":"no match","NextPoll":{next_poll}}}"#))
        }
        _ => (500, String::new()),
    })
    .await;
    (broker, poll)
}

#[tokio::test]
async fn each_poll_has_a_new_session_id() {
    let (broker, mut poll) = reporting(0).await;
    let mut relay = Relay::start().await;
    let proxy = Running::start(config(&broker, &relay, &[]));
    relay.next().await;
    let mut sids = HashSet::new();
    for _ in 0..10 {
        let poll = soon(poll.recv()).await.unwrap();
        assert_eq!(poll.sid.as_str().len(), 22);
        assert_eq!((poll.clients, poll.nat), (0, NatType::Unknown));
        assert!(sids.insert(poll.sid));
    }
    proxy.stop().await;
}

#[tokio::test]
async fn the_brokers_interval_counts() {
    let (broker, mut poll) = reporting(1500).await;
    let mut relay = Relay::start().await;
    let proxy = Running::start(config(&broker, &relay, &[]));
    relay.next().await;
    soon(poll.recv()).await.unwrap();
    let before = Instant::now();
    soon(poll.recv()).await.unwrap();
    assert!(before.elapsed() >= Duration::from_millis(1400), "{:?}", before.elapsed());
    proxy.stop().await;
}

#[tokio::test]
async fn a_broker_that_fails_is_asked_again() {
    let failures = AtomicUsize::new(0);
    let (recovered, mut recovery) = mpsc::channel(1);
    let broker = Broker::start(move |path, _| match path {
        "/proxy" => match failures.fetch_add(1, Ordering::SeqCst) {
            0 => (503, String::new()),
            1 => (302, String::new()),
            2 => (200, "{".to_owned()),
            3 => (200, "x".repeat(200_000)),
            _ => {
                let _ = recovered.try_send(());
                no_match()
            }
        },
        _ => (500, String::new()),
    })
    .await;
    let mut relay = Relay::start().await;
    let proxy = Running::start(config(&broker, &relay, &[]));
    relay.next().await;
    soon(recovery.recv()).await.unwrap();
    proxy.stop().await;
}

#[tokio::test]
async fn without_a_relay_there_is_no_poll() {
    let polled = Arc::new(AtomicBool::new(false));
    let seen = polled.clone();
    let (probes, mut probe) = mpsc::channel(1);
    let broker = Broker::start(move |path, _| {
        if path == "/proxy" {
            seen.store(true, Ordering::SeqCst);
        } else {
            let _ = probes.try_send(());
        }
        (500, String::new())
    })
    .await;
    let mut relay = Relay::start().await;
    // Port 1 on loopback: nobody listens.
    relay.url = "ws://127.0.0.1:1/".to_owned();
    let proxy = Running::start(config(&broker, &relay, &[]));
    soon(probe.recv()).await.unwrap();
    assert!(timeout(Duration::from_millis(300), relay.accepted.recv()).await.is_err());
    assert!(!polled.load(Ordering::SeqCst));
    proxy.stop().await;
}

#[tokio::test]
async fn two_proxies_in_one_process_share_nothing() {
    let (first, mut first_poll) = reporting(0).await;
    let (second, mut second_poll) = reporting(0).await;
    let relay = Relay::start().await;
    let one = Running::start(config(&first, &relay, &[]));
    let two = Running::start(config(&second, &relay, &[]));
    soon(first_poll.recv()).await.unwrap();
    soon(second_poll.recv()).await.unwrap();
    one.stop().await;
    while second_poll.try_recv().is_ok() {}
    soon(second_poll.recv()).await.unwrap();
    two.stop().await;
}

/// What the first poll says about the NAT after a probe server that answers like this.
async fn nat_after(reply: impl Fn(&str) -> (u16, String) + Send + Sync + 'static) -> NatType {
    let (polls, mut poll) = mpsc::channel(1000);
    let broker = Broker::start(move |path, body| match path {
        "/proxy" => {
            let _ = polls.try_send(poll_of(body).nat);
            no_match()
        }
        "/probe" => {
            probe::decode_offer(body.as_bytes()).unwrap();
            reply(body)
        }
        _ => (500, String::new()),
    })
    .await;
    let mut relay = Relay::start().await;
    let proxy = Running::start(config(&broker, &relay, &[]));
    relay.next().await;
    let nat = soon(poll.recv()).await.unwrap();
    proxy.stop().await;
    nat
}

#[tokio::test]
async fn a_probe_server_that_talks_nonsense_leaves_the_nat_unknown() {
    for reply in [
        "",
        "{}",
        r#"{"Version":"1.3","Sid":"stub-sid","Answer":""}"#,
        r#"{"Version":"1.3","Sid":"stub-sid","Answer":"{}"}"#,
        r#"{"Version":"1.3","Sid":"stub-sid","Answer":"{\"type\":\"answer\",\"sdp\":\"v=0\\r\\n\"}"}"#,
    ] {
        assert_eq!(nat_after(move |_| (200, reply.to_owned())).await, NatType::Unknown, "{reply}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_server_that_reaches_us_makes_the_nat_unrestricted() {
    let (offers, mut offer) = mpsc::channel::<(String, std::sync::mpsc::Sender<String>)>(1);
    let probing = tokio::spawn(async move {
        let (body, reply) = soon(offer.recv()).await.unwrap();
        let offer = probe::decode_offer(body.as_bytes()).unwrap().parse().unwrap();
        let config = snowflake_webrtc::Config {
            keep_local_addresses: true,
            ..snowflake_webrtc::Config::default()
        };
        let answerer = snowflake_webrtc::answer(&config, &offer.sdp).await.unwrap();
        let answer = snowflake_messages::SessionDescription::answer(answerer.sdp()).to_text();
        reply.send(probe::encode_answer(answer)).unwrap();
        let _channel = answerer.open(PATIENCE).await.unwrap();
    });
    let nat = nat_after(move |body| {
        let (answers, answer) = std::sync::mpsc::channel();
        offers.try_send((body.to_owned(), answers)).unwrap();
        let answer = tokio::task::block_in_place(|| answer.recv_timeout(PATIENCE));
        (200, answer.unwrap())
    })
    .await;
    assert_eq!(nat, NatType::Unrestricted);
    soon(probing).await.unwrap();
}

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
use crate::support::world::{PATIENCE, Relay, config, no_match, poll_of, soon, start};
use snowflake_messages::{NatType, SessionDescription, probe};
use snowflake_proxy::Running;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, timeout},
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
    let proxy = start(config(&broker, &relay, &[]));
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
    let proxy = start(config(&broker, &relay, &[]));
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
    let proxy = start(config(&broker, &relay, &[]));
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
    let proxy = start(config(&broker, &relay, &[]));
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
    let one = start(config(&first, &relay, &[]));
    let two = start(config(&second, &relay, &[]));
    soon(first_poll.recv()).await.unwrap();
    soon(second_poll.recv()).await.unwrap();
    one.stop().await;
    while second_poll.try_recv().is_ok() {}
    soon(second_poll.recv()).await.unwrap();
    two.stop().await;
}

/// How long to wait for a probe server that reaches us, or does after one that does not: nobody has to be that slow.
const REACHED: Duration = Duration::from_secs(10);

/// How long to wait for one that never does.
const UNREACHED: Duration = Duration::from_secs(1);

/// The limit that does for a probe server that reaches us from behind these NATs.
fn limit_from(behind: &[&str]) -> Duration {
    if behind.is_empty() { UNREACHED } else { REACHED }
}

/// The NATs of all polls to a broker that knows these words, after a probe server that answers like this and is waited
/// for so long.
async fn polls_after(
    words: &'static [NatType],
    limit: Duration,
    probed: impl Fn(&str, &str) -> (u16, String) + Send + Sync + 'static,
) -> (Running, mpsc::Receiver<NatType>) {
    let (polls, poll) = mpsc::channel(1000);
    let broker = Broker::start(move |path, body| match path {
        "/proxy" => {
            let nat = poll_of(body).nat;
            let _ = polls.try_send(nat);
            if words.contains(&nat) { no_match() } else { (400, String::new()) }
        }
        path if path.starts_with("/probe?InCoSim=") => {
            probe::decode_offer(body.as_bytes()).unwrap();
            probed(path, body)
        }
        _ => (500, String::new()),
    })
    .await;
    let mut relay = Relay::start().await;
    let mut config = config(&broker, &relay, &[]);
    config.timers.nat_channel = limit;
    let proxy = start(config);
    relay.next().await;
    // They serve as long as the test runs.
    tokio::spawn(async move {
        let _serving = (broker, relay);
        std::future::pending::<()>().await
    });
    (proxy, poll)
}

/// What the first poll says about the NAT.
async fn nat_after(
    limit: Duration,
    probed: impl Fn(&str, &str) -> (u16, String) + Send + Sync + 'static,
) -> NatType {
    let (proxy, mut poll) = polls_after(&NatType::ALL, limit, probed).await;
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
        let nat = nat_after(UNREACHED, move |_, _| (200, reply.to_owned())).await;
        assert_eq!(nat, NatType::Unknown, "{reply}");
    }
}

/// A probe server that opens a channel from behind some kinds of NAT only; it works as long as the runtime does.
///
/// Behind a strict one it names no candidates, as Go's does: it has to find us, we cannot find it.
fn reaching_from(behind: &'static [&'static str]) -> impl Fn(&str, &str) -> (u16, String) {
    let runtime = tokio::runtime::Handle::current();
    move |path, body| {
        let offer = probe::decode_offer(body.as_bytes()).unwrap().parse().unwrap();
        let config = snowflake_webrtc::Config {
            keep_local_addresses: true,
            ..snowflake_webrtc::Config::default()
        };
        let answerer = tokio::task::block_in_place(|| {
            runtime.block_on(snowflake_webrtc::answer(&config, &offer.sdp)).unwrap()
        });
        let (_, from) = path.split_once("?InCoSim=").unwrap();
        let named = |line: &&str| from != "strict" || !line.starts_with("a=candidate:");
        let sdp: String = answerer.sdp().split_inclusive('\n').filter(named).collect();
        assert_eq!(snowflake_webrtc::sdp::has_candidate(&sdp), from != "strict");
        let answer = SessionDescription::answer(sdp).to_text();
        if behind.contains(&from) {
            runtime.spawn(async move {
                // The proxy closes it as soon as it is open.
                let _channel = answerer.open(PATIENCE).await;
                sleep(PATIENCE).await;
            });
        }
        (200, probe::encode_answer(answer))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_nat_is_as_good_as_the_worst_one_from_behind_which_we_are_reached() {
    for (behind, nat) in [
        (&["strict", "moderate"][..], NatType::Open),
        (&["moderate"], NatType::Moderate),
        (&[], NatType::Strict),
    ] {
        assert_eq!(nat_after(limit_from(behind), reaching_from(behind)).await, nat);
    }
}

/// Those up to 2.14.1: status 400 is all they say. It is taken for what it is only because the old word is accepted.
#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_knows_only_old_words_is_spoken_to_in_them() {
    const OLD: &[NatType] = &[NatType::Restricted, NatType::Unrestricted, NatType::Unknown];
    for (behind, new, old) in [
        (&["strict", "moderate"][..], NatType::Open, NatType::Unrestricted),
        (&["moderate"], NatType::Moderate, NatType::Restricted),
        (&[], NatType::Strict, NatType::Restricted),
    ] {
        let (proxy, mut poll) = polls_after(OLD, limit_from(behind), reaching_from(behind)).await;
        for told in [new, old, old, old] {
            assert_eq!(soon(poll.recv()).await, Some(told));
        }
        proxy.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_refuses_everything_has_not_refused_the_words() {
    let (proxy, mut poll) = polls_after(&[], REACHED, reaching_from(&["strict"])).await;
    for told in [NatType::Open, NatType::Unrestricted, NatType::Open] {
        assert_eq!(soon(poll.recv()).await, Some(told));
    }
    proxy.stop().await;
}

/// An old probe server is strict whatever it is asked.
#[tokio::test(flavor = "multi_thread")]
async fn a_probe_server_that_knows_one_nat_only_does_no_harm() {
    let reached = reaching_from(&["strict"]);
    let nat = nat_after(REACHED, move |_, body| reached("/probe?InCoSim=strict", body)).await;
    assert_eq!(nat, NatType::Open);
    let unreached = reaching_from(&[]);
    let nat = nat_after(UNREACHED, move |_, body| unreached("/probe?InCoSim=strict", body)).await;
    assert_eq!(nat, NatType::Strict);
}

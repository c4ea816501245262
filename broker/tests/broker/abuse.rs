//! Peers that send too much, too slowly, too often, or nothing at all.

use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::time::{sleep, timeout};

use crate::hostile::{Load, load};
use crate::support::*;

/// One byte more than a body may have.
const TOO_LONG: usize = 100_001;

#[tokio::test]
async fn a_body_over_the_limit_gets_400() {
    let broker = TestBroker::start().await;
    for path in ["/client", "/proxy", "/answer"] {
        // The announced length is enough to refuse it.
        let mut announced = broker.open().await;
        announced
            .send(format!("POST {path} HTTP/1.1\r\nHost: b\r\nContent-Length: {TOO_LONG}\r\n\r\n"))
            .await;
        let reply = announced.reply().await;
        assert_eq!((reply.status, reply.body.as_str()), (400, ""), "{path}");

        let mut chunked = broker.open().await;
        chunked.send(format!("POST {path} HTTP/1.1\r\nHost: b\r\nTransfer-Encoding: chunked\r\n\r\n{TOO_LONG:x}\r\n")).await;
        chunked.send(vec![b' '; TOO_LONG]).await;
        assert_eq!(chunked.reply().await.status, 400, "{path}");
    }
}

#[tokio::test]
async fn a_body_of_just_the_limit_is_read() {
    let broker = TestBroker::start().await;
    let mut body = client_poll().encode();
    body.resize(TOO_LONG - 1, b' ');
    let reply = broker.post("/client", body).await;
    assert_eq!(reply.body, error("no snowflake proxies currently available"));
}

#[tokio::test]
async fn a_slow_body_gets_408() {
    let mut config = config();
    config.limits.body = Duration::from_millis(50);
    let broker = TestBroker::with(config).await;
    let mut slow = broker.open().await;
    slow.send("POST /client HTTP/1.1\r\nHost: b\r\nContent-Length: 10\r\n\r\n1").await;
    assert_eq!(slow.reply().await.status, 408);
}

#[tokio::test]
async fn a_body_that_breaks_off_harms_nobody() {
    let broker = TestBroker::start().await;
    let mut broken = broker.open().await;
    broken.send("POST /client HTTP/1.1\r\nHost: b\r\nContent-Length: 10\r\n\r\n1").await;
    drop(broken);
    until_tasks(1).await;
    assert_eq!(broker.available().await, 0);
}

#[tokio::test]
async fn bodies_beyond_the_budget_get_503() {
    let mut config = config();
    config.limits.body_bytes = 1000;
    let broker = TestBroker::with(config).await;
    let mut holder = broker.open().await;
    holder
        .send(format!(
            "POST /client HTTP/1.1\r\nHost: b\r\nContent-Length: 900\r\n\r\n{}",
            " ".repeat(800)
        ))
        .await;
    // The budget is spent once the broker has read those bytes.
    let until = async |status| {
        while broker.post("/client", vec![b' '; 300]).await.status != status {
            sleep(PAUSE).await;
        }
    };
    timeout(PATIENCE, until(503)).await.expect("the budget is spent");
    drop(holder);
    timeout(PATIENCE, until(200)).await.expect("the budget is given back");
}

#[tokio::test]
async fn a_silent_connection_is_closed() {
    let mut config = config();
    config.limits.header = Duration::from_millis(50);
    let broker = TestBroker::with(config).await;
    let mut silent = broker.open().await;
    let mut bytes = Vec::new();
    timeout(PATIENCE, silent.0.read_to_end(&mut bytes)).await.expect("the broker closes").unwrap();
    assert!(bytes.is_empty());
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_their_turn() {
    let mut config = config();
    config.limits.connections = 1;
    let broker = TestBroker::with(config).await;
    let mut first = broker.open().await;
    first.post("/client", client_poll().encode()).await;
    first.reply().await;
    let mut second = broker.open().await;
    second.post("/client", client_poll().encode()).await;
    let early = timeout(Duration::from_millis(100), second.0.read_u8()).await;
    assert!(early.is_err(), "not served while the first one is open");
    drop(first);
    assert_eq!(second.reply().await.status, 200);
}

#[tokio::test]
async fn a_full_waiting_room_says_so_at_once() {
    let mut config = config();
    config.limits.proxies = 1;
    let broker = TestBroker::with(config).await;
    let _parked = broker.parked_proxy("a").await;
    assert!(broker.post("/proxy", proxy_poll("b").encode()).await.is_no_match());
    assert_eq!(broker.available().await, 1);
}

#[tokio::test]
async fn garbage_instead_of_http_harms_nobody() {
    let broker = TestBroker::start().await;
    for garbage in ["\0\0\0\0\r\n\r\n", "GET\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00\x01\r\n\r\n"] {
        let mut peer = broker.open().await;
        peer.send(garbage).await;
        let mut bytes = Vec::new();
        let _ = timeout(PATIENCE, peer.0.read_to_end(&mut bytes)).await.expect("the broker closes");
    }
    let mut peer = broker.open().await;
    peer.send(format!("GET /{} HTTP/1.1\r\nHost: b\r\n\r\n", "x".repeat(40_000))).await;
    assert_eq!(peer.reply().await.status, 431);
    assert_eq!(broker.available().await, 0);
}

#[tokio::test]
async fn two_thousand_quick_polls_leave_no_task_behind() {
    let mut config = config();
    config.limits.proxy_wait = Duration::from_millis(1);
    config.limits.client_wait = Duration::from_millis(1);
    let broker = TestBroker::with(config).await;
    for round in 0..100 {
        let polls = (0..20).map(|i| match i % 4 {
            0 => broker.post_later("/client", client_poll().encode()),
            1 => broker.post_later("/answer", proxy_answer("nobody")),
            2 => broker.post_later("/proxy", "malformed"),
            _ => broker.post_later("/proxy", proxy_poll(&format!("s{round}-{i}")).encode()),
        });
        for poll in polls.collect::<Vec<_>>() {
            assert!([200, 400].contains(&poll.await.unwrap().status));
        }
    }
    until_tasks(1).await;
    assert_eq!(broker.available().await, 0);
    broker.stop().await;
    until_tasks(0).await;
}

/// The bench `hostile` does much more of it, and states how long a match takes meanwhile.
#[tokio::test]
async fn doubled_late_absent_and_malformed_answers_and_slow_bodies_leave_nothing_behind() {
    let mut config = config();
    config.limits.client_wait = Duration::from_secs(1);
    config.limits.proxy_wait = Duration::from_secs(1);
    config.limits.body = Duration::from_millis(200);
    let client_wait = config.limits.client_wait;
    let broker = TestBroker::with(config).await;
    let wanted = Load { pairs: 200, per_second: 200, client_wait, slow_bodies: 20 };
    let figures = load(broker.addr, wanted).await;
    assert_eq!(figures.polls, 2 * wanted.pairs);
    assert!(figures.deeds.iter().all(|count| *count > 0), "{:?}", figures.deeds);
    assert!(figures.answered > 0, "in the midst of all that, clients find proxies");
    assert!(figures.slow_ended > 0, "nobody waits for a body without an end");
    println!("in {:?}; the slowest match: {:?}", figures.begun, figures.slowest_but(0.0));
    until_tasks(1).await;
    assert_eq!(broker.available().await, 0);
    broker.stop().await;
    until_tasks(0).await;
}

//! Peers that leave, answer twice, or answer for others.

use std::time::Duration;

use tokio::time::Instant;

use crate::support::*;

#[tokio::test]
async fn a_proxy_that_hung_up_is_not_handed_out() {
    let broker = TestBroker::start().await;
    let mut proxy = broker.open().await;
    proxy.post("/proxy", proxy_poll("s").encode()).await;
    broker.until_available(1).await;
    drop(proxy);
    let before = Instant::now();
    broker.until_available(0).await;
    assert!(before.elapsed() < Duration::from_secs(5), "at once, not when the poll's time is up");
    let reply = broker.post("/client", client_poll().encode()).await;
    assert_eq!(reply.body, error("no snowflake proxies currently available"));
}

#[tokio::test]
async fn a_client_that_hung_up_does_not_get_its_answer() {
    let broker = TestBroker::start().await;
    let proxy = broker.parked_proxy("s").await;
    let mut client = broker.open().await;
    client.post("/client", client_poll().encode()).await;
    assert!(proxy.await.unwrap().is_match());
    drop(client);
    // The broker has closed all connections, so it has noticed.
    until_tasks(1).await;
    let reply = broker.post("/answer", proxy_answer("s")).await;
    assert_eq!(reply.body, r#"{"Status":"client gone"}"#);
}

#[tokio::test]
async fn a_second_answer_is_turned_away() {
    let broker = TestBroker::start().await;
    let proxy = broker.parked_proxy("s").await;
    let client = broker.post_later("/client", client_poll().encode());
    assert!(proxy.await.unwrap().is_match());
    let (first, second) = (proxy_answer("s"), proxy_answer("s").replace("192.0.2.9", "192.0.2.10"));
    assert_eq!(broker.post("/answer", first).await.body, r#"{"Status":"success"}"#);
    assert_eq!(broker.post("/answer", second).await.body, r#"{"Status":"client gone"}"#);
    assert!(client.await.unwrap().body.contains("192.0.2.9 "));
}

#[tokio::test]
async fn a_copied_session_id_harms_nobody() {
    let broker = TestBroker::start().await;
    let original = broker.parked_proxy("same").await;
    let copy = broker.post("/proxy", proxy_poll("same").encode()).await;
    assert!(copy.is_no_match(), "told at once");
    assert_eq!(
        broker.post("/answer", proxy_answer("same")).await.body,
        r#"{"Status":"client gone"}"#
    );
    assert_eq!(broker.available().await, 1);

    let client = broker.post_later("/client", client_poll().encode());
    assert!(original.await.unwrap().is_match());
    assert!(broker.post("/proxy", proxy_poll("same").encode()).await.is_no_match());
    assert_eq!(broker.post("/answer", proxy_answer("same")).await.body, r#"{"Status":"success"}"#);
    assert!(client.await.unwrap().body.starts_with(r#"{"answer""#));
}

#[tokio::test]
async fn a_stop_answers_everybody_at_once() {
    let broker = TestBroker::start().await;
    let matched = broker.parked_proxy("a").await;
    let client = broker.post_later("/client", client_poll().encode());
    assert!(matched.await.unwrap().is_match());
    let idle = broker.parked_proxy("b").await;
    let before = Instant::now();
    broker.stop().await;
    assert!(idle.await.unwrap().is_no_match());
    assert_eq!(client.await.unwrap().body, error("timed out waiting for answer!"));
    assert!(before.elapsed() < Duration::from_secs(4), "{:?}", before.elapsed());
}

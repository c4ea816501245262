//! Slow peers, on a clock that the tests turn and pipes without a kernel between.

use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::*;
use crate::Limits;

const PEER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A connection to a broker of its own.
fn connect(limits: Limits) -> (DuplexStream, Arc<Broker>, JoinHandle<()>) {
    let broker = Broker::new(Config { limits, ..Config::default() });
    let (near, far) = duplex(1 << 16);
    let served = tokio::spawn(Arc::clone(&broker).serve_stream(
        far,
        PEER,
        Protocol::Http1,
        TaskTracker::new(),
    ));
    (near, broker, served)
}

/// All that comes until the broker closes, and after how long.
async fn read_to_end(stream: &mut DuplexStream) -> (String, Duration) {
    let (before, mut text) = (Instant::now(), String::new());
    stream.read_to_string(&mut text).await.unwrap();
    (text, before.elapsed())
}

fn about(time: Duration, expected: Duration) -> bool {
    time >= expected && time < expected + Duration::from_secs(1)
}

#[tokio::test(start_paused = true)]
async fn a_silent_peer_is_cut_off() {
    let (mut stream, broker, served) = connect(Limits::default());
    let (text, time) = read_to_end(&mut stream).await;
    assert_eq!(text, "");
    assert!(about(time, broker.config.limits.header), "{time:?}");
    served.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_slow_header_is_cut_off() {
    let (mut stream, broker, served) = connect(Limits::default());
    stream.write_all(b"GET /debug HTTP/1.1\r\nHost").await.unwrap();
    let (_, time) = read_to_end(&mut stream).await;
    assert!(about(time, broker.config.limits.header), "{time:?}");
    served.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_slow_body_gets_408() {
    let (mut stream, broker, served) = connect(Limits::default());
    stream
        .write_all(b"POST /client HTTP/1.1\r\nHost: b\r\nContent-Length: 100\r\n\r\n1.0")
        .await
        .unwrap();
    let (text, time) = read_to_end(&mut stream).await;
    assert!(text.starts_with("HTTP/1.1 408 "), "{text}");
    assert!(about(time, broker.config.limits.body), "{time:?}");
    served.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_old_connection_finishes_its_request_and_takes_no_more() {
    let limits = Limits { connection_age: Duration::from_secs(5), ..Limits::default() };
    let (mut stream, _broker, served) = connect(limits);
    let poll = r#"{"Sid":"a","Version":"1.3","AcceptedRelayPattern":"$"}"#;
    let request =
        format!("POST /proxy HTTP/1.1\r\nHost: b\r\nContent-Length: {}\r\n\r\n{poll}", poll.len());
    stream.write_all(request.as_bytes()).await.unwrap();
    let (text, time) = read_to_end(&mut stream).await;
    assert!(text.starts_with("HTTP/1.1 200 ") && text.contains("no match"), "{text}");
    assert!(about(time, Duration::from_secs(10)), "{time:?}");
    served.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_read_is_cut_off() {
    let limits = Limits { connection_age: Duration::from_secs(5), ..Limits::default() };
    let broker = Broker::new(Config { limits, ..Config::default() });
    // A pipe that holds less than the response.
    let (mut stream, far) = duplex(64);
    let served = tokio::spawn(Arc::clone(&broker).serve_stream(
        far,
        PEER,
        Protocol::Http1,
        TaskTracker::new(),
    ));
    stream.write_all(b"GET /debug HTTP/1.1\r\nHost: b\r\n\r\n").await.unwrap();
    let before = Instant::now();
    served.await.unwrap();
    assert!(
        about(before.elapsed(), Duration::from_secs(20)),
        "age and drain: {:?}",
        before.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_waits_and_connections_at_once() {
    let (mut stream, broker, served) = connect(Limits::default());
    let poll = r#"{"Sid":"a","Version":"1.3","AcceptedRelayPattern":"$"}"#;
    let request =
        format!("POST /proxy HTTP/1.1\r\nHost: b\r\nContent-Length: {}\r\n\r\n{poll}", poll.len());
    stream.write_all(request.as_bytes()).await.unwrap();
    while broker.room.census().is_empty() {
        tokio::task::yield_now().await;
    }
    broker.closing.cancel();
    let (text, time) = read_to_end(&mut stream).await;
    assert!(text.contains("no match"), "{text}");
    assert_eq!(time, Duration::ZERO);
    served.await.unwrap();
}

//! How a proxy ends: gently, at once, or because nobody wants it any more.

use std::{sync::atomic::Ordering, time::Duration};

use futures_util::{SinkExt, StreamExt};
use snowflake_proxy::{Proxy, Shutdown};
use tokio::{task::JoinHandle, time::sleep};

use crate::support::{served::Served, world::soon};

/// Time in which something that must not happen would have happened.
const A_WHILE: Duration = Duration::from_millis(500);

fn begin(proxy: Proxy) -> (Shutdown, JoinHandle<()>) {
    let shutdown = Shutdown::new();
    (shutdown.clone(), tokio::spawn(proxy.run(shutdown)))
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_may_finish_while_there_are_no_more_polls() {
    let ((shutdown, running), mut served) = Served::by(|_| {}, begin).await;
    shutdown.finish();
    // One that was under way may still arrive.
    sleep(A_WHILE).await;
    let polls = served.polls.load(Ordering::SeqCst);
    sleep(A_WHILE).await;
    assert_eq!(served.polls.load(Ordering::SeqCst), polls);
    assert!(!running.is_finished());
    served.greet().await;
    served.client.close().await.unwrap();
    soon(running).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_finish_in_time_is_closed() {
    let short = |config: &mut snowflake_proxy::Config| config.timers.finish = A_WHILE;
    let (running, mut served) = Served::by(short, Proxy::start).await;
    tokio::join!(soon(running.finish()), served.is_closed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_wish_closes_clients_at_once() {
    for gently_first in [true, false] {
        let ((shutdown, running), mut served) = Served::by(|_| {}, begin).await;
        if gently_first {
            shutdown.finish();
        }
        shutdown.now();
        served.is_closed().await;
        soon(running).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_a_proxy_ends_it_and_its_events() {
    let (running, mut served) = Served::by(|_| {}, Proxy::start).await;
    drop(running);
    served.is_closed().await;
    while soon(served.events.next()).await.is_some() {}
}

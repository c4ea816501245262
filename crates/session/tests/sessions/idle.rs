//! An idle session wakes for smux's keep-alive, for a question after a long silence, and for nothing else.

use crate::conn::pair;
use snowflake_netsim::Path;
use snowflake_session::{Config, open, serve};
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::sleep;

#[tokio::test(start_paused = true)]
async fn thirty_idle_seconds_cost_a_few_wake_ups() {
    let (near, far) = pair(&Path::perfect().delay(Duration::from_millis(25)), 1);
    let (session, driver) = open(near, &Config::client());
    let wake_ups = Arc::new(AtomicUsize::new(0));
    let counter = wake_ups.clone();
    let _driver = tokio::spawn(async move {
        let mut driver = pin!(driver);
        poll_fn(|cx| {
            counter.fetch_add(1, Ordering::Relaxed);
            driver.as_mut().poll(cx)
        })
        .await
    });
    let (opened, mut streams) = mpsc::channel(1);
    let _server = tokio::spawn(async move {
        serve(far, &Config::server(), |stream| opened.try_send(stream).expect("one stream")).await
    });
    let mut here = session.open_stream().unwrap();
    here.write_all(b"hello").await.unwrap();
    let mut there = streams.recv().await.unwrap();
    let mut hello = [0; 5];
    there.read_exact(&mut hello).await.unwrap();
    // Its last packets are followed by a few questions, each after twice the time of the one before.
    sleep(Duration::from_secs(30)).await;

    let before = wake_ups.load(Ordering::Relaxed);
    sleep(Duration::from_secs(30)).await;
    let spent = wake_ups.load(Ordering::Relaxed) - before;
    // Three NOPs each way in thirty seconds: one goes out and is acknowledged, one comes in and is acknowledged.
    // The carrier's deadline is looked at again each time.
    assert!((6..=24).contains(&spent), "{spent} wake-ups");
}

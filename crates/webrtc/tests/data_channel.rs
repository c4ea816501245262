//! Two peers in one process, over loopback: what goes in comes out, and neither side can fill the other's memory.

use std::{sync::LazyLock, time::Duration};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use snowflake_webrtc::{Config, DataChannel, SetupError, answer, limits, offer};
use tokio::time::{Instant, timeout};

const LIMIT: Duration = Duration::from_secs(10);

fn loopback() -> Config {
    Config { keep_local_addresses: true, ..Config::default() }
}

async fn pair(first_message: &'static [u8]) -> (DataChannel, DataChannel) {
    let config = loopback();
    let offerer = offer(&config, Bytes::from_static(first_message)).await.unwrap();
    let answerer = answer(&config, offerer.sdp()).await.unwrap();
    let answer_sdp = answerer.sdp().to_owned();
    let (client, proxy) = tokio::join!(offerer.open(&answer_sdp, LIMIT), answerer.open(LIMIT));
    (client.unwrap(), proxy.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_message_comes_first() {
    let begun = Instant::now();
    let (mut client, mut proxy) = pair(b"preamble").await;
    println!("open after {:?}", begun.elapsed());
    client.send(Bytes::from_static(b"then this")).await.unwrap();
    assert_eq!(proxy.next().await.unwrap().unwrap(), "preamble");
    assert_eq!(proxy.next().await.unwrap().unwrap(), "then this");
    proxy.send(Bytes::from_static(b"answer")).await.unwrap();
    assert_eq!(client.next().await.unwrap().unwrap(), "answer");
    println!("echo after {:?}", begun.elapsed());
}

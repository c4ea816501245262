//! What a connection holds while nothing moves. Alone in its process, since all memory is counted.

#![expect(clippy::unwrap_used, reason = "a test helper that fails is a failed test")]

use std::{alloc::System, time::Duration};

use bytes::Bytes;
use cap::Cap;
use futures_util::StreamExt;
use snowflake_webrtc::{Config, DataChannel, answer, offer};

#[global_allocator]
static MEMORY: Cap<System> = Cap::new(System, usize::MAX);

const LIMIT: Duration = Duration::from_secs(10);

/// Connections that are counted.
const COUNTED: usize = 8;

/// Bytes of one end: 175 KiB were measured, of which the library reserves 32 to reassemble a message and 17 for its queues.
/// With the queue of its release it were 235.
const ONE_END: usize = 200 << 10;

async fn pair() -> (DataChannel, DataChannel) {
    let config = Config { keep_local_addresses: true, ..Config::default() };
    let offerer = offer(&config, Bytes::from_static(b"x")).await.unwrap();
    let answerer = answer(&config, offerer.sdp()).await.unwrap();
    let sdp = answerer.sdp().to_owned();
    let both = tokio::try_join!(offerer.open(&sdp, LIMIT), answerer.open(LIMIT));
    let (client, mut proxy) = both.unwrap();
    assert_eq!(proxy.next().await.unwrap().unwrap(), "x");
    (client, proxy)
}

#[tokio::test]
async fn an_end_of_a_connection_is_small() {
    // What the first costs for all.
    let _first = pair().await;
    let before = MEMORY.allocated();
    let mut pairs = Vec::new();
    for _ in 0..COUNTED {
        pairs.push(pair().await);
    }
    let each = MEMORY.allocated().saturating_sub(before) / (2 * COUNTED);
    println!("{} KiB for one end", each >> 10);
    assert!(each < ONE_END, "{each} bytes");
}

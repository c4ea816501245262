//! A connection leaves nothing open, at whatever stage it is dropped. Alone in its process, since files are counted.

use std::{fs, time::Duration};

use bytes::Bytes;
use futures_util::StreamExt;
use snowflake_webrtc::{Config, answer, offer};
use tokio::time::{sleep, timeout};

const LIMIT: Duration = Duration::from_secs(10);

fn open_files() -> usize {
    fs::read_dir("/proc/self/fd").expect("a Linux machine").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_stays_open_when_dropped() {
    let before = open_files();
    for round in 0..20 {
        let config = Config { keep_local_addresses: true, ..Config::default() };
        let offerer = offer(&config, Bytes::from_static(b"x")).await.unwrap();
        let answerer = answer(&config, offerer.sdp()).await.unwrap();
        let answer_sdp = answerer.sdp().to_owned();
        match round % 4 {
            0 => drop((offerer, answerer)),
            1 => {
                let opening =
                    async { tokio::join!(offerer.open(&answer_sdp, LIMIT), answerer.open(LIMIT)) };
                // Cancelled somewhere on the way.
                let _ = timeout(Duration::from_millis(round), opening).await;
            }
            2 => {
                let _ =
                    timeout(Duration::from_micros(100 * round), offer(&config, Bytes::new())).await;
            }
            _ => {
                let both = tokio::try_join!(offerer.open(&answer_sdp, LIMIT), answerer.open(LIMIT));
                let (_client, mut proxy) = both.unwrap();
                assert_eq!(proxy.next().await.unwrap().unwrap(), "x");
            }
        }
    }
    let closed = timeout(LIMIT, async {
        while open_files() > before {
            sleep(Duration::from_millis(20)).await
        }
    });
    closed.await.unwrap_or_else(|_| panic!("{before} files before, {} after", open_files()));
}

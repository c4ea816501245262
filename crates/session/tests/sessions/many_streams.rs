//! A thousand streams in one session, some of which are dropped while the drivers run.

use crate::conn::pair;
use snowflake_netsim::Path;
use snowflake_session::{Config, Stream, open, serve};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;
use tokio::time::sleep;

const STREAMS: u16 = 1000;

/// Sends everything back; a peer that goes in the middle is no failure.
async fn echo(stream: Stream) {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let _ = tokio::io::copy(&mut reader, &mut writer).await;
    let _ = writer.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_thousand_streams_keep_apart_and_dropped_ones_make_room() {
    let (near, far) = pair(&Path::poor(), 3);
    let mut echoes = JoinSet::new();
    let _server = tokio::spawn(async move {
        serve(far, &Config::server(), |stream| {
            echoes.spawn(echo(stream));
        })
        .await
    });
    let (session, driver) = open(near, &Config::client());
    let _driver = tokio::spawn(driver);
    for round in 0..2u16 {
        let mut streams = JoinSet::new();
        for n in 0..STREAMS {
            let mut stream = session.open_stream().unwrap();
            streams.spawn(async move {
                let sent = (n ^ round).to_be_bytes().repeat(500);
                stream.write_all(&sent).await.unwrap();
                if n % 3 == 0 {
                    return;
                }
                stream.shutdown().await.unwrap();
                let mut received = Vec::new();
                stream.read_to_end(&mut received).await.unwrap();
                assert!(received == sent, "stream {n} of round {round}");
            });
        }
        while let Some(stream) = streams.join_next().await {
            stream.unwrap();
        }
        // What was dropped is forgotten once its FIN is out.
        sleep(Duration::from_secs(60)).await;
    }
}

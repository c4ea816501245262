//! Two peers over loopback: time until the first bytes are there, then bytes per second and processor time.
//!
//! `cargo run --release -p snowflake-webrtc --example throughput [MiB [item bytes]]`

#![allow(clippy::print_stdout, reason = "a program for people")]

use std::{error::Error, fs, time::Duration};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use snowflake_webrtc::{Config, DataChannel, answer, offer};
use tokio::time::Instant;

const LIMIT: Duration = Duration::from_secs(10);
const CONNECTIONS: u32 = 10;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut numbers = std::env::args().skip(1);
    let mut number = |default| numbers.next().map_or(Ok(default), |number| number.parse::<usize>());
    let (total, item) = (number(256)? << 20, number(1400)?);
    let mut waited = Duration::ZERO;
    for _ in 0..CONNECTIONS {
        let (.., time) = pair().await?;
        waited += time;
    }
    println!("first bytes after {:?}", waited / CONNECTIONS);
    let (mut client, mut proxy, _) = pair().await?;
    let (begun, processor) = (Instant::now(), processor_time()?);
    let sender = tokio::spawn(async move {
        let data = Bytes::from(vec![0x5a; item]);
        for _ in 0..total.div_ceil(item) {
            client.feed(data.clone()).await?;
        }
        client.close().await
    });
    let mut received = 0;
    while let Some(message) = proxy.next().await {
        received += message?.len();
    }
    let (elapsed, processor) = (begun.elapsed(), processor_time()? - processor);
    sender.await??;
    let mib = received as f64 / f64::from(1 << 20);
    println!(
        "{mib:.0} MiB in items of {item} bytes: {:.0} MiB/s, {:.1} ms of processor time per MiB",
        mib / elapsed.as_secs_f64(),
        processor.as_secs_f64() * 1000.0 / mib
    );
    Ok(())
}

/// Two connected peers, and the time it took until the first bytes of the one were at the other.
async fn pair() -> Result<(DataChannel, DataChannel, Duration), Box<dyn Error>> {
    let config = Config { keep_local_addresses: true, ..Config::default() };
    let begun = Instant::now();
    let offerer = offer(&config, Bytes::from_static(b"first")).await?;
    let answerer = answer(&config, offerer.sdp()).await?;
    let answer_sdp = answerer.sdp().to_owned();
    let (client, proxy) = tokio::try_join!(offerer.open(&answer_sdp, LIMIT), answerer.open(LIMIT))?;
    let mut proxy = proxy;
    proxy.next().await.ok_or("no first message")??;
    Ok((client, proxy, begun.elapsed()))
}

/// Processor time of this process so far.
fn processor_time() -> Result<Duration, Box<dyn Error>> {
    /// `sysconf(_SC_CLK_TCK)` on Linux.
    const TICKS_PER_SECOND: u64 = 100;
    let stat = fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
    Ok(Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND))
}

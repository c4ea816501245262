//! Streams through the whole server: whole, unmixed, and longer-lived than their carriers.

use std::sync::atomic::Ordering;

use snowflake_pt::OrPort;
use snowflake_server::Limits;
use snowflake_session::Stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    rig::{Client, Log, Proxies, Rig, in_time},
    tor::{Echo, listen},
};

pub(crate) fn pattern(length: usize, seed: usize) -> Vec<u8> {
    (0..length).map(|n| ((n * 31 + seed * 17) % 251) as u8).collect()
}

/// Sends everything, finishes, and reads until the other side has finished.
pub(crate) async fn exchange(stream: Stream, data: &[u8]) -> Vec<u8> {
    let (mut read, mut write) = tokio::io::split(stream);
    let mut received = Vec::new();
    let sending = async {
        write.write_all(data).await.unwrap();
        write.shutdown().await.unwrap();
    };
    in_time(async { tokio::join!(sending, read.read_to_end(&mut received)).1 }).await.unwrap();
    received
}

#[tokio::test]
async fn clients_and_their_streams_do_not_mix() {
    let tor = Echo::start().await;
    let rig = Rig::start(tor.or_port()).await;
    let clients = [(); 3].map(|()| Client::new(Proxies::of(rig.address)));
    let mut exchanges = Vec::new();
    for (n, client) in clients.iter().enumerate() {
        for m in 0..2 {
            let (stream, data) = (client.stream(), pattern(500_000, 2 * n + m));
            exchanges.push(async move {
                let received = exchange(stream, &data).await;
                assert!(received == data, "stream {m} of client {n}");
            });
        }
    }
    futures_util::future::join_all(exchanges).await;
    rig.stop().await;
}

#[tokio::test]
async fn a_stream_outlives_its_carriers() {
    let tor = Echo::start().await;
    let rig = Rig::start(tor.or_port()).await;
    let (proxies, used) = Proxies::of(rig.address).dying_after(300_000);
    let client = Client::new(proxies);
    let data = pattern(2_000_000, 1);
    let received = exchange(client.stream(), &data).await;
    assert!(received == data);
    assert!(used.load(Ordering::Relaxed) > 5, "carriers died in mid-transfer");
    rig.stop().await;
}

/// tor's last words arrive although the client has long finished.
#[tokio::test]
async fn the_end_of_one_direction_reaches_tor_and_leaves_the_other_open() {
    let (listener, address) = listen().await;
    let rig = Rig::start(OrPort::Plain(address)).await;
    let client = Client::new(Proxies::of(rig.address));
    let mut stream = client.stream();
    stream.write_all(b"question").await.unwrap();
    stream.shutdown().await.unwrap();
    let (mut tor, _) = in_time(listener.accept()).await.unwrap();
    let mut text = String::new();
    in_time(tor.read_to_string(&mut text)).await.unwrap();
    assert_eq!(text, "question");
    tor.write_all(b"answer").await.unwrap();
    drop(tor);
    text.clear();
    in_time(stream.read_to_string(&mut text)).await.unwrap();
    assert_eq!(text, "answer");
    rig.stop().await;
}

#[tokio::test]
async fn without_a_tor_the_stream_is_closed_and_the_log_says_why() {
    let (log, _guard) = Log::capture();
    let (listener, address) = listen().await;
    drop(listener);
    let rig = Rig::start(OrPort::Plain(address)).await;
    let client = Client::new(Proxies::of(rig.address));
    assert_eq!(exchange(client.stream(), b"hello").await, b"");
    let reason = format!("cannot connect to the ORPort {address}: ");
    assert!(log.lines().iter().any(|line| line.contains(&reason)), "{:?}", log.lines());
    rig.stop().await;
}

#[tokio::test]
async fn a_stream_over_the_limit_is_refused_until_another_ends() {
    let tor = Echo::start().await;
    let rig = Rig::with_limits(tor.or_port(), Limits { streams: 1, ..Limits::default() }).await;
    let client = Client::new(Proxies::of(rig.address));
    let mut first = client.stream();
    first.write_all(b"x").await.unwrap();
    assert_eq!(in_time(first.read_u8()).await.unwrap(), b'x');
    assert_eq!(exchange(client.stream(), b"y").await, b"", "there is one already");
    assert_eq!(exchange(first, b"y").await, b"y");
    // The server hears of the end a little later than we do.
    in_time(async { while exchange(client.stream(), b"z").await != b"z" {} }).await;
    rig.stop().await;
}

#[tokio::test]
async fn stopping_ends_everything_at_once() {
    let (listener, address) = listen().await;
    let rig = Rig::start(OrPort::Plain(address)).await;
    let client = Client::new(Proxies::of(rig.address));
    let mut stream = client.stream();
    stream.write_all(b"x").await.unwrap();
    let (mut tor, _) = in_time(listener.accept()).await.unwrap();
    assert_eq!(in_time(tor.read_u8()).await.unwrap(), b'x');
    let server = rig.address;
    rig.stop().await;
    assert_eq!(in_time(tor.read(&mut [0; 1])).await.unwrap_or(0), 0, "tor's connection is closed");
    assert!(tokio::net::TcpStream::connect(server).await.is_err(), "nobody listens any more");
}

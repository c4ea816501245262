//! Connections that are no clients'.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use snowflake_server::Limits;
use snowflake_turbotunnel::{ClientId, preamble};
use snowflake_websocket::WebSocket;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    rig::{Client, Log, Proxies, Rig, in_time},
    streams::pattern,
    tor::Echo,
};

const SHORT: Duration = Duration::from_millis(200);

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "measures a limit over real sockets")]
async fn a_websocket_without_a_preamble_is_closed_after_the_limit() {
    let (log, _guard) = Log::capture();
    let tor = Echo::start().await;
    let limits = Limits { preamble: SHORT, ..Limits::default() };
    let rig = Rig::with_limits(tor.or_port(), limits).await;
    let begun = Instant::now();
    let mut silent = rig.websocket().await;
    let mut slow = rig.websocket().await;
    slow.send(preamble(ClientId::random()).slice(..15)).await.unwrap();
    assert!(!matches!(in_time(silent.next()).await, Some(Ok(_))));
    assert!(!matches!(in_time(slow.next()).await, Some(Ok(_))));
    assert!(begun.elapsed() >= SHORT);
    let line = "a WebSocket without a session: no preamble within 200ms";
    assert_eq!(log.lines().iter().filter(|logged| logged.contains(line)).count(), 2);
    rig.stop().await;
}

#[tokio::test]
async fn a_wrong_token_closes_the_websocket_and_the_log_hides_who_it_was() {
    let (log, _guard) = Log::capture();
    let tor = Echo::start().await;
    let rig = Rig::start(tor.or_port()).await;
    let mut websocket = rig.websocket().await;
    websocket.send(Bytes::from_static(b"GET / HTTP/1.1\r\n\r\n")).await.unwrap();
    assert!(!matches!(in_time(websocket.next()).await, Some(Ok(_))));
    let lines = log.lines();
    let line =
        lines.iter().find(|line| line.contains("the client's token is not that of")).unwrap();
    assert!(
        line.contains("proxy=[scrubbed] client=[scrubbed]") && !line.contains("127.0.0.1"),
        "{line}"
    );
    rig.stop().await;
}

#[tokio::test]
async fn what_is_no_websocket_gets_an_http_error() {
    let tor = Echo::start().await;
    let rig = Rig::start(tor.or_port()).await;
    for (request, status) in [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 400 "),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 405 "),
    ] {
        let mut stream = TcpStream::connect(rig.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut response = String::new();
        in_time(stream.read_to_string(&mut response)).await.unwrap();
        assert!(response.starts_with(status), "{response}");
    }
    rig.stop().await;
}

/// Nobody is turned away: who comes when all places are taken is served when one is free.
#[tokio::test]
async fn connections_over_the_limit_wait_for_a_place() {
    let tor = Echo::start().await;
    let limits = Limits { connections: 1, preamble: SHORT, ..Limits::default() };
    let rig = Rig::with_limits(tor.or_port(), limits).await;
    let stranger = rig.websocket().await;
    let client = Client::new(Proxies::of(rig.address));
    let mut stream = client.stream();
    stream.write_all(b"x").await.unwrap();
    assert_eq!(in_time(stream.read_u8()).await.unwrap(), b'x');
    drop(stranger);
    rig.stop().await;
}

/// As many carriers as a client may have.
const CARRIERS: usize = 32;

/// A first packet of another conversation than any: one segment with number 0 and one byte, in a chunk.
#[rustfmt::skip]
pub(crate) const OF_ANOTHER_SESSION: [u8; 26] = [
    0x80 | 25,
    0xaa, 0xbb, 0xcc, 0xdd, 81, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, b'x',
];

/// Where a packet has its number, in its chunk.
pub(crate) const NUMBER: usize = 13;

/// Who knows a client's name, and nothing else of its session.
async fn stranger(rig: &Rig, client: ClientId) -> WebSocket {
    let mut websocket = rig.websocket().await;
    websocket.send(preamble(client)).await.unwrap();
    websocket
}

/// They come again and again and swallow what they are given; the last claims to be the client, started anew.
#[tokio::test]
async fn who_knows_a_clients_name_takes_neither_its_carrier_nor_its_session() {
    const LENGTH: usize = 3_000_000;
    let tor = Echo::start().await;
    let rig = Rig::start(tor.or_port()).await;
    let (id, proxies) = (ClientId::random(), Proxies::of(rig.address));
    let used = proxies.count();
    let client = Client::named(id, proxies);
    let (mut read, mut write) = tokio::io::split(client.stream());
    let data = pattern(LENGTH, 7);
    let sending = async {
        write.write_all(&data).await.unwrap();
        write.shutdown().await.unwrap();
    };
    let receiving = async {
        let mut received = vec![0; LENGTH / 10];
        read.read_exact(&mut received).await.unwrap();
        let mut strangers = Vec::new();
        for _ in 0..CARRIERS {
            strangers.push(stranger(&rig, id).await);
        }
        let mut thief = stranger(&rig, id).await;
        thief.send(Bytes::from_static(&OF_ANOTHER_SESSION)).await.unwrap();
        // The first of them makes way, not who was there before.
        while in_time(strangers[0].next()).await.is_some_and(|message| message.is_ok()) {}
        read.read_to_end(&mut received).await.unwrap();
        received
    };
    let received = in_time(async { tokio::join!(sending, receiving).1 }).await;
    assert!(received == data, "{} bytes of {LENGTH}", received.len());
    assert_eq!(used.load(Ordering::Relaxed), 1, "the client kept its carrier");
    rig.stop().await;
}

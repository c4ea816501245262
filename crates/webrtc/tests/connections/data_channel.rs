//! Two peers in one process, over loopback: what goes in comes out, and neither side can fill the other's memory.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{SinkExt, StreamExt};
use snowflake_webrtc::{Answerer, Config, DataChannel, Offerer, answer, limits, offer};
use tokio::time::{Instant, sleep, timeout};

const LIMIT: Duration = Duration::from_secs(10);

/// More than any queue between two peers may hold: the send buffer, the windows and queues of SCTP, 512 messages.
const MORE_THAN_ANY_QUEUE: usize = 32 << 20;

async fn described(first_message: &'static [u8]) -> (Offerer, Answerer, String) {
    let config = Config { keep_local_addresses: true, ..Config::default() };
    let offerer = offer(&config, Bytes::from_static(first_message)).await.unwrap();
    let answerer = answer(&config, offerer.sdp()).await.unwrap();
    let answer_sdp = answerer.sdp().to_owned();
    (offerer, answerer, answer_sdp)
}

async fn pair(first_message: &'static [u8]) -> (DataChannel, DataChannel) {
    let (offerer, answerer, answer_sdp) = described(first_message).await;
    tokio::try_join!(offerer.open(&answer_sdp, LIMIT), answerer.open(LIMIT)).unwrap()
}

/// Bytes that no two places of a stream share.
fn pattern(from: usize, length: usize) -> Bytes {
    (from..from + length).map(|at| (at ^ (at >> 8) ^ (at >> 16)) as u8).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_message_comes_first() {
    let (mut client, mut proxy) = pair(b"preamble").await;
    client.send(Bytes::from_static(b"then this")).await.unwrap();
    assert_eq!(proxy.next().await.unwrap().unwrap(), "preamble");
    assert_eq!(proxy.next().await.unwrap().unwrap(), "then this");
    proxy.send(Bytes::from_static(b"answer")).await.unwrap();
    assert_eq!(client.next().await.unwrap().unwrap(), "answer");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_first_message_nothing_is_sent() {
    let (mut client, mut proxy) = pair(b"").await;
    client.send(Bytes::from_static(b"first")).await.unwrap();
    assert_eq!(proxy.next().await.unwrap().unwrap(), "first");
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_gathered_and_cut() {
    let (mut client, mut proxy) = pair(b"").await;
    for item in ["a", "", "b", "c"] {
        client.feed(Bytes::from(item)).await.unwrap();
    }
    client.flush().await.unwrap();
    assert_eq!(proxy.next().await.unwrap().unwrap(), "abc");
    let long = limits::MESSAGE_LENGTH * 2 + 1;
    client.send(pattern(0, long)).await.unwrap();
    let mut received = BytesMut::new();
    while received.len() < long {
        let message = proxy.next().await.unwrap().unwrap();
        assert!(message.len() <= limits::MESSAGE_LENGTH);
        received.extend_from_slice(&message);
    }
    assert_eq!(received, pattern(0, long));
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_mebibytes_each_way_arrive_unchanged() {
    each_way::<{ 64 << 20 }>().await;
}

/// As in the client, which has one thread.
#[tokio::test]
async fn sixteen_mebibytes_each_way_arrive_unchanged_on_one_thread() {
    each_way::<{ 16 << 20 }>().await;
}

async fn each_way<const TOTAL: usize>() {
    let (client, proxy) = pair(b"").await;
    let ((client_out, client_in), (proxy_out, proxy_in)) = (client.split(), proxy.split());
    let send = |mut out: futures_util::stream::SplitSink<DataChannel, Bytes>, item: usize| async move {
        for from in (0..TOTAL).step_by(item) {
            out.feed(pattern(from, item.min(TOTAL - from))).await.unwrap();
        }
        out.flush().await.unwrap();
        out
    };
    let receive = |mut input: futures_util::stream::SplitStream<DataChannel>| async move {
        let mut received = 0;
        while received < TOTAL {
            let message = input.next().await.unwrap().unwrap();
            assert_eq!(message, pattern(received, message.len()), "at {received}");
            received += message.len();
        }
        assert_eq!(received, TOTAL);
        input
    };
    let all = async {
        tokio::join!(
            tokio::spawn(send(client_out, 1400)),
            tokio::spawn(send(proxy_out, 100_000)),
            tokio::spawn(receive(client_in)),
            tokio::spawn(receive(proxy_in)),
        )
    };
    let (a, b, c, d) = timeout(Duration::from_secs(120), all).await.unwrap();
    drop((a.unwrap(), b.unwrap(), c.unwrap(), d.unwrap()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stalled_reader_stops_the_sender_and_loses_nothing() {
    let (mut client, mut proxy) = pair(b"").await;
    let mut sent = 0;
    // Blocked for a second is blocked: the library's own waiting is 50 ms at most.
    while timeout(Duration::from_secs(1), client.feed(pattern(sent, 1 << 14))).await.is_ok() {
        sent += 1 << 14;
        assert!(sent < MORE_THAN_ANY_QUEUE, "nothing holds the sender back");
    }
    assert!(sent > limits::SEND_BUFFER);
    println!("a reader that does not read costs {} KiB", sent >> 10);
    let rest = tokio::spawn(async move {
        client.close().await.unwrap();
    });
    let mut received = BytesMut::new();
    while let Some(message) = timeout(LIMIT, proxy.next()).await.unwrap() {
        received.extend_from_slice(&message.unwrap());
    }
    rest.await.unwrap();
    assert_eq!(received, pattern(0, sent));
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_delivers_everything_and_ends_the_peer() {
    let (mut client, mut proxy) = pair(b"").await;
    client.feed(pattern(0, 300_000)).await.unwrap();
    let closing = tokio::spawn(async move { client.close().await });
    let mut received = 0;
    while let Some(message) = timeout(LIMIT, proxy.next()).await.unwrap() {
        received += message.unwrap().len();
    }
    assert_eq!(received, 300_000);
    closing.await.unwrap().unwrap();
    assert!(proxy.next().await.is_none());
    let write = timeout(LIMIT, async {
        loop {
            proxy.send(Bytes::from_static(b"too late")).await?;
            sleep(Duration::from_millis(10)).await;
        }
    });
    let failed: Result<std::convert::Infallible, std::io::Error> = write.await.unwrap();
    assert_eq!(failed.unwrap_err().kind(), std::io::ErrorKind::BrokenPipe);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_channel_ends_the_peer_within_a_second() {
    for drop_client in [true, false] {
        let (client, proxy) = pair(b"x").await;
        let (dropped, mut left) = if drop_client { (client, proxy) } else { (proxy, client) };
        if drop_client {
            assert_eq!(left.next().await.unwrap().unwrap(), "x");
        }
        let begun = Instant::now();
        drop(dropped);
        assert!(timeout(Duration::from_secs(1), left.next()).await.unwrap().is_none());
        println!("noticed after {:?}", begun.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_read_can_learn_that_the_peer_is_gone() {
    let (mut client, mut proxy) = pair(b"").await;
    client.send(Bytes::from_static(b"last words")).await.unwrap();
    assert!(timeout(Duration::from_millis(300), proxy.gone()).await.is_err(), "still there");
    drop(client);
    let begun = Instant::now();
    timeout(Duration::from_secs(1), proxy.gone()).await.unwrap();
    println!("noticed after {:?}", begun.elapsed());
    assert_eq!(proxy.next().await.unwrap().unwrap(), "last words");
    assert!(proxy.next().await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_writer_is_released_when_the_peer_goes() {
    let (mut client, proxy) = pair(b"").await;
    let mut writer =
        tokio::spawn(async move { while client.feed(pattern(0, 1 << 14)).await.is_ok() {} });
    assert!(timeout(Duration::from_millis(300), &mut writer).await.is_err());
    drop(proxy);
    timeout(LIMIT, writer).await.unwrap().unwrap();
}

/// The peer's connection is alive, but nobody reads what comes.
#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_takes_nothing_is_given_up_although_it_sends() {
    let (client, mut proxy) = pair(b"").await;
    let (mut out, _unread) = client.split();
    let sending = tokio::spawn(async move {
        while out.send(Bytes::from_static(b"here I am")).await.is_ok() {
            sleep(Duration::from_millis(100)).await;
        }
    });
    let mut filled = Instant::now();
    let failed = loop {
        match timeout(limits::SEND_STALL * 2, proxy.feed(pattern(0, 1 << 14))).await.unwrap() {
            Ok(()) => filled = Instant::now(),
            Err(error) => break error,
        }
    };
    println!("given up after {:?}", filled.elapsed());
    assert_eq!(failed.kind(), std::io::ErrorKind::TimedOut);
    assert!(filled.elapsed() < limits::SEND_STALL + Duration::from_secs(5));
    assert!(!sending.is_finished(), "the path was there all the time");
    drop(proxy);
    timeout(LIMIT, sending).await.unwrap().unwrap();
}

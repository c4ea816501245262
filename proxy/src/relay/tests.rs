//! The copying, between two WebSockets in memory.

use futures_util::{FutureExt, StreamExt};
use snowflake_websocket::{
    Role, WebSocket,
    limits::{self, PING_AFTER, PONG_LIMIT},
};
use tokio::{io::duplex, task::JoinHandle};

use super::*;

const IDLE: Duration = Duration::from_secs(30);

/// Two carriers that are each other's peers.
async fn pair() -> (WebSocket, WebSocket) {
    let (left, right) = duplex(64 << 10);
    tokio::join!(
        WebSocket::from_upgraded(left, Role::Client),
        WebSocket::from_upgraded(right, Role::Server)
    )
}

struct Relayed {
    client: WebSocket,
    server: WebSocket,
    stop: CancellationToken,
    running: JoinHandle<(End, u64, u64)>,
}

async fn relayed() -> Relayed {
    let (client, ours) = pair().await;
    let (theirs, server) = pair().await;
    let stop = CancellationToken::new();
    let token = stop.clone();
    let running = tokio::spawn(async move {
        let figures = Figures::new();
        let end = run(ours, theirs, IDLE, &figures, &token).await;
        (end, figures.inbound.get(), figures.outbound.get())
    });
    Relayed { client, server, stop, running }
}

fn message(length: usize) -> Bytes {
    Bytes::from(vec![5; length])
}

#[tokio::test]
async fn bytes_go_both_ways_and_are_counted() {
    let mut relayed = relayed().await;
    relayed.client.send(message(1402)).await.unwrap();
    assert_eq!(relayed.server.next().await.unwrap().unwrap(), message(1402));
    relayed.server.send(message(2048)).await.unwrap();
    assert_eq!(relayed.client.next().await.unwrap().unwrap(), message(2048));
    relayed.client.close().await.unwrap();
    assert!(relayed.server.next().await.is_none(), "the client's end closes the relay's side");
    let (end, inbound, outbound) = relayed.running.await.unwrap();
    assert!(matches!(end, End::Client));
    assert_eq!((inbound, outbound), (2048, 1402));
}

#[tokio::test]
async fn the_relays_end_closes_the_clients_side() {
    let mut relayed = relayed().await;
    relayed.server.send(message(7)).await.unwrap();
    relayed.server.close().await.unwrap();
    assert_eq!(
        relayed.client.next().await.unwrap().unwrap(),
        message(7),
        "what came before counts"
    );
    assert!(relayed.client.next().await.is_none());
    assert!(matches!(relayed.running.await.unwrap().0, End::Relay));
}

#[tokio::test(start_paused = true)]
async fn a_cut_side_closes_the_other_at_once() {
    let before = Instant::now();
    let mut relayed = relayed().await;
    drop(relayed.client);
    assert!(relayed.server.next().await.is_none());
    assert!(matches!(relayed.running.await.unwrap().0, End::ClientFailed(_)));

    let mut relayed = self::relayed().await;
    drop(relayed.server);
    assert!(relayed.client.next().await.is_none());
    assert!(matches!(relayed.running.await.unwrap().0, End::RelayFailed(_)));
    assert_eq!(before.elapsed(), Duration::ZERO);
}

/// From a frozen peer's last byte to the end.
const GIVEN_UP: Duration = PING_AFTER.saturating_add(PONG_LIMIT);

fn is_silent(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::TimedOut
}

/// The connection stays open, but nobody is there any more. The client's end comes with the relay's.
#[tokio::test(start_paused = true)]
async fn a_frozen_relay_is_given_up() {
    for upload in [false, true] {
        let before = Instant::now();
        let mut relayed = relayed().await;
        while upload && relayed.client.send(message(10_000)).now_or_never().is_some() {
            tokio::task::yield_now().await;
        }
        let told = relayed.client.next().await;
        // With its own buffers full, the client may have come to the same conclusion in the same instant.
        assert!(told.is_none() || upload && told.is_some_and(|item| item.is_err()));
        let end = relayed.running.await.unwrap().0;
        assert!(matches!(&end, End::RelayFailed(error) if is_silent(error)), "{end}");
        assert_eq!(before.elapsed().as_secs(), GIVEN_UP.as_secs(), "upload: {upload}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_frozen_client_is_given_up() {
    for download in [false, true] {
        let before = Instant::now();
        let mut relayed = relayed().await;
        while download && relayed.server.send(message(10_000)).now_or_never().is_some() {
            tokio::task::yield_now().await;
        }
        let told = relayed.server.next().await;
        assert!(told.is_none() || download && told.is_some_and(|item| item.is_err()));
        let end = relayed.running.await.unwrap().0;
        assert!(matches!(&end, End::ClientFailed(error) if is_silent(error)), "{end}");
        assert_eq!(before.elapsed().as_secs(), GIVEN_UP.as_secs(), "download: {download}");
    }
}

/// It would hold its client for ever: what it sends keeps both from being idle.
#[tokio::test(start_paused = true)]
async fn a_relay_that_takes_nothing_is_given_up_although_it_sends() {
    let mut relayed = relayed().await;
    while relayed.client.send(message(10_000)).now_or_never().is_some() {
        tokio::task::yield_now().await;
    }
    let before = Instant::now();
    let sending = async {
        while relayed.server.send(message(1)).await.is_ok() {
            sleep(Duration::from_secs(5)).await;
        }
    };
    let receiving = async { while let Some(Ok(_)) = relayed.client.next().await {} };
    tokio::join!(sending, receiving);
    let end = relayed.running.await.unwrap().0;
    assert!(matches!(end, End::RelayStuck), "{end}");
    assert!(before.elapsed() < IDLE + Duration::from_secs(6));
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_is_merely_slow_is_not() {
    let mut relayed = relayed().await;
    while relayed.client.send(message(10_000)).now_or_never().is_some() {
        tokio::task::yield_now().await;
    }
    let sending = async { while relayed.client.send(message(10_000)).await.is_ok() {} };
    let receiving = async {
        // A write buffer's worth every 25 s, and a word in between.
        for _ in 0..10 {
            let mut taken = 0;
            while taken < 2 * limits::WRITE_BUFFER {
                taken += relayed.server.next().await.unwrap().unwrap().len();
            }
            for _ in 0..5 {
                sleep(Duration::from_secs(5)).await;
                relayed.server.send(message(1)).await.unwrap();
            }
        }
    };
    tokio::select! {
        () = sending => panic!("given up"),
        () = receiving => {}
    }
}

/// Both peers are there and say nothing for a while.
async fn quiet(client: &mut WebSocket, server: &mut WebSocket, time: Duration) {
    let either = async {
        tokio::select! {
            item = client.next() => item,
            item = server.next() => item,
        }
    };
    let said = timeout(time, either).await;
    assert!(said.is_err(), "{said:?}");
}

#[tokio::test(start_paused = true)]
async fn silence_in_both_directions_is_the_end() {
    let before = Instant::now();
    let mut relayed = relayed().await;
    let (client, server) = tokio::join!(relayed.client.next(), relayed.server.next());
    assert!(client.is_none() && server.is_none(), "both are closed");
    assert!(matches!(relayed.running.await.unwrap().0, End::Idle));
    assert!(before.elapsed() >= IDLE && before.elapsed() < IDLE + CLOSE);
}

/// Go looks only at what goes to the client, and cuts off uploads of half a minute.
#[tokio::test(start_paused = true)]
async fn bytes_in_one_direction_are_enough() {
    for upload in [true, false] {
        let before = Instant::now();
        let mut relayed = relayed().await;
        for _ in 0..20 {
            let almost = IDLE - Duration::from_secs(1);
            quiet(&mut relayed.client, &mut relayed.server, almost).await;
            let (from, to) = match upload {
                true => (&mut relayed.client, &mut relayed.server),
                false => (&mut relayed.server, &mut relayed.client),
            };
            from.send(message(1)).await.unwrap();
            assert_eq!(to.next().await.unwrap().unwrap(), message(1));
        }
        assert!(!relayed.running.is_finished());
        let _ = tokio::join!(relayed.client.next(), relayed.server.next());
        assert!(matches!(relayed.running.await.unwrap().0, End::Idle));
        assert!(before.elapsed() < 20 * IDLE + IDLE + CLOSE);
    }
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_takes_nothing_holds_the_sender() {
    let mut relayed = relayed().await;
    let mut sent = 0;
    while let Some(result) = relayed.client.send(message(10_000)).now_or_never() {
        result.unwrap();
        tokio::task::yield_now().await;
        sent += 10_000;
        assert!(sent < 2_000_000, "buffers are bounded");
    }
    let writer = tokio::spawn(async move {
        relayed.client.close().await.unwrap();
    });
    let mut received = 0;
    while let Some(Ok(message)) = relayed.server.next().await {
        received += message.len();
    }
    assert!(received >= sent, "{received} of {sent}");
    let _ = writer.await;
}

#[tokio::test]
async fn stopping_closes_both_sides() {
    let mut relayed = relayed().await;
    relayed.stop.cancel();
    assert!(relayed.client.next().await.is_none());
    assert!(relayed.server.next().await.is_none());
    assert!(matches!(relayed.running.await.unwrap().0, End::Stopped));
}

#[tokio::test(start_paused = true)]
async fn closing_does_not_wait_for_a_peer_that_takes_nothing() {
    let mut relayed = relayed().await;
    while relayed.client.send(message(10_000)).now_or_never().is_some() {
        tokio::task::yield_now().await;
    }
    relayed.stop.cancel();
    let before = Instant::now();
    assert!(matches!(relayed.running.await.unwrap().0, End::Stopped));
    assert!(before.elapsed() <= CLOSE);
}

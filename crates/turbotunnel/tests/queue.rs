//! The server's packet conn: who gets which packet, and what happens at each bound.

#[expect(dead_code, reason = "each test file plays its own part of the peer")]
#[path = "pipes/pipe.rs"]
mod pipe;

use bytes::Bytes;
use pipe::{Peer, pair, recv, send};
use snowflake_turbotunnel::{
    CarrierEnd, ClientConn, ClientId, Clients, PacketConn, PreambleError, QueueConfig,
    QueuePacketConn, read_preamble,
};
use std::future::poll_fn;
use std::time::Duration;
use tokio::task::JoinHandle;

const A: ClientId = ClientId::from_bytes([0xa; 8]);
const B: ClientId = ClientId::from_bytes([0xb; 8]);
const LIMIT: Duration = Duration::from_secs(30);

fn server(config: QueueConfig) -> (QueuePacketConn, Clients) {
    QueuePacketConn::new(config)
}

/// A new carrier of `client`, with the task that serves it.
async fn carrier(server: &QueuePacketConn, client: ClientId) -> (Peer, JoinHandle<CarrierEnd>) {
    let (near, far) = pair();
    let mut peer = Peer::new(far);
    peer.greet(client).await;
    let server = server.clone();
    let task = tokio::spawn(async move {
        let mut near = near;
        let (id, rest) = read_preamble(&mut near, LIMIT).await.expect("a preamble");
        server.serve(id, near, rest).await
    });
    (peer, task)
}

#[tokio::test(start_paused = true)]
async fn each_client_gets_its_own_packets_and_no_others() {
    let (server, mut clients) = server(QueueConfig::default());
    let (mut a, _) = carrier(&server, A).await;
    let (mut b, _) = carrier(&server, B).await;
    a.send("from a").await;
    let (id_a, mut conn_a) = clients.accept().await.unwrap();
    b.send("from b").await;
    let (id_b, mut conn_b) = clients.accept().await.unwrap();
    assert_eq!((id_a, id_b), (A, B));
    assert_eq!((conn_a.client(), conn_b.client()), (A, B));
    assert_eq!(recv(&mut conn_a).await, ["from a"]);
    assert_eq!(recv(&mut conn_b).await, ["from b"]);
    send(&mut conn_b, "to b");
    send(&mut conn_a, "to a");
    assert_eq!(a.recv().await.unwrap(), "to a");
    assert_eq!(b.recv().await.unwrap(), "to b");
}

#[tokio::test(start_paused = true)]
async fn packets_go_to_the_newest_carrier_and_back_when_it_dies() {
    let (server, mut clients) = server(QueueConfig::default());
    let (mut old, _) = carrier(&server, A).await;
    old.send("one").await;
    let (_, mut conn) = clients.accept().await.unwrap();
    recv(&mut conn).await;
    let (mut new, served) = carrier(&server, A).await;
    new.send("two").await;
    assert_eq!(recv(&mut conn).await, ["two"], "the same session hears both");
    send(&mut conn, "to the new one");
    assert_eq!(new.recv().await.unwrap(), "to the new one");
    drop(new);
    assert!(matches!(served.await.unwrap(), CarrierEnd::ClosedByPeer));
    send(&mut conn, "to the old one");
    assert_eq!(old.recv().await.unwrap(), "to the old one");
}

#[tokio::test(start_paused = true)]
async fn a_session_waits_for_carriers_and_what_waits_expires() {
    let (server, mut clients) = server(QueueConfig::default());
    let (mut first, served) = carrier(&server, A).await;
    first.send("hello").await;
    let (_, mut conn) = clients.accept().await.unwrap();
    recv(&mut conn).await;
    drop(first);
    served.await.unwrap();
    send(&mut conn, "stale");
    let accepting = tokio::spawn(async move { clients.accept().await.map(|(id, _)| id) });
    tokio::time::sleep(Duration::from_secs(95)).await;
    send(&mut conn, "fresh");
    let (mut second, _) = carrier(&server, A).await;
    assert_eq!(second.recv().await.unwrap(), "fresh");
    assert!(!accepting.is_finished(), "the session is the same one");
}

#[tokio::test(start_paused = true)]
async fn a_new_session_begins_when_the_old_one_is_over() {
    let (server, mut clients) = server(QueueConfig::default());
    let (mut peer, _) = carrier(&server, A).await;
    for text in ["first", "second"] {
        peer.send(text).await;
        let (id, mut conn) = clients.accept().await.unwrap();
        assert_eq!(id, A);
        assert_eq!(recv(&mut conn).await, [text]);
    }
}

#[tokio::test(start_paused = true)]
async fn one_carrier_too_many_displaces_the_oldest() {
    let (server, _clients) = server(QueueConfig { carriers: 2, ..QueueConfig::default() });
    let (mut oldest, displaced) = carrier(&server, A).await;
    oldest.send("hello").await;
    tokio::task::yield_now().await;
    let (mut second, _) = carrier(&server, A).await;
    second.send("hello").await;
    let (mut third, _) = carrier(&server, A).await;
    third.send("hello").await;
    assert!(matches!(displaced.await.unwrap(), CarrierEnd::Displaced));
}

/// A carrier whose peer has stopped reading, with as much written to it as it takes.
async fn stalled(
    server: &QueuePacketConn,
    clients: &mut Clients,
) -> (Peer, JoinHandle<CarrierEnd>, ClientConn) {
    let (mut peer, served) = carrier(server, A).await;
    peer.send("hello").await;
    let (_, mut conn) = clients.accept().await.expect("a client");
    recv(&mut conn).await;
    // The carrier holds 64 KiB and the sink some more; what the queue holds then has nowhere to go.
    loop {
        let room = poll_fn(|cx| conn.poll_room(cx));
        match tokio::time::timeout(Duration::from_millis(1), room).await {
            Ok(room) => {
                conn.send(&mut vec![Bytes::from(vec![0; 1400]); room.expect("the conn is open")])
            }
            Err(_) => return (peer, served, conn),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_carrier_that_takes_nothing_is_displaced_like_any_other() {
    let (server, mut clients) = server(QueueConfig { carriers: 1, ..QueueConfig::default() });
    let (_peer, served, _conn) = stalled(&server, &mut clients).await;
    let started = tokio::time::Instant::now();
    let (_newer, _) = carrier(&server, A).await;
    assert!(matches!(served.await.unwrap(), CarrierEnd::Displaced));
    assert!(started.elapsed() <= Duration::from_secs(2), "{:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_carrier_that_cannot_be_closed_makes_nobody_wait() {
    let (server, mut clients) = server(QueueConfig::default());
    let (mut spare, _) = carrier(&server, A).await;
    let (mut peer, served, mut conn) = stalled(&server, &mut clients).await;
    let started = tokio::time::Instant::now();
    peer.send_raw(Bytes::from_static(&[0xc0, 0x80, 0x80])).await;
    assert_eq!(spare.recv().await.unwrap().len(), 1400, "what waited goes to the older carrier");
    assert!(started.elapsed() < Duration::from_millis(100), "{:?}", started.elapsed());
    assert!(matches!(served.await.unwrap(), CarrierEnd::Misframed(_)));
    assert!(poll_fn(|cx| conn.poll_room(cx)).await.unwrap() > 0);
}

#[tokio::test(start_paused = true)]
async fn too_many_clients_are_refused_one_by_one() {
    // One client for each lock of the map, so two clients of one lock are one too many.
    let (server, _clients) = server(QueueConfig { clients: 1, ..QueueConfig::default() });
    let mut refused = 0;
    let mut peers = Vec::new();
    for n in 0..64u8 {
        let (mut peer, served) = carrier(&server, ClientId::from_bytes([n; 8])).await;
        peer.send("hello").await;
        let end = tokio::time::timeout(Duration::from_secs(1), served).await;
        refused += usize::from(matches!(end, Ok(Ok(CarrierEnd::TooManyClients))));
        peers.push(peer);
    }
    assert!((48..64).contains(&refused), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn a_full_backlog_turns_clients_away_until_they_try_again() {
    let (server, mut clients) = server(QueueConfig { backlog: 1, ..QueueConfig::default() });
    let (mut a, _) = carrier(&server, A).await;
    let (mut b, _) = carrier(&server, B).await;
    a.send("a").await;
    tokio::time::sleep(Duration::from_millis(1)).await;
    b.send("b").await;
    tokio::time::sleep(Duration::from_millis(1)).await;
    let (first, _conn) = clients.accept().await.unwrap();
    assert_eq!(first, A);
    b.send("b again").await;
    let (second, mut conn) = clients.accept().await.unwrap();
    assert_eq!(second, B);
    assert_eq!(recv(&mut conn).await, ["b again"]);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_was_turned_away_with_a_full_queue_is_heard_when_it_tries_again() {
    let config = QueueConfig { backlog: 1, incoming: 4, ..QueueConfig::default() };
    let (server, mut clients) = server(config);
    let (mut a, _) = carrier(&server, A).await;
    a.send("a").await;
    tokio::time::sleep(Duration::from_millis(1)).await;
    let (mut b, _) = carrier(&server, B).await;
    // Four packets in one message: as many as the queue holds.
    b.send_raw(Bytes::from_static(b"\x81b\x81b\x81b\x81b")).await;
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(clients.accept().await.unwrap().0, A);
    b.send("b again").await;
    let accepted = tokio::time::timeout(Duration::from_secs(1), clients.accept()).await;
    let (second, mut conn) = accepted.expect("at once").unwrap();
    assert_eq!(second, B);
    assert_eq!(recv(&mut conn).await, ["b again"]);
}

#[tokio::test(start_paused = true)]
async fn a_carrier_without_a_preamble_is_given_up_after_the_limit() {
    let (mut near, far) = pair();
    let mut peer = Peer::new(far);
    peer.send_raw(Bytes::from_static(&[0x12, 0x93])).await;
    let started = tokio::time::Instant::now();
    let refused = read_preamble(&mut near, LIMIT).await;
    assert!(matches!(refused, Err(PreambleError::Timeout(LIMIT))));
    assert_eq!(started.elapsed(), LIMIT);
}

#[tokio::test(start_paused = true)]
async fn a_silent_carrier_is_closed_after_ninety_seconds() {
    let (server, _clients) = server(QueueConfig::default());
    let (mut peer, served) = carrier(&server, A).await;
    assert!(matches!(served.await.unwrap(), CarrierEnd::Silent(_)));
    assert_eq!(peer.recv().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_nobody_reads_is_not_read_either() {
    let (server, mut clients) = server(QueueConfig { incoming: 4, ..QueueConfig::default() });
    let (mut peer, _) = carrier(&server, A).await;
    peer.send("0").await;
    let (_, mut conn) = clients.accept().await.unwrap();
    let flood = tokio::spawn(async move {
        for _ in 0..200 {
            peer.send(&"x".repeat(1400)).await;
        }
        peer
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!flood.is_finished(), "the carrier pushes back");
    let mut total = 0;
    while total < 201 {
        let batch = recv(&mut conn).await.len();
        assert!(batch <= 4, "{batch}");
        total += batch;
    }
    flood.await.unwrap();
    assert!(poll_fn(|cx| conn.poll_room(cx)).await.unwrap() > 0);
}

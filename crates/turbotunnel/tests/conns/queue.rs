//! The server's packet conn: who gets which packet, and what happens at each bound.

use crate::pipe::{Peer, Session, pair};
use bytes::Bytes;
use snowflake_turbotunnel::{
    CarrierEnd, CarrierId, ClientConn, ClientId, Clients, Event, PacketConn, PreambleError,
    QueueConfig, QueuePacketConn, read_preamble,
};
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

/// The next client, whose session has begun.
async fn accept(clients: &mut Clients) -> (ClientId, Session<ClientConn>) {
    let (id, conn) = clients.accept().await.expect("a client");
    assert_eq!(conn.client(), id);
    (id, Session::new(conn))
}

/// The packet of a session that has just begun, and the carrier that it came over, the only one.
async fn first_packet(session: &mut Session<ClientConn>) -> (CarrierId, Bytes) {
    let carrier = session.opened().await;
    (carrier, session.recv(carrier).await)
}

#[tokio::test(start_paused = true)]
async fn each_client_gets_its_own_packets_and_no_others() {
    let (server, mut clients) = server(QueueConfig::default());
    let (mut a, _) = carrier(&server, A).await;
    let (mut b, _) = carrier(&server, B).await;
    a.send("from a").await;
    let (id_a, mut session_a) = accept(&mut clients).await;
    b.send("from b").await;
    let (id_b, mut session_b) = accept(&mut clients).await;
    assert_eq!((id_a, id_b), (A, B));
    let (carrier_a, packet) = first_packet(&mut session_a).await;
    assert_eq!(packet, "from a");
    let (carrier_b, packet) = first_packet(&mut session_b).await;
    assert_eq!(packet, "from b");
    session_b.send(carrier_b, "to b");
    session_a.send(carrier_a, "to a");
    assert_eq!(a.recv().await.unwrap(), "to a");
    assert_eq!(b.recv().await.unwrap(), "to b");
    assert!(session_a.is_quiet().await && session_b.is_quiet().await);
}

#[tokio::test(start_paused = true)]
async fn every_websocket_of_a_client_is_a_carrier_of_its_session() {
    let (server, mut clients) = server(QueueConfig::default());
    let (mut one, _) = carrier(&server, A).await;
    one.send("one").await;
    let (_, mut session) = accept(&mut clients).await;
    let (first, _) = first_packet(&mut session).await;
    let (mut two, served) = carrier(&server, A).await;
    let second = session.opened().await;
    two.send("two").await;
    assert_eq!(session.recv(second).await, "two");
    one.send("one again").await;
    assert_eq!(session.recv(first).await, "one again");
    session.send(first, "to one");
    session.send(second, "to two");
    assert_eq!(one.recv().await.unwrap(), "to one");
    assert_eq!(two.recv().await.unwrap(), "to two");
    drop(two);
    assert!(matches!(served.await.unwrap(), CarrierEnd::ClosedByPeer));
    assert_eq!(session.ended().await, second);
    session.send(first, "still there");
    assert_eq!(one.recv().await.unwrap(), "still there");
}

#[tokio::test(start_paused = true)]
async fn an_address_is_that_of_a_carrier_which_the_session_believes_and_goes_with_its_client() {
    let (server, mut clients) = server(QueueConfig::default());
    let (near, far) = pair();
    let mut peer = Peer::new(far);
    let address = Some([192, 0, 2, 1].into());
    let serving = server.serve_at(A, address, near, Bytes::from_static(b"\x85hello"));
    let looking = async {
        let (_, mut session) = accept(&mut clients).await;
        let (first, _) = first_packet(&mut session).await;
        assert_eq!(server.address_of(A), None);
        session.conn.set_proven(first, true);
        assert_eq!((server.address_of(A), server.address_of(B)), (address, None));
        session.send(first, "believed");
        assert_eq!(peer.recv().await.unwrap(), "believed");
        drop(peer);
        session
    };
    let (_, session) = tokio::join!(serving, looking);
    assert_eq!(server.address_of(A), address, "the session waits for another carrier");
    drop(session);
    assert_eq!(server.address_of(A), None);
}

#[tokio::test(start_paused = true)]
async fn a_session_waits_for_carriers() {
    let (server, mut clients) = server(QueueConfig::default());
    let (mut peer, served) = carrier(&server, A).await;
    peer.send("hello").await;
    let (_, mut session) = accept(&mut clients).await;
    let (first, _) = first_packet(&mut session).await;
    drop(peer);
    served.await.unwrap();
    assert_eq!(session.ended().await, first);
    let accepting = tokio::spawn(async move { clients.accept().await.map(|(id, _)| id) });
    tokio::time::sleep(Duration::from_secs(1000)).await;
    let (mut peer, _) = carrier(&server, A).await;
    let second = session.opened().await;
    session.send(second, "fresh");
    assert_eq!(peer.recv().await.unwrap(), "fresh");
    assert!(!accepting.is_finished(), "the session is the same one");
}

#[tokio::test(start_paused = true)]
async fn a_new_session_begins_when_the_old_one_is_over_and_knows_all_carriers() {
    let (server, mut clients) = server(QueueConfig::default());
    let (mut peer, _) = carrier(&server, A).await;
    let (_idle, _) = carrier(&server, A).await;
    tokio::task::yield_now().await;
    for text in ["first", "second"] {
        peer.send(text).await;
        let (id, mut session) = accept(&mut clients).await;
        assert_eq!(id, A);
        let carriers = [session.opened().await, session.opened().await];
        assert_eq!(session.recv(carriers[0]).await, text);
    }
}

#[tokio::test(start_paused = true)]
async fn one_carrier_too_many_displaces_the_oldest() {
    let (server, mut clients) = server(QueueConfig { carriers: 2, ..QueueConfig::default() });
    let (mut oldest, displaced) = carrier(&server, A).await;
    oldest.send("hello").await;
    let (_, mut session) = accept(&mut clients).await;
    let (first, _) = first_packet(&mut session).await;
    let mut newer = Vec::new();
    for _ in 0..2 {
        newer.push(carrier(&server, A).await);
        assert!(session.opened().await > first);
    }
    assert!(matches!(displaced.await.unwrap(), CarrierEnd::Displaced));
    assert_eq!(session.ended().await, first);
    assert!(newer.iter().all(|(_, served)| !served.is_finished()));
}

/// A carrier whose peer has stopped reading, with as much written to it as it takes.
async fn stalled(
    server: &QueuePacketConn,
    clients: &mut Clients,
) -> (Peer, JoinHandle<CarrierEnd>, Session<ClientConn>, CarrierId) {
    let (mut peer, served) = carrier(server, A).await;
    peer.send("hello").await;
    let (_, mut session) = accept(clients).await;
    let (first, _) = first_packet(&mut session).await;
    session.fill(first).await;
    (peer, served, session, first)
}

#[tokio::test(start_paused = true)]
async fn a_carrier_that_takes_nothing_is_displaced_like_any_other() {
    let (server, mut clients) = server(QueueConfig { carriers: 1, ..QueueConfig::default() });
    let (_peer, served, _session, _) = stalled(&server, &mut clients).await;
    let started = tokio::time::Instant::now();
    let (_newer, _) = carrier(&server, A).await;
    assert!(matches!(served.await.unwrap(), CarrierEnd::Displaced));
    assert!(started.elapsed() <= Duration::from_secs(2), "{:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_carrier_that_takes_nothing_holds_no_other_up() {
    let (server, mut clients) = server(QueueConfig::default());
    let (mut stalled_peer, served, mut session, first) = stalled(&server, &mut clients).await;
    let (mut peer, _) = carrier(&server, A).await;
    let second = session.opened().await;
    session.send(second, "past it");
    assert_eq!(peer.recv().await.unwrap(), "past it");
    let started = tokio::time::Instant::now();
    stalled_peer.send_raw(Bytes::from_static(&[0xc0, 0x80, 0x80])).await;
    assert_eq!(session.ended().await, first);
    assert!(started.elapsed() < Duration::from_millis(100), "nobody waits until it is closed");
    assert!(matches!(served.await.unwrap(), CarrierEnd::Misframed(_)));
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
    let (first, _session) = accept(&mut clients).await;
    assert_eq!(first, A);
    b.send("b again").await;
    let (second, mut session) = accept(&mut clients).await;
    assert_eq!(second, B);
    assert_eq!(first_packet(&mut session).await.1, "b again");
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
    let accepted = tokio::time::timeout(Duration::from_secs(1), accept(&mut clients)).await;
    let (second, mut session) = accepted.expect("at once");
    assert_eq!(second, B);
    assert_eq!(first_packet(&mut session).await.1, "b again");
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
async fn a_session_that_nobody_reads_stops_its_own_carriers_and_no_others() {
    let (server, mut clients) = server(QueueConfig { incoming: 4, ..QueueConfig::default() });
    let (mut peer, _) = carrier(&server, A).await;
    peer.send("0").await;
    let (_, mut session) = accept(&mut clients).await;
    first_packet(&mut session).await;
    let flood = tokio::spawn(async move {
        for _ in 0..200 {
            peer.send(&"x".repeat(1400)).await;
        }
        peer
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!flood.is_finished(), "the carrier pushes back");
    let (mut other, _) = carrier(&server, B).await;
    other.send("unharmed").await;
    let (_, mut other_session) = accept(&mut clients).await;
    assert_eq!(first_packet(&mut other_session).await.1, "unharmed");
    let mut total = 0;
    while total < 200 {
        let batch = session.batch().await.unwrap();
        assert!(batch.iter().all(|event| matches!(event, Event::Packet(..))));
        assert!(batch.len() <= 4, "{}", batch.len());
        total += batch.len();
    }
    flood.await.unwrap();
}

//! Several carriers at once, each of its own: what becomes of one is nothing to the others.

use crate::dialer::Fate::Opens;
use crate::dialer::{AT_ONCE, secs, setup};
use crate::pipe::Peer;
use bytes::Bytes;
use snowflake_turbotunnel::{CarrierId, Event, PacketConn};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::Barrier;
use tokio::time::{Instant, sleep};

#[tokio::test(start_paused = true)]
async fn several_carriers_are_dialed_and_used_at_once() {
    let mut setup = setup(&[AT_ONCE]);
    let started = Instant::now();
    setup.want(3);
    let mut carriers = Vec::new();
    for _ in 0..3 {
        carriers.push(setup.next().await);
    }
    assert!(started.elapsed() < secs(0.2), "as one takes: {:?}", started.elapsed());
    for (carrier, peer) in &mut carriers {
        setup.session.conn.send(*carrier, &mut vec![Bytes::from(format!("{carrier:?}"))]);
        assert_eq!(peer.recv().await.unwrap(), format!("{carrier:?}"), "each over its own");
    }
    for (carrier, peer) in carriers.iter_mut().rev() {
        peer.send("down").await;
        assert_eq!(setup.session.recv(*carrier).await, "down");
    }
    sleep(secs(30.0)).await;
    assert_eq!(setup.begun(), 3);
    assert_eq!(setup.log.most_under_way.load(Ordering::Relaxed), 3);
}

#[tokio::test(start_paused = true)]
async fn when_one_dies_the_others_go_on_and_it_is_replaced_at_once() {
    let mut setup = setup(&[AT_ONCE]);
    setup.want(2);
    let ((first, mut dying), (second, mut other)) = (setup.next().await, setup.next().await);
    dying.send("alive").await;
    setup.session.recv(first).await;
    let died = Instant::now();
    drop(dying);
    assert_eq!(setup.session.ended().await, first);
    assert_eq!(setup.ends.recv().await.unwrap(), "the peer closed the carrier");
    setup.want(1);
    setup.session.send(second, "meanwhile");
    assert_eq!(other.recv().await.unwrap(), "meanwhile");
    let (third, mut peer) = setup.next().await;
    assert!(third > second);
    assert!(died.elapsed() < secs(0.2), "{:?}", died.elapsed());
    setup.session.send(third, "on");
    assert_eq!(peer.recv().await.unwrap(), "on");
}

#[tokio::test(start_paused = true)]
async fn a_carrier_that_the_session_closes_ends_and_takes_nothing_with_it() {
    let mut setup = setup(&[AT_ONCE]);
    setup.want(2);
    let ((first, mut peer), (second, mut other)) = (setup.next().await, setup.next().await);
    // Even if it takes nothing any more, because its peer has stopped reading.
    setup.session.fill(first).await;
    let closed = Instant::now();
    setup.session.conn.close(first);
    assert_eq!(setup.session.ended().await, first);
    assert_eq!(closed.elapsed(), Duration::ZERO);
    assert_eq!(setup.ends.recv().await.unwrap(), "the session has given the carrier up");
    while peer.recv().await.is_some() {}
    setup.session.send(second, "unharmed");
    assert_eq!(other.recv().await.unwrap(), "unharmed");
}

#[tokio::test(start_paused = true)]
async fn one_slow_session_stops_its_carriers_and_nobody_elses() {
    let (mut slow, mut other) = (setup(&[AT_ONCE]), setup(&[AT_ONCE]));
    slow.want(2);
    other.want(1);
    let peers = [slow.next().await.1, slow.next().await.1];
    let floods = peers.map(|mut peer| {
        tokio::spawn(async move {
            for _ in 0..1000 {
                peer.send(&"x".repeat(1000)).await;
            }
            peer
        })
    });
    sleep(secs(1.0)).await;
    assert!(floods.iter().all(|flood| !flood.is_finished()), "both carriers push back");
    let (carrier, mut peer) = other.next().await;
    peer.send("unharmed").await;
    assert_eq!(other.session.recv(carrier).await, "unharmed");
    let mut total = 0;
    while total < 2000 {
        let batch = slow.session.batch().await.unwrap();
        assert!(batch.len() <= 512, "{}", batch.len());
        total += batch.iter().filter(|event| matches!(event, Event::Packet(..))).count();
    }
    for flood in floods {
        flood.await.unwrap();
    }
}

/// On several threads at once: each session hears what its own peers say, and of every carrier in order.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_packet_of_another_client_ever_comes() {
    let all_done = Arc::new(Barrier::new(8));
    let clients: Vec<_> =
        (0..8).map(|client| tokio::spawn(chat(client, all_done.clone()))).collect();
    for client in clients {
        client.await.unwrap();
    }
}

/// One client whose three peers speak at the same time.
async fn chat(client: u32, all_done: Arc<Barrier>) {
    let mut setup = setup(&[Opens(Duration::ZERO)]);
    setup.want(3);
    let mut carriers = Vec::new();
    for _ in 0..3 {
        carriers.push(setup.next().await);
    }
    let speak = |(carrier, mut peer): (CarrierId, Peer)| {
        tokio::spawn(async move {
            for n in 0..200 {
                peer.send(&format!("{client}: {carrier:?}: {n}")).await;
            }
            peer
        })
    };
    let peers: Vec<_> = carriers.into_iter().map(speak).collect();
    let mut counts = BTreeMap::<CarrierId, usize>::new();
    for _ in 0..600 {
        let (carrier, packet) = setup.session.packet().await;
        let count = counts.entry(carrier).or_default();
        assert_eq!(packet, format!("{client}: {carrier:?}: {count}"));
        *count += 1;
    }
    all_done.wait().await;
    drop(peers);
}

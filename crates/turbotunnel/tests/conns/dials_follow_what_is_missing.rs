//! The client dials for what the session says is missing, and for no more.

use crate::dialer::Fate::Opens;
use crate::dialer::{AT_ONCE, secs, setup};
use bytes::Bytes;
use snowflake_turbotunnel::{CarrierId, Event, PacketConn};
use std::future::poll_fn;
use std::time::Duration;
use tokio::time::sleep;

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test(start_paused = true)]
async fn nothing_is_dialed_until_something_is_missing() {
    let mut setup = setup(&[AT_ONCE]);
    sleep(HOUR).await;
    assert_eq!(setup.begun(), 0);
    setup.want(1);
    setup.next().await;
}

#[tokio::test(start_paused = true)]
async fn dials_are_cancelled_when_nothing_is_missing_any_more() {
    let mut setup = setup(&[Opens(secs(10.0))]);
    setup.want(1);
    sleep(secs(2.0)).await;
    assert_eq!(setup.under_way(), 2);
    setup.want(0);
    tokio::task::yield_now().await;
    sleep(secs(0.001)).await;
    assert_eq!(setup.under_way(), 0);
    sleep(HOUR).await;
    assert_eq!(setup.begun(), 2);
    assert!(setup.session.is_quiet().await);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_never_takes_its_events_is_not_drowned_in_carriers() {
    let mut setup = setup(&[Opens(Duration::ZERO)]);
    setup.want(2);
    let mut peers = Vec::new();
    for _ in 0..2 {
        peers.push(setup.peers.recv().await.unwrap());
    }
    sleep(secs(20.0)).await;
    assert_eq!(setup.begun(), 2, "they are there, though it does not know");
    setup.want(3);
    setup.want(2);
    sleep(secs(20.0)).await;
    assert_eq!(setup.begun(), 2, "it says the same, and still does not know");
}

#[tokio::test(start_paused = true)]
async fn what_is_missing_holds_until_it_is_said_again() {
    let mut setup = setup(&[AT_ONCE]);
    let conn = &mut setup.session.conn;
    conn.set_missing(1);
    let mut take = async || {
        let mut events = Vec::new();
        poll_fn(|cx| conn.poll_recv(cx, &mut events)).await.unwrap();
        events
    };
    // One opens and ends before the session looks, after which one is missing as before.
    let mut peer = setup.peers.recv().await.unwrap();
    peer.send("only").await;
    drop(peer);
    sleep(secs(0.5)).await;
    let (first, only) = (CarrierId::new(0), Bytes::from_static(b"only"));
    let mut expected = vec![Event::Opened(first), Event::Packet(first, only), Event::Ended(first)];
    expected.push(Event::Opened(CarrierId::new(1)));
    assert_eq!(take().await, expected);
    // The session has taken it and comes back without a word: one is missing beside it, too.
    assert_eq!(take().await, [Event::Opened(CarrierId::new(2))]);
}

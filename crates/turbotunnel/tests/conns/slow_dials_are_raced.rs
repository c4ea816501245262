//! A dial that takes long gets another beside it, and the first to open wins.

use crate::dialer::Fate::{Fails, Opens};
use crate::dialer::{AT_ONCE, secs, setup};
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::{Instant, sleep};

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test(start_paused = true)]
async fn a_slow_dial_is_raced_by_a_second_and_the_first_to_open_wins() {
    let mut setup = setup(&[Opens(secs(30.0)), AT_ONCE]);
    let started = Instant::now();
    setup.want(1);
    let (carrier, mut peer) = setup.next().await;
    assert_eq!(started.elapsed(), secs(1.6));
    peer.send("won").await;
    assert_eq!(setup.session.recv(carrier).await, "won");
    assert_eq!(setup.under_way(), 0, "the loser is cancelled");
    sleep(secs(50.0)).await;
    assert_eq!(setup.begun(), 2);
    assert!(setup.session.is_quiet().await);
}

#[tokio::test(start_paused = true)]
async fn the_loser_is_welcome_if_another_carrier_is_missing() {
    let mut setup = setup(&[Opens(secs(2.0)), Opens(secs(2.5)), AT_ONCE, Opens(secs(60.0))]);
    let started = Instant::now();
    setup.want(2);
    let _winner = setup.next().await;
    assert_eq!(started.elapsed(), secs(1.6), "the third");
    let _loser = setup.next().await;
    assert_eq!(started.elapsed(), secs(2.0), "the first");
    sleep(secs(1.0)).await;
    assert_eq!(setup.under_way(), 0);
}

#[tokio::test(start_paused = true)]
async fn one_of_two_that_are_missing_does_not_wait_for_the_other() {
    let mut setup = setup(&[Opens(secs(30.0)), AT_ONCE, Opens(secs(60.0))]);
    let started = Instant::now();
    setup.want(2);
    setup.next().await;
    assert_eq!(started.elapsed(), secs(0.1));
}

#[tokio::test(start_paused = true)]
async fn both_of_a_race_open_at_the_same_time_and_one_is_closed() {
    let mut setup = setup(&[Opens(secs(2.0)), Opens(secs(0.5))]);
    setup.want(1);
    let (carrier, mut winner) = setup.next().await;
    // Unless it was cancelled before it was open, the other has been opened for nothing.
    if let Ok(mut loser) = setup.peers.try_recv() {
        loser.greeting().await;
        assert_eq!(loser.recv().await, None, "it is closed");
    }
    winner.send("won").await;
    assert_eq!(setup.session.recv(carrier).await, "won");
    assert!(setup.session.is_quiet().await);
    assert!(setup.ends.try_recv().is_err(), "it was never used, so nobody hears of its end");
}

#[tokio::test(start_paused = true)]
async fn never_more_than_three_dials_are_under_way() {
    let mut setup = setup(&[Fails(secs(40.0))]);
    setup.want(5);
    sleep(HOUR).await;
    assert_eq!(setup.log.most_under_way.load(Ordering::Relaxed), 3);
}

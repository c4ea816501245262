//! Failures are followed by pauses, so that the broker bears every client there is.

use crate::dialer::Fate::{Fails, Opens};
use crate::dialer::{AT_ONCE, secs, setup};
use snowflake_turbotunnel::PacketConn;
use std::time::Duration;
use tokio::time::{Instant, sleep};

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test(start_paused = true)]
async fn failed_dials_are_repeated_with_growing_pauses() {
    let mut fates = vec![Fails(Duration::ZERO); 6];
    fates.push(Opens(Duration::ZERO));
    let mut setup = setup(&fates);
    let started = Instant::now();
    setup.want(1);
    setup.next().await;
    let waited = started.elapsed().as_secs_f64();
    let pauses = 1.0 + 2.0 + 4.0 + 8.0 + 10.0 + 10.0;
    assert!((pauses * 0.8..=pauses * 1.2 + 0.1).contains(&waited), "{waited} s");
}

#[tokio::test(start_paused = true)]
async fn a_carrier_that_brings_nothing_is_no_reason_to_dial_at_once() {
    let mut setup = setup(&[Opens(Duration::ZERO)]);
    let started = Instant::now();
    for _ in 0..5 {
        setup.want(1);
        drop(setup.next().await);
        setup.session.ended().await;
    }
    let waited = started.elapsed().as_secs_f64();
    let pauses = 1.0 + 2.0 + 4.0 + 8.0;
    assert!((pauses * 0.8..=pauses * 1.2 + 0.1).contains(&waited), "{waited} s");
}

#[tokio::test(start_paused = true)]
async fn a_carrier_that_brings_something_ends_the_pauses_even_if_it_is_closed_later() {
    let fates =
        [Fails(Duration::ZERO); 4].into_iter().chain([AT_ONCE, Fails(Duration::ZERO), AT_ONCE]);
    let mut setup = setup(&fates.collect::<Vec<_>>());
    setup.want(1);
    let (carrier, mut peer) = setup.next().await;
    peer.send("something").await;
    setup.session.recv(carrier).await;
    setup.session.conn.close(carrier);
    assert_eq!(setup.session.ended().await, carrier);
    let ended = Instant::now();
    setup.want(1);
    let _next = setup.next().await;
    assert!(ended.elapsed() <= secs(1.3 + 0.1), "one short pause: {:?}", ended.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_hour_of_failures_costs_the_broker_hardly_more_than_gos_client_does() {
    // Go's client tries every 10 s.
    let bound = 360 * 13 / 10;
    for fails_after in [0.0, 1.0, 5.0, 12.0] {
        let mut setup = setup(&[Fails(secs(fails_after))]);
        setup.want(2);
        sleep(HOUR).await;
        let begun = setup.begun();
        assert!((270..=bound).contains(&begun), "{begun} dials that fail after {fails_after} s");
    }
}

#[tokio::test(start_paused = true)]
async fn an_hour_without_events_costs_one_poll() {
    let mut setup = setup(&[AT_ONCE]);
    setup.want(1);
    let (carrier, mut peer) = setup.next().await;
    for _ in 0..360 {
        sleep(secs(10.0)).await;
        peer.send("still here").await;
        setup.session.recv(carrier).await;
    }
    assert_eq!(setup.begun(), 1);
}

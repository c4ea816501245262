//! Carriers, dials and tasks go when they are of no use, and all of them with the conn.

use crate::dialer::Fate::Opens;
use crate::dialer::{AT_ONCE, secs, setup};
use snowflake_turbotunnel::CarrierId;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::time::{Instant, sleep};

#[tokio::test(start_paused = true)]
async fn a_carrier_of_which_nobody_hears_is_ended_at_last() {
    let mut setup = setup(&[AT_ONCE]);
    setup.want(1);
    let (carrier, _peer) = setup.next().await;
    let opened = Instant::now();
    assert_eq!(setup.session.ended().await, carrier);
    assert_eq!(opened.elapsed(), secs(60.0));
}

#[tokio::test(start_paused = true)]
async fn two_hundred_carriers_in_a_row_leave_nothing_behind() {
    let mut setup = setup(&[AT_ONCE]);
    let mut tasks = None;
    for number in 0..200 {
        setup.want(1);
        let (carrier, mut peer) = setup.next().await;
        assert_eq!(carrier, CarrierId::new(number));
        setup.session.send(carrier, "up");
        assert_eq!(peer.recv().await.unwrap(), "up");
        peer.send("down").await;
        assert_eq!(setup.session.recv(carrier).await, "down");
        drop(peer);
        assert_eq!(setup.session.ended().await, carrier);
        sleep(secs(1.5)).await;
        let alive = tokio::runtime::Handle::current().metrics().num_alive_tasks();
        assert_eq!(alive, *tasks.get_or_insert(alive), "tasks after {number} carriers");
        assert_eq!(setup.under_way(), 0);
    }
    assert_eq!(tasks, Some(1), "the manager");
    let (log, session) = (setup.log, setup.session);
    drop(session);
    tokio::task::yield_now().await;
    assert_eq!(Arc::strong_count(&log), 1, "the dialer is gone");
    assert_eq!(tokio::runtime::Handle::current().metrics().num_alive_tasks(), 0);
}

#[tokio::test(start_paused = true)]
async fn dropping_the_conn_ends_its_carriers_and_its_dials() {
    let mut setup = setup(&[AT_ONCE, Opens(secs(30.0))]);
    setup.want(2);
    let (_, mut peer) = setup.next().await;
    sleep(secs(1.0)).await;
    assert!(setup.under_way() > 0);
    drop(setup.session);
    assert_eq!(peer.recv().await, None);
    sleep(secs(0.1)).await;
    assert_eq!(setup.log.under_way.load(Ordering::Relaxed), 0);
    assert_eq!(Arc::strong_count(&setup.log), 1);
    assert_eq!(tokio::runtime::Handle::current().metrics().num_alive_tasks(), 0);
}

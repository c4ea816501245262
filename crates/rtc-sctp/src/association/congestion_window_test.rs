//! How many bytes may be under way: to begin with, after a loss, and after a pause.

use super::recovery_fixture::*;
use super::*;

#[test]
fn ten_packets_may_leave_at_first() -> Result<()> {
    let (mut a, now) = (timed_test_association(), Instant::now());
    let ppi = PayloadProtocolIdentifier::Binary;
    let packet = Bytes::from(vec![7; a.max_payload_size as usize]);
    let mut stream = a.open_stream(1, ppi)?;
    for _ in 0..20 {
        stream.write_sctp(now, &packet, ppi)?;
    }
    assert_eq!(transmit(&mut a, now).len(), 10);
    Ok(())
}

/// What is known of a path that delivers a megabyte a second, with a round trip of 100 ms.
fn delivery() -> Delivery {
    let (mut delivery, mut now) = (Delivery::default(), Instant::now());
    for _ in 0..200 {
        now += Duration::from_millis(10);
        delivery.measured(now, Duration::from_millis(100));
        delivery.delivered(now, 10_000);
    }
    delivery
}

#[test]
fn congestion_leaves_what_the_path_delivers_but_half_of_the_window_at_the_least() {
    let (delivery, mtu) = (delivery(), 1_200);
    let pipe = delivery.pipe();
    assert!((125_000..=145_000).contains(&pipe), "{pipe}");
    assert_eq!(reduced(200_000, &delivery, mtu), pipe);
    assert_eq!(reduced(400_000, &delivery, mtu), 200_000);
    assert_eq!(reduced(50_000, &delivery, mtu), 50_000);
    assert_eq!(reduced(2_000, &delivery, mtu), 4 * mtu);
    assert_eq!(reduced(400_000, &Delivery::default(), mtu), 200_000);
}

#[test]
fn a_loss_narrows_the_window_only_where_packets_wait() -> Result<()> {
    for (waits, is_narrowed) in [(0, false), (100, true)] {
        let now = Instant::now();
        let mut a = window(40, now)?;
        a.delivery.measured(now, ROUND_TRIP);
        let before = (a.cwnd, a.ssthresh);
        let at = now + ROUND_TRIP + Duration::from_millis(waits);
        let sent = report(&mut a, at, &[&[(2, 2)], &[(2, 3)], &[(2, 4)]])?;
        assert_eq!(sent[2], [1]);
        assert!(a.in_fast_recovery);
        let after = (a.cwnd, a.ssthresh);
        if is_narrowed {
            assert_eq!(after, (before.0 / 2, before.0 / 2));
        } else {
            assert_eq!(after, before);
        }
    }
    Ok(())
}

#[test]
fn credit_from_a_time_with_nothing_to_send_is_one_packet_at_the_most() -> Result<()> {
    let now = Instant::now();
    let mut a = window(10, now)?;
    (a.cwnd, a.ssthresh) = (10 * a.mtu, 4 * a.mtu);
    for _ in 0..20 {
        a.grow_window(a.cwnd.into());
    }
    assert_eq!(a.cwnd, 10 * a.mtu, "nothing waits to be sent");
    write(&mut a, 10, now)?;
    assert!(!a.pending_queue.is_empty());
    for _ in 0..3 {
        a.grow_window(1);
    }
    assert_eq!(a.cwnd, 11 * a.mtu);
    Ok(())
}

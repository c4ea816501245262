use super::*;

fn moment(now: u64) -> Moment {
    Moment { now, ts: now as u32, timeout: 200, carrier: 0 }
}

/// Sends what is due and returns it.
fn flush(sender: &mut Sender, now: u64, limit: u16) -> Vec<(u32, Cause)> {
    let mut sent = Vec::new();
    while let Some(due) = sender.next_due(now, limit) {
        sender.transmit(due, moment(now));
        sent.push((due.sn, due.cause));
    }
    sent
}

fn data(sender: &Sender, sn: u32) -> Vec<u8> {
    let (front, back) = sender.data(sn);
    [front, back].concat()
}

#[test]
fn writes_coalesce_until_they_are_sent() {
    let mut sender = Sender::new(0, 10);
    sender.push(b"abc");
    sender.push(b"defghijk");
    assert_eq!(flush(&mut sender, 0, 100), [(0, Cause::New), (1, Cause::New)]);
    assert_eq!(data(&sender, 0), b"abcdefghij");
    assert_eq!(data(&sender, 1), b"k");
    sender.push(b"l");
    assert_eq!(flush(&mut sender, 0, 100), [(2, Cause::New)]);
}

#[test]
fn the_ring_of_bytes_may_wrap_inside_a_segment() {
    let mut sender = Sender::new(0, 10);
    let mut stream = (0..=255u8).cycle();
    let mut expected = (0..=255u8).cycle();
    for round in 0..200 {
        let chunk: Vec<u8> = stream.by_ref().take(7 + round % 13).collect();
        sender.push(&chunk);
        let sent = flush(&mut sender, 0, 100);
        for (sn, _) in sent {
            let data = data(&sender, sn);
            assert!(data.iter().eq(expected.by_ref().take(data.len()).collect::<Vec<_>>().iter()));
        }
        let keep = sender.next().wrapping_sub(2);
        sender.advance(keep, 0);
    }
}

#[test]
fn the_window_limits_what_is_in_flight_and_what_may_be_written() {
    let mut sender = Sender::new(0, 10);
    assert_eq!(sender.room(3), 30);
    sender.push(&[0; 25]);
    assert_eq!(sender.room(3), 5);
    assert_eq!(flush(&mut sender, 0, 2).len(), 2);
    assert_eq!((sender.in_flight(), sender.queued(), sender.room(3)), (2, 5, 5));
    assert_eq!(sender.room(1), 0);
    sender.advance(1, 0);
    assert_eq!(flush(&mut sender, 0, 2).len(), 1);
}

#[test]
fn each_expiry_adds_the_current_timeout() {
    let mut sender = Sender::new(0, 10);
    sender.push(&[0]);
    flush(&mut sender, 0, 100);
    let mut now = 0;
    let waits: Vec<u64> = (0..4)
        .map(|_| {
            let wait = sender.deadline(now).unwrap() - now;
            assert_eq!(flush(&mut sender, now + wait - 1, 100), []);
            now += wait;
            assert_eq!(flush(&mut sender, now, 100), [(0, Cause::Timeout)]);
            wait
        })
        .collect();
    assert_eq!(waits, [200, 400, 600, 800]);
}

#[test]
fn news_postpones_timeouts_and_old_news_does_not() {
    let mut sender = Sender::new(0, 10);
    sender.push(&[0; 20]);
    flush(&mut sender, 0, 100);
    sender.acknowledge(0, 0, 150);
    sender.postpone_timeouts(350);
    assert_eq!(sender.deadline(150), Some(350));
    sender.acknowledge(0, 0, 300);
    sender.postpone_timeouts(500);
    assert_eq!(flush(&mut sender, 349, 100), []);
    assert_eq!(flush(&mut sender, 350, 100), [(1, Cause::Timeout)]);
}

#[test]
fn a_timeout_is_never_longer_than_a_minute() {
    let mut sender = Sender::new(0, 10);
    sender.push(&[0]);
    let mut now = 0;
    for _ in 0..1000 {
        flush(&mut sender, now, 100);
        let deadline = sender.deadline(now).unwrap();
        assert!(deadline - now <= 60_000);
        now = deadline;
    }
}

#[test]
fn an_expiry_counts_once_however_late_it_is_noticed() {
    let mut sender = Sender::new(0, 10);
    sender.push(&[0]);
    flush(&mut sender, 0, 100);
    assert_eq!(flush(&mut sender, 100_000, 100), [(0, Cause::Timeout)]);
    assert_eq!(sender.deadline(100_000), Some(100_400));
}

#[test]
fn skipped_segments_go_out_when_nothing_new_does() {
    let mut sender = Sender::new(0, 10);
    sender.push(&[0; 30]);
    flush(&mut sender, 0, 100);
    sender.begin_flush();
    sender.acknowledge(2, 0, 50);
    assert_eq!(flush(&mut sender, 50, 100), [(0, Cause::Skipped), (1, Cause::Skipped)]);
    // Sent again with a fresh timeout, and not skipped by the same acknowledgement again.
    assert_eq!(sender.deadline(50), Some(250));
    sender.acknowledge(2, 0, 60);
    assert_eq!(flush(&mut sender, 60, 100), []);
}

#[test]
fn skipped_segments_wait_for_a_flush_without_new_ones_but_one_interval_at_most() {
    let mut sender = Sender::new(0, 10);
    sender.push(&[0; 20]);
    flush(&mut sender, 0, 100);
    sender.begin_flush();
    sender.acknowledge(1, 0, 50);
    sender.push(&[0; 10]);
    assert_eq!(flush(&mut sender, 50, 100), [(2, Cause::New)]);
    assert_eq!(sender.deadline(50), Some(60));
    sender.push(&[0; 10]);
    assert_eq!(flush(&mut sender, 60, 100), [(0, Cause::Skipped), (3, Cause::New)]);
}

#[test]
fn an_echo_from_the_future_skips_nothing_that_was_sent_later() {
    let mut sender = Sender::new(0, 10);
    sender.push(&[0; 10]);
    flush(&mut sender, 0, 100);
    sender.push(&[0; 10]);
    flush(&mut sender, 5, 100);
    sender.begin_flush();
    sender.acknowledge(0, 1000, 50);
    assert_eq!(flush(&mut sender, 50, 100), []);
}

#[test]
fn a_given_up_flight_goes_out_at_once_and_in_order() {
    let mut sender = Sender::new(0, 10);
    sender.push(&[0; 40]);
    flush(&mut sender, 0, 100);
    sender.acknowledge(0, 0, 10);
    sender.resend(0, 20);
    let again = [1, 2, 3].map(|sn| (sn, Cause::Skipped));
    assert_eq!(flush(&mut sender, 20, 100), again);
    assert_eq!(sender.deadline(20), Some(220));
}

#[test]
fn sequence_numbers_wrap() {
    let mut sender = Sender::new(u32::MAX - 1, 10);
    sender.push(&[0; 40]);
    flush(&mut sender, 0, 100);
    assert_eq!((sender.una(), sender.next()), (u32::MAX - 1, 2));
    sender.begin_flush();
    sender.acknowledge(0, 0, 5);
    let skipped = [u32::MAX - 1, u32::MAX].map(|sn| (sn, Cause::Skipped));
    assert_eq!(flush(&mut sender, 5, 100), skipped);
    sender.advance(2, 0);
    assert_eq!((sender.in_flight(), sender.queued(), sender.deadline(5)), (0, 0, None));
}

#[test]
fn a_burst_gives_its_memory_back() {
    let mut sender = Sender::new(0, 1376);
    let mut transfer = |bytes, now| {
        sender.push(&vec![0; bytes]);
        flush(&mut sender, now, u16::MAX);
        sender.advance(sender.next(), now);
        sender.bytes.capacity()
    };
    let large = transfer(10 << 20, 0);
    for now in (0..5000).step_by(500) {
        assert_eq!(transfer(20, now), large, "it may be needed again");
        assert_eq!(transfer(8 << 20, now + 100), large, "and it is");
    }
    assert_eq!(transfer(20, 10_000), large, "a keep-alive");
    assert!(transfer(20, 20_000) <= 2 * KEEP_CAPACITY, "the next");
}

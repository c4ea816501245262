use std::time::Duration;

use bytes::BytesMut;
use snowflake_netsim::epoch;

use super::*;

mod carriers;
mod marked_peer;

const CONV: u32 = 0x0403_0201;

fn at(millis: u64) -> Instant {
    epoch() + Duration::from_millis(millis)
}

fn kcp() -> Kcp {
    Kcp::new(CONV, Config::default(), at(0))
}

fn packet(hex: &str) -> Bytes {
    hex::decode(hex.replace([' ', '\n'], "")).unwrap().into()
}

/// One more packet, in hex.
fn transmit(kcp: &mut Kcp, now: u64) -> Option<String> {
    let mut out = BytesMut::new();
    let len = kcp.poll_transmit(at(now), &mut out)?;
    assert_eq!(len, out.len());
    assert!(len <= usize::from(kcp.config.mtu));
    Some(hex::encode(out))
}

fn flush(kcp: &mut Kcp, now: u64) -> Vec<String> {
    std::iter::from_fn(|| transmit(kcp, now)).collect()
}

/// A segment without data, in hex.
fn control(command: u8, window: u16, ts: u32, sn: u32, una: u32) -> String {
    segment(command, window, ts, sn, una, &[])
}

fn segment(command: u8, window: u16, ts: u32, sn: u32, una: u32, data: &[u8]) -> String {
    let mut bytes = CONV.to_le_bytes().to_vec();
    bytes.extend([command, 0]);
    bytes.extend(window.to_le_bytes());
    for field in [ts, sn, una, data.len() as u32] {
        bytes.extend(field.to_le_bytes());
    }
    bytes.extend(data);
    hex::encode(bytes)
}

fn feed(kcp: &mut Kcp, now: u64, hex: &str) {
    kcp.handle_packet(at(now), packet(hex)).unwrap();
}

/// A session whose peer has a window of 65535.
fn open() -> Kcp {
    let mut kcp = kcp();
    feed(&mut kcp, 0, &control(84, 65535, 0, 0, 0));
    kcp
}

// The session of a Go client and a Go server in which the client's stream says "hello" and the
// server's "re:hello", as recorded from kcp-go 5.6.1 and smux 1.5.16.
#[test]
fn a_session_has_the_bytes_that_go_sends() {
    let (mut client, mut server) = (kcp(), kcp());
    let carry = |from: &mut Kcp, to: &mut Kcp, now: u64, expected: &str| {
        let sent = transmit(from, now).unwrap();
        assert_eq!(sent, expected.replace(' ', ""));
        feed(to, now, &sent);
    };

    client.write(&packet("0200000003000000"));
    carry(
        &mut client,
        &mut server,
        0,
        "010203045100ffff000000000000000000000000080000000200000003000000",
    );
    assert_eq!(transmit(&mut server, 19), None);
    carry(&mut server, &mut client, 20, "010203045200feff00000000000000000100000000000000");
    assert!(server.read().is_some());

    client.write(&packet("020205000300000068656c6c6f"));
    carry(
        &mut client,
        &mut server,
        51,
        "010203045100ffff3300000001000000000000000d000000 020205000300000068656c6c6f",
    );
    assert!(server.read().is_some());
    server.write(&packet("02040800030000000500000000001000"));
    carry(
        &mut server,
        &mut client,
        51,
        "010203045200ffff33000000010000000200000000000000 \
         010203045100ffff33000000000000000200000010000000 02040800030000000500000000001000",
    );
    server.write(&packet("020208000300000072653a68656c6c6f"));
    let reply = transmit(&mut server, 51).unwrap();
    assert_eq!(
        reply,
        "010203045100ffff33000000010000000200000010000000020208000300000072653a68656c6c6f"
    );
    // The server's una moved the client's window: the acknowledgement leaves at once.
    carry(&mut client, &mut server, 51, "010203045200feff33000000000000000100000000000000");
    assert!(client.read().is_some());
    feed(&mut client, 51, &reply);
    assert!(client.read().is_some());
    client.write(&packet("02040800030000000800000000001000"));
    carry(
        &mut client,
        &mut server,
        51,
        "010203045200ffff33000000010000000200000000000000 \
         010203045100ffff33000000020000000200000010000000 02040800030000000800000000001000",
    );
    carry(&mut server, &mut client, 51, "010203045200feff33000000020000000300000000000000");
    assert!(client.is_quiet());
}

#[test]
fn three_thousand_and_eight_bytes_make_packets_of_1400_1400_and_280() {
    let mut kcp = kcp();
    assert_eq!(kcp.write(&[1; 3008]), 3008);
    let sizes: Vec<usize> = flush(&mut kcp, 0).iter().map(|hex| hex.len() / 2).collect();
    assert_eq!(sizes, [1400, 1400, 280]);
}

#[test]
fn bad_packets_are_named_and_the_session_lives() {
    let mut kcp = kcp();
    let mut bad = |hex: &str| kcp.handle_packet(at(0), packet(hex)).unwrap_err();
    assert_eq!(bad("0102"), PacketError::TooShort { len: 2 });
    assert_eq!(bad(""), PacketError::TooShort { len: 0 });
    assert_eq!(
        bad("090203045100ffff00000000000000000000000000000000"),
        PacketError::OtherConv { expected: CONV, found: 0x0403_0209 }
    );
    assert_eq!(bad(&control(85, 65535, 0, 0, 0)), PacketError::UnknownCommand(85));
    assert_eq!(
        bad("010203045100ffff000000000000000000000000050000006869"),
        PacketError::Truncated { announced: 5, left: 2 }
    );
    feed(&mut kcp, 0, &segment(81, 65535, 0, 0, 0, b"hello"));
    assert_eq!(kcp.read().unwrap(), "hello");
    assert_eq!(kcp.stats().packets_bad, 5);
}

#[test]
fn segments_before_a_bad_one_count() {
    let mut kcp = kcp();
    let hex = segment(81, 65535, 0, 0, 0, b"good") + &control(99, 0, 0, 0, 0);
    assert!(kcp.handle_packet(at(0), packet(&hex)).is_err());
    assert_eq!(kcp.read().unwrap(), "good");
    assert_eq!(kcp.stats().peer_window, 65535);
}

#[test]
fn an_idle_session_never_wakes() {
    let mut kcp = kcp();
    assert!(kcp.is_quiet());
    assert_eq!(kcp.poll_timeout(), None);
    kcp.write(b"x");
    assert!(!kcp.is_quiet());
    flush(&mut kcp, 0);
    assert_eq!(kcp.poll_timeout(), Some(at(200)));
    feed(&mut kcp, 30, &control(82, 65535, 0, 0, 1));
    assert!(kcp.is_quiet());
    assert_eq!(kcp.poll_timeout(), None);
}

#[test]
fn acknowledgements_wait_twenty_milliseconds_and_then_share_a_packet() {
    let mut kcp = kcp();
    feed(&mut kcp, 5, &segment(81, 65535, 1, 1, 0, b"b"));
    feed(&mut kcp, 8, &segment(81, 65535, 2, 2, 0, b"c"));
    assert_eq!(flush(&mut kcp, 8), [] as [&str; 0]);
    assert_eq!(kcp.poll_timeout(), Some(at(25)));
    kcp.handle_timeout(at(25));
    let expected = control(82, 65535, 1, 1, 0) + &control(82, 65535, 2, 2, 0);
    assert_eq!(flush(&mut kcp, 25), [expected]);
    assert_eq!(kcp.poll_timeout(), None);
}

#[test]
fn a_packet_full_of_acknowledgements_leaves_at_once() {
    let mut kcp = kcp();
    for sn in 1..=58 {
        assert_eq!(transmit(&mut kcp, 0), None);
        feed(&mut kcp, 0, &segment(81, 65535, 0, sn, 0, b"x"));
    }
    let packets = flush(&mut kcp, 0);
    assert_eq!(packets.len(), 1);
    assert_eq!(packets[0].len(), 2 * 58 * 24);
}

#[test]
fn duplicates_are_acknowledged_again() {
    let mut kcp = kcp();
    for now in [0, 100] {
        feed(&mut kcp, now, &segment(81, 65535, 7, 0, 0, b"x"));
        assert_eq!(flush(&mut kcp, now + 20), [control(82, 65534, 7, 0, 1)]);
    }
    assert_eq!(kcp.stats().duplicates_received, 1);
    assert_eq!(kcp.read().unwrap(), "x");
    assert_eq!(kcp.read(), None);
}

#[test]
fn what_is_too_far_ahead_is_not_acknowledged() {
    let mut kcp = kcp();
    feed(&mut kcp, 0, &segment(81, 65535, 0, 65535, 0, b"x"));
    assert!(kcp.is_quiet());
    assert_eq!(kcp.stats().segments_refused, 1);
    feed(&mut kcp, 0, &segment(81, 65535, 0, 65534, 0, b"x"));
    assert!(!kcp.is_quiet());
}

#[test]
fn before_the_peer_speaks_32_segments_may_be_written() {
    let mut kcp = kcp();
    assert_eq!(kcp.writable(), 32 * 1376);
    assert_eq!(kcp.write(&[0; 100_000]), 32 * 1376);
    assert_eq!(flush(&mut kcp, 0).len(), 32);
    assert_eq!(kcp.writable(), 0);
    feed(&mut kcp, 0, &control(82, 65535, 0, 0, 1));
    assert_eq!(kcp.writable(), 256 * 1024);
}

#[test]
fn what_waits_for_the_path_is_bounded_in_bytes() {
    let mut kcp = open();
    let data = vec![0; 1 << 20];
    assert_eq!(kcp.write(&data), 256 * 1024);
    assert_eq!(kcp.write(&data), 0);
    transmit(&mut kcp, 0).unwrap();
    assert_eq!(kcp.write(&data), 1376);
}

#[test]
fn a_full_path_costs_time_and_nothing_else() {
    let mut kcp = open();
    kcp.write(&[0; 5 * 1376]);
    flush(&mut kcp, 0);
    feed(&mut kcp, 1, &segment(81, 65535, 0, 0, 0, b"x"));
    // From here on the path takes nothing for a minute, while the driver keeps time.
    for now in (200..60_000).step_by(50) {
        kcp.handle_timeout(at(now));
        assert_eq!(kcp.poll_timeout(), None);
    }
    assert_eq!(kcp.stats().resent_timeout, 0);
    // Then one packet at a time: the acknowledgement, and each segment once.
    for _ in 0..5 {
        assert_eq!(kcp.poll_timeout(), None);
        assert!(transmit(&mut kcp, 60_000).is_some());
    }
    flush(&mut kcp, 60_000);
    assert_eq!((kcp.stats().resent_timeout, kcp.stats().acks_sent), (5, 1));
    assert_eq!(kcp.poll_timeout(), Some(at(60_400)));
}

#[test]
fn a_skipped_segment_is_repeated_before_its_timeout() {
    let mut kcp = open();
    kcp.write(&[1; 3 * 1376]);
    let sent = flush(&mut kcp, 0);
    feed(&mut kcp, 50, &control(82, 65535, 0, 2, 1));
    let again = flush(&mut kcp, 50);
    assert_eq!(again.len(), 1);
    // The same segment with a new clock value.
    assert_eq!(again[0][..16], sent[1][..16]);
    assert_eq!(again[0][16..24], *"32000000");
    assert_eq!(again[0][24..], sent[1][24..]);
    assert_eq!(kcp.stats().resent_skipped, 1);
}

#[test]
fn the_round_trip_is_measured_by_the_last_echo_of_a_packet() {
    let mut kcp = open();
    kcp.write(&[1; 1376]);
    flush(&mut kcp, 100);
    kcp.write(&[1; 1376]);
    flush(&mut kcp, 140);
    let hex = control(82, 65535, 100, 0, 1) + &control(82, 65535, 140, 1, 2);
    feed(&mut kcp, 200, &hex);
    assert_eq!(kcp.stats().srtt, Some(60));
    // An echo for what was acknowledged long ago measures nothing.
    feed(&mut kcp, 9000, &hex);
    assert_eq!(kcp.stats().srtt, Some(60));
}

#[test]
fn a_path_change_sends_everything_in_flight_again() {
    let mut kcp = open();
    kcp.write(&[1; 3 * 1376]);
    let sent = flush(&mut kcp, 0);
    assert_eq!(flush(&mut kcp, 10), [] as [&str; 0]);
    kcp.resend(at(10), 0);
    assert!(kcp.has_lost(0));
    assert_eq!(flush(&mut kcp, 10).len(), sent.len());
    assert_eq!(flush(&mut kcp, 10), [] as [&str; 0]);
}

#[test]
fn a_closed_window_is_questioned_while_data_waits() {
    let mut kcp = open();
    kcp.write(&[1; 5000]);
    feed(&mut kcp, 0, &control(84, 0, 0, 0, 0));
    assert_eq!(flush(&mut kcp, 0), [] as [&str; 0]);
    assert_eq!(kcp.writable(), 0);
    assert_eq!(kcp.poll_timeout(), Some(at(7000)));
    kcp.handle_timeout(at(7000));
    assert_eq!(flush(&mut kcp, 7000), ["010203045300ffff00000000000000000000000000000000"]);
    assert_eq!(kcp.poll_timeout(), Some(at(17_500)));
    feed(&mut kcp, 7100, &control(84, 2, 0, 0, 0));
    assert_eq!(flush(&mut kcp, 7100).len(), 2);
}

#[test]
fn a_window_that_closes_on_an_empty_queue_is_questioned_too() {
    let mut kcp = open();
    feed(&mut kcp, 0, &control(84, 0, 0, 0, 0));
    assert_eq!(kcp.poll_timeout(), None, "nobody wants to send");
    assert_eq!(kcp.write(&[1; 5000]), 1376, "one segment may wait");
    assert_eq!(kcp.writable(), 0);
    assert_eq!(flush(&mut kcp, 0), [] as [&str; 0]);
    // The announcement that it has opened is lost.
    kcp.handle_timeout(at(7000));
    assert_eq!(flush(&mut kcp, 7000), ["010203045300ffff00000000000000000000000000000000"]);
    feed(&mut kcp, 7100, &control(84, 2, 0, 0, 0));
    assert_eq!(flush(&mut kcp, 7100).len(), 1);
}

#[test]
fn a_question_is_answered_at_once() {
    let mut kcp = kcp();
    feed(&mut kcp, 0, "010203045300ffff00000000000000000000000000000000");
    assert_eq!(flush(&mut kcp, 0), ["010203045400ffff00000000000000000000000000000000"]);
}

#[test]
fn a_reopened_window_is_announced_unasked() {
    let config = Config { receive_window: 2, ..Config::default() };
    let mut kcp = Kcp::new(CONV, config, at(0));
    for sn in 0..3 {
        feed(&mut kcp, 0, &segment(81, 65535, 0, sn, 0, b"x"));
    }
    assert!(flush(&mut kcp, 20)[0].ends_with(&control(82, 0, 0, 2, 2)));
    kcp.read().unwrap();
    // The third one moved up: still closed.
    assert_eq!(kcp.poll_timeout(), None);
    kcp.read().unwrap();
    assert_eq!(kcp.poll_timeout(), Some(at(30)));
    kcp.read().unwrap();
    assert_eq!(flush(&mut kcp, 30), [control(84, 2, 0, 0, 3)]);
    assert_eq!(kcp.poll_timeout(), None);
}

#[test]
fn an_overtaken_packet_does_not_set_the_window() {
    let mut kcp = open();
    kcp.write(b"x");
    flush(&mut kcp, 0);
    feed(&mut kcp, 20, &control(82, 500, 0, 0, 1));
    feed(&mut kcp, 21, &control(84, 0, 0, 0, 0));
    assert_eq!(kcp.stats().peer_window, 500);
}

#[test]
fn twenty_transmissions_are_counted_and_end_nothing() {
    let mut kcp = open();
    kcp.write(b"x");
    let mut now = 0;
    for _ in 0..100 {
        assert_eq!(flush(&mut kcp, now).len(), 1);
        let wait = kcp.poll_timeout().unwrap() - at(now);
        now += wait.as_millis() as u64;
        kcp.handle_timeout(at(now));
    }
    assert_eq!(kcp.stats().stubborn, 1);
    feed(&mut kcp, now, &control(82, 65535, 0, 0, 1));
    assert!(kcp.is_quiet());
}

#[test]
fn a_small_segment_does_not_keep_a_large_packet() {
    let mut kcp = kcp();
    let mut bytes = packet(&segment(81, 65535, 0, 0, 0, b"small")).to_vec();
    bytes.resize(bytes.len() + 20, 0);
    let large = Bytes::from(bytes);
    kcp.handle_packet(at(0), large.clone()).unwrap();
    assert!(large.is_unique());
    let whole = packet(&segment(81, 65535, 0, 1, 0, &[1; 1376]));
    kcp.handle_packet(at(0), whole.clone()).unwrap();
    assert!(!whole.is_unique());
}

#[test]
fn sequence_numbers_and_clock_wrap_in_mid_transfer() {
    let clock = Clock::starting_at(at(0), u32::MAX - 120);
    let end = || Kcp::starting_at(CONV, Config::default(), clock, u32::MAX - 100);
    let (mut a, mut b) = (end(), end());
    let data: Vec<u8> = (0..1_000_000u32).map(|n| (n * 7 / 5) as u8).collect();
    let (mut written, mut received, mut now, mut count) = (0, Vec::new(), 0, 0);
    while received.len() < data.len() || !a.is_quiet() || !b.is_quiet() {
        written += a.write(&data[written..]);
        let there = flush(&mut a, now);
        now += 25;
        for hex in there {
            count += 1;
            if count % 20 != 0 {
                feed(&mut b, now, &hex);
            }
        }
        received.extend(std::iter::from_fn(|| b.read()).flatten());
        let back = flush(&mut b, now);
        now += 25;
        back.iter().for_each(|hex| feed(&mut a, now, hex));
        assert!(now < 60_000, "stalled at {} bytes", received.len());
    }
    assert!(received == data);
    assert!(a.send.next() < 10_000);
    assert!(a.clock.wire(now) < 60_000);
}

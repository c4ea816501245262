//! Nothing that arrives makes a session panic, grow without bound, or lose what is right.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use proptest::collection::vec;
use proptest::prelude::*;
use snowflake_kcp::{Config, Kcp};
use snowflake_netsim::epoch;

const CONV: u32 = 0x0403_0201;
const RECEIVE_LIMIT: usize = 64 * 1024;

fn config() -> Config {
    Config { receive_limit: RECEIVE_LIMIT, ..Config::default() }
}

fn segment(command: u8, window: u16, ts: u32, sn: u32, una: u32, data: &[u8]) -> Vec<u8> {
    let mut bytes = CONV.to_le_bytes().to_vec();
    bytes.extend([command, 0]);
    bytes.extend(window.to_le_bytes());
    for field in [ts, sn, una, data.len() as u32] {
        bytes.extend(field.to_le_bytes());
    }
    bytes.extend(data);
    bytes
}

/// Mostly small numbers, which mean something, and some from everywhere.
fn number() -> impl Strategy<Value = u32> {
    prop_oneof![4 => 0..100u32, 1 => 65_500..65_600u32, 1 => any::<u32>()]
}

fn any_segment() -> impl Strategy<Value = Vec<u8>> {
    let command = prop_oneof![9 => 81..=84u8, 1 => any::<u8>()];
    let window = prop_oneof![Just(0), Just(65535), any::<u16>()];
    (command, window, number(), number(), number(), vec(any::<u8>(), 0..40)).prop_map(
        |(command, window, ts, sn, una, data)| segment(command, window, ts, sn, una, &data),
    )
}

#[derive(Debug, Clone)]
enum Action {
    Packet(Vec<u8>),
    Write(usize),
    Wait(u64),
    Read,
    ReceiveWindow(u16),
    PathChange,
    Transmit(usize),
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        4 => vec(any_segment(), 1..6).prop_map(|segments| Action::Packet(segments.concat())),
        1 => vec(any::<u8>(), 0..100).prop_map(Action::Packet),
        2 => (0..20_000usize).prop_map(Action::Write),
        2 => (0..10_000u64).prop_map(Action::Wait),
        1 => Just(Action::Read),
        1 => any::<u16>().prop_map(Action::ReceiveWindow),
        1 => Just(Action::PathChange),
        3 => (0..100usize).prop_map(Action::Transmit),
    ]
}

proptest! {
    // Failing cases are printed; a file of them finds no place beside an integration test.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_of_events_leaves_a_session_in_order(actions in vec(action(), 1..60)) {
        let mut now = epoch();
        let mut kcp = Kcp::new(CONV, config(), now);
        let mut out = BytesMut::new();
        for action in actions {
            match action {
                Action::Packet(bytes) => drop(kcp.handle_packet(now, bytes.into())),
                Action::Write(len) => {
                    let writable = kcp.writable();
                    prop_assert_eq!(kcp.write(&vec![0; len]), len.min(writable));
                }
                Action::Wait(millis) => {
                    now += Duration::from_millis(millis);
                    kcp.handle_timeout(now);
                }
                Action::Read => while kcp.read().is_some() {},
                Action::ReceiveWindow(segments) => kcp.set_receive_window(segments),
                Action::PathChange => kcp.resend(now, 0),
                Action::Transmit(most) => {
                    for _ in 0..most {
                        out.clear();
                        let Some(len) = kcp.poll_transmit(now, &mut out) else { break };
                        prop_assert!(len == out.len() && (24..=1400).contains(&len));
                    }
                }
            }
            prop_assert!(kcp.held() <= RECEIVE_LIMIT + 1500);
            prop_assert!(kcp.queued() <= config().queue_limit);
            prop_assert!(kcp.in_flight() <= 65_535);
            prop_assert!(kcp.poll_timeout().is_none_or(|deadline| deadline > now));
        }
        // However it stands, sending comes to an end without time passing.
        for round in 0.. {
            out.clear();
            if kcp.poll_transmit(now, &mut out).is_none() { break }
            prop_assert!(round < 70_000);
        }
    }

    #[test]
    fn garbage_between_good_packets_changes_nothing(garbage in vec(vec(any::<u8>(), 0..200), 20)) {
        let mut kcp = Kcp::new(CONV, config(), epoch());
        let mut received = Vec::new();
        for (sn, garbage) in garbage.into_iter().enumerate() {
            prop_assume!(!garbage.starts_with(&CONV.to_le_bytes()));
            prop_assert!(kcp.handle_packet(epoch(), garbage.into()).is_err());
            let good = segment(81, 65535, 0, sn as u32, 0, &[sn as u8]);
            kcp.handle_packet(epoch(), good.into()).unwrap();
            received.extend(std::iter::from_fn(|| kcp.read()).flatten());
        }
        prop_assert_eq!(received, (0..20).collect::<Vec<u8>>());
    }
}

#[test]
fn a_flood_of_segments_ahead_is_bounded_and_unacknowledged() {
    let mut kcp = Kcp::new(CONV, Config::default(), epoch());
    let limit = Config::default().receive_limit;
    for sn in 1..60_000 {
        let flood = segment(81, 65535, 0, sn, 0, &[0; 1376]);
        kcp.handle_packet(epoch(), flood.into()).unwrap();
        assert!(kcp.held() <= limit + 1500);
    }
    let stats = kcp.stats();
    assert_eq!(stats.segments_received + stats.segments_refused, 59_999);
    assert!(stats.segments_refused > 50_000);
    // What was refused may come again, as soon as the gap is closed and the reader has read.
    kcp.handle_packet(epoch(), segment(81, 65535, 0, 0, 0, &[0; 1376]).into()).unwrap();
    while kcp.read().is_some() {}
    assert_eq!(kcp.held(), 0);
    let next = stats.segments_received as u32 + 1;
    kcp.handle_packet(epoch(), segment(81, 65535, 0, next, 0, b"again").into()).unwrap();
    assert_eq!(kcp.read().unwrap(), "again");
}

#[test]
fn empty_segments_are_bounded_too() {
    let mut kcp = Kcp::new(CONV, config(), epoch());
    for round in 0..3 {
        for sn in 1..65_000 {
            kcp.handle_packet(epoch(), segment(81, 65535, round, sn, 0, &[]).into()).unwrap();
        }
    }
    assert!(kcp.held() <= RECEIVE_LIMIT + 64);
}

#[test]
fn a_reader_that_never_reads_closes_the_window() {
    let mut kcp = Kcp::new(CONV, config(), epoch());
    for sn in 0..1000 {
        kcp.handle_packet(epoch(), segment(81, 65535, 0, sn, 0, &[0; 1000]).into()).unwrap();
    }
    let mut out = BytesMut::new();
    kcp.poll_transmit(epoch(), &mut out).unwrap();
    assert_eq!(out[6..8], [0, 0]);
    assert!(kcp.held() <= RECEIVE_LIMIT + 1500);
}

#[test]
fn one_acknowledgement_cannot_be_used_twice_to_have_data_repeated() {
    let mut kcp = Kcp::new(CONV, Config::default(), epoch());
    let ack: Bytes = segment(82, 65535, u32::MAX / 4, 31, 0, &[]).into();
    kcp.write(&[0; 32 * 1376]);
    let mut out = BytesMut::new();
    let mut flush =
        |kcp: &mut Kcp| std::iter::from_fn(|| kcp.poll_transmit(epoch(), &mut out)).count();
    assert_eq!(flush(&mut kcp), 32);
    kcp.handle_packet(epoch(), ack.clone()).unwrap();
    assert_eq!(flush(&mut kcp), 31);
    kcp.handle_packet(epoch(), ack).unwrap();
    assert_eq!(flush(&mut kcp), 0);
}

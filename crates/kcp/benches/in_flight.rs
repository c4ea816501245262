//! What one acknowledgement packet and one transmission cost, by the number of segments in flight.
//!
//! Flat lines are the point: the cost must not grow with what is in flight.

#![expect(clippy::unwrap_used, reason = "a bench fails by panicking")]

use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes, BytesMut};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use snowflake_kcp::{Config, Kcp};
use snowflake_netsim::epoch;

const IN_FLIGHT: [u32; 4] = [100, 1_000, 10_000, 65_000];
const ACKS_PER_PACKET: u32 = 58;

fn control(out: &mut BytesMut, command: u8, sn: u32, una: u32) {
    out.put_u32_le(1);
    out.put_slice(&[command, 0, 0xff, 0xff]);
    [0, sn, una, 0].into_iter().for_each(|field| out.put_u32_le(field));
}

/// A packet that acknowledges `sns`, with everything below `una` received.
fn acks(sns: impl Iterator<Item = u32>, una: u32) -> Bytes {
    let mut out = BytesMut::new();
    sns.for_each(|sn| control(&mut out, 82, sn, una));
    out.freeze()
}

/// A session with `count` full segments in flight, sent at time zero.
fn session(count: u32) -> Kcp {
    let mut kcp = Kcp::new(1, Config::default(), epoch());
    let mut window = BytesMut::new();
    control(&mut window, 84, 0, 0);
    kcp.handle_packet(epoch(), window.freeze()).unwrap();
    let mut out = BytesMut::new();
    while (kcp.in_flight() as u32) < count {
        kcp.write(&[0; 1376]);
        out.clear();
        kcp.poll_transmit(epoch(), &mut out);
    }
    kcp
}

#[expect(clippy::disallowed_methods, reason = "a bench measures real time")]
fn clock() -> Instant {
    Instant::now()
}

/// Sums the time of `iterations` steps; each session that `prepare` makes is good for as many steps as
/// it says.
fn time_steps<S>(
    iterations: u64,
    prepare: impl Fn() -> (S, u64),
    step: impl Fn(&mut S, u64),
) -> Duration {
    let (mut left, mut total) = (iterations, Duration::ZERO);
    while left > 0 {
        let (mut state, good_for) = prepare();
        let steps = left.min(good_for);
        let start = clock();
        (0..steps).for_each(|n| step(&mut state, n));
        total += start.elapsed();
        left -= steps;
    }
    total
}

/// One packet of 58 acknowledgements; with `head_lost` nothing lets go of the first segment.
fn ack_packet(criterion: &mut Criterion, name: &str, head_lost: bool) {
    let mut group = criterion.benchmark_group(name);
    for count in IN_FLIGHT {
        let packets: Vec<Bytes> = (0..count / ACKS_PER_PACKET)
            .map(|n| n * ACKS_PER_PACKET + u32::from(head_lost))
            .map(|first| {
                let sns = first..(first + ACKS_PER_PACKET).min(count);
                let una = if head_lost { 0 } else { sns.end };
                acks(sns, una)
            })
            .collect();
        let now = epoch() + Duration::from_millis(50);
        group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
            bencher.iter_custom(|iterations| {
                let prepare = || (session(count), packets.len() as u64);
                time_steps(iterations, prepare, |kcp, n| {
                    kcp.handle_packet(now, packets[n as usize].clone()).unwrap();
                })
            });
        });
    }
    group.finish();
}

/// One call of `poll_transmit` when nothing is due.
fn idle_flush(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("flush, nothing due");
    for count in IN_FLIGHT {
        let mut kcp = session(count);
        let mut out = BytesMut::new();
        group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
            bencher.iter(|| kcp.poll_transmit(epoch(), &mut out));
        });
    }
    group.finish();
}

/// One segment sent again, of those 2 % that a later acknowledgement has skipped, or of all by timeout.
fn resend(criterion: &mut Criterion, name: &str, timeout: bool) {
    let mut group = criterion.benchmark_group(name);
    for count in IN_FLIGHT {
        let prepare = || {
            let mut kcp = session(count);
            if timeout {
                return (kcp, u64::from(count));
            }
            let arrived = (0..count).filter(|sn| sn % 50 != 0).collect::<Vec<_>>();
            for sns in arrived.chunks(ACKS_PER_PACKET as usize) {
                let packet = acks(sns.iter().copied(), 0);
                kcp.handle_packet(epoch(), packet).unwrap();
            }
            (kcp, u64::from(count / 50))
        };
        let now = epoch() + Duration::from_millis(if timeout { 300 } else { 50 });
        group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
            bencher.iter_custom(|iterations| {
                let prepare = || {
                    let (kcp, steps) = prepare();
                    ((kcp, BytesMut::with_capacity(1400)), steps)
                };
                time_steps(iterations, prepare, |(kcp, out), _| {
                    out.clear();
                    assert!(kcp.poll_transmit(now, out).is_some());
                })
            });
        });
    }
    group.finish();
}

/// One new segment written and sent while `count` are in flight and the oldest is acknowledged.
fn steady(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("write, send and acknowledge one segment");
    for count in IN_FLIGHT {
        let mut kcp = session(count);
        let mut out = BytesMut::with_capacity(1400);
        let mut una = 0;
        group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
            bencher.iter(|| {
                out.clear();
                kcp.write(&[0; 1376]);
                kcp.poll_transmit(epoch(), &mut out);
                una += 1;
                kcp.handle_packet(epoch(), acks(std::iter::once(una - 1), una)).unwrap();
            });
        });
    }
    group.finish();
}

fn in_flight(criterion: &mut Criterion) {
    ack_packet(criterion, "packet of 58 acks, no loss", false);
    ack_packet(criterion, "packet of 58 acks, head lost", true);
    idle_flush(criterion);
    resend(criterion, "resend one of 2 % lost", false);
    resend(criterion, "resend one of all timed out", true);
    steady(criterion);
}

/// Short measurements: filling a window of 65,000 segments takes far longer than the steps timed.
fn config() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(50))
        .measurement_time(Duration::from_millis(200))
        .sample_size(10)
}

criterion_group!(name = benches; config = config(); targets = in_flight);
criterion_main!(benches);

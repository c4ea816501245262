//! What each segment and each acknowledgement costs, by the number of segments in flight and by how many are lost.
//!
//! Flat lines are the point: the cost must not grow with what is in flight, beyond what caches and memory add. Which
//! segments are lost, and in which order the others arrive, follows from their numbers alone.

#![expect(clippy::unwrap_used, reason = "a bench fails by panicking")]

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes, BytesMut};
use criterion::{BenchmarkGroup, BenchmarkId, Criterion};
use criterion::{criterion_group, criterion_main, measurement::WallTime};
use snowflake_kcp::{Config, Kcp};
use snowflake_netsim::epoch;

const IN_FLIGHT: [u32; 4] = [100, 1_000, 10_000, 65_000];
/// In percent.
const LOSSES: [u32; 3] = [0, 1, 10];
const ACKS_PER_PACKET: usize = 58;
const ROUND_TRIP: Duration = Duration::from_millis(50);

/// Whether the `n`th packet is among the `loss` percent lost.
fn is_lost(n: u32, loss: u32) -> bool {
    n.wrapping_mul(0x9e37_79b1) % 1000 < loss * 10
}

/// The numbers below `count` that arrive.
fn arriving(count: u32, loss: u32) -> Vec<u32> {
    (0..count).filter(|sn| !is_lost(*sn, loss)).collect()
}

/// The same in an order in which neighbours are far apart.
fn shuffled(mut sns: Vec<u32>) -> Vec<u32> {
    sns.sort_by_key(|sn| sn.wrapping_mul(0x85eb_ca6b));
    sns
}

fn segment(out: &mut BytesMut, command: u8, (sn, una): (u32, u32), data: &[u8]) {
    out.put_u32_le(1);
    out.put_slice(&[command, 0, 0xff, 0xff]);
    [0, sn, una, data.len() as u32].into_iter().for_each(|field| out.put_u32_le(field));
    out.put_slice(data);
}

/// Packets that acknowledge `sns` in this order, each with what it lets go of.
fn acks(sns: &[u32]) -> Vec<Bytes> {
    let mut arrived = vec![false; sns.iter().max().map_or(0, |sn| *sn as usize + 2)];
    let mut una = 0;
    let packet = |sns: &[u32]| {
        sns.iter().for_each(|sn| arrived[*sn as usize] = true);
        while arrived[una as usize] {
            una += 1;
        }
        let mut out = BytesMut::new();
        sns.iter().for_each(|sn| segment(&mut out, 82, (*sn, una), &[]));
        out.freeze()
    };
    sns.chunks(ACKS_PER_PACKET).map(packet).collect()
}

/// A session with `count` full segments in flight, sent at time zero.
fn session(count: u32) -> Kcp {
    let mut kcp = Kcp::new(1, Config::default(), epoch());
    let mut window = BytesMut::new();
    segment(&mut window, 84, (0, 0), &[]);
    kcp.handle_packet(epoch(), window.freeze()).unwrap();
    let mut out = BytesMut::new();
    while (kcp.in_flight() as u32) < count {
        kcp.write(&[0; 1376]);
        out.clear();
        kcp.poll_transmit(epoch(), &mut out);
    }
    kcp
}

/// The same after all but `loss` percent have been acknowledged one by one.
fn with_holes(count: u32, loss: u32) -> Kcp {
    let mut kcp = session(count);
    for packet in acks(&arriving(count, loss)) {
        kcp.handle_packet(epoch() + ROUND_TRIP, packet).unwrap();
    }
    kcp
}

#[expect(clippy::disallowed_methods, reason = "a bench measures real time")]
fn clock() -> Instant {
    Instant::now()
}

/// Benches `pass` over a state that `prepare` makes, by the time that each of `elements` takes in it.
fn bench<S>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    (count, loss): (u32, u32),
    elements: usize,
    prepare: impl Fn() -> S,
    pass: impl Fn(&mut S),
) {
    group.bench_function(BenchmarkId::new(format!("{loss} % lost"), count), |bencher| {
        bencher.iter_custom(|iterations| {
            let mut total = Duration::ZERO;
            for _ in 0..iterations {
                let mut state = prepare();
                let start = clock();
                pass(&mut state);
                total += start.elapsed();
            }
            total.div_f64(elements as f64)
        });
    });
}

/// Every number in flight with every loss.
fn cases() -> impl Iterator<Item = (u32, u32)> {
    LOSSES.into_iter().flat_map(|loss| IN_FLIGHT.map(|count| (count, loss)))
}

/// One acknowledgement.
fn acknowledge(criterion: &mut Criterion, name: &str, order: fn(Vec<u32>) -> Vec<u32>) {
    let mut group = criterion.benchmark_group(name);
    for (count, loss) in cases() {
        let sns = order(arriving(count, loss));
        let packets = acks(&sns);
        bench(
            &mut group,
            (count, loss),
            sns.len(),
            || session(count),
            |kcp| {
                for packet in &packets {
                    kcp.handle_packet(epoch() + ROUND_TRIP, packet.clone()).unwrap();
                }
            },
        );
    }
    group.finish();
}

/// One segment that was skipped, and one that has timed out.
fn resend(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("send again what was skipped");
    for (count, loss) in cases().filter(|(_, loss)| *loss > 0) {
        let lost = transmit_all(&mut with_holes(count, loss), epoch() + ROUND_TRIP);
        bench(
            &mut group,
            (count, loss),
            lost,
            || with_holes(count, loss),
            |kcp| {
                assert_eq!(transmit_all(kcp, epoch() + ROUND_TRIP), lost);
            },
        );
    }
    group.finish();
    let mut group = criterion.benchmark_group("send again what timed out");
    for count in IN_FLIGHT {
        bench(
            &mut group,
            (count, 100),
            count as usize,
            || session(count),
            |kcp| {
                assert_eq!(transmit_all(kcp, epoch() + 6 * ROUND_TRIP), count as usize);
            },
        );
    }
    group.finish();
}

/// Has everything sent that is due, and returns how many packets that were.
fn transmit_all(kcp: &mut Kcp, at: Instant) -> usize {
    let mut out = BytesMut::with_capacity(1400);
    let mut packet = || {
        out.clear();
        kcp.poll_transmit(at, &mut out)
    };
    std::iter::from_fn(&mut packet).count()
}

/// The look for something to send, and for when there will be, when nothing is due: what was lost is under way again.
fn nothing_due(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("nothing due");
    for (count, loss) in cases() {
        let mut kcp = if loss == 0 { session(count) } else { with_holes(count, loss) };
        transmit_all(&mut kcp, epoch() + ROUND_TRIP);
        let mut out = BytesMut::new();
        group.bench_function(BenchmarkId::new(format!("{loss} % lost"), count), |bencher| {
            bencher
                .iter(|| (kcp.poll_transmit(epoch() + ROUND_TRIP, &mut out), kcp.poll_timeout()));
        });
    }
    group.finish();
}

/// One received segment, out of order; what was lost comes last and makes the rest readable.
fn receive(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("receive and read out of order");
    for (count, loss) in cases() {
        let lost = (0..count).filter(|sn| is_lost(*sn, loss));
        let packet = |sn: u32| {
            let mut out = BytesMut::new();
            segment(&mut out, 81, (sn, 0), &[0; 8]);
            out.freeze()
        };
        let sns = shuffled(arriving(count, loss)).into_iter().chain(lost);
        let packets: Vec<Bytes> = sns.map(packet).collect();
        let prepare = || Kcp::new(1, Config::default(), epoch());
        bench(&mut group, (count, loss), packets.len(), prepare, |kcp| {
            for packet in &packets {
                kcp.handle_packet(epoch(), packet.clone()).unwrap();
                while kcp.read().is_some() {}
            }
        });
    }
    group.finish();
}

/// Two ends, and a path between them that loses some of the packets; one of them always has `count` segments of eight
/// bytes in flight.
struct Flow {
    ends: [Kcp; 2],
    /// Packets on their way to either end, and when they arrive.
    ways: [VecDeque<(Instant, Bytes)>; 2],
    now: Instant,
    loss: u32,
    sent: u32,
    delivered: u64,
}

impl Flow {
    fn new(count: u32, loss: u32) -> Self {
        let config = Config { send_window: count as u16, ..Config::default() };
        let end = || Kcp::new(1, config.clone(), epoch());
        let ways = [VecDeque::new(), VecDeque::new()];
        let (now, ends) = (epoch(), [end(), end()]);
        let mut flow = Self { ends, ways, now, loss, sent: 0, delivered: 0 };
        flow.deliver(3 * u64::from(count));
        flow
    }

    /// Lets time go on until so many more segments have arrived in order.
    fn deliver(&mut self, segments: u64) {
        let wanted = self.delivered + segments;
        while self.delivered < wanted {
            self.now += Duration::from_millis(1);
            for to in 0..2 {
                while self.ways[to].front().is_some_and(|(at, _)| *at <= self.now) {
                    let (_, packet) = self.ways[to].pop_front().unwrap();
                    self.ends[to].handle_packet(self.now, packet).unwrap();
                    while self.ends[to].read().is_some() {
                        self.delivered += 1;
                    }
                    self.transmit(to);
                }
                self.transmit(to);
            }
            while self.ends[0].writable() > 0 {
                self.ends[0].write(&[0; 8]);
                self.transmit(0);
            }
        }
    }

    fn transmit(&mut self, from: usize) {
        let mut out = BytesMut::new();
        while self.ends[from].poll_transmit(self.now, &mut out).is_some() {
            self.sent += 1;
            let packet = out.split().freeze();
            if !is_lost(self.sent, self.loss) {
                self.ways[1 - from].push_back((self.now + ROUND_TRIP / 2, packet));
            }
        }
    }
}

/// The whole life of one segment at both ends, the losses and acknowledgements of others included.
fn whole_life(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("whole life of a segment");
    for (count, loss) in cases() {
        // Some windows, so that what costs once in a window is in it.
        let segments = 3 * u64::from(count.max(1_000));
        bench(
            &mut group,
            (count, loss),
            segments as usize,
            || Flow::new(count, loss),
            |flow| {
                flow.deliver(segments);
            },
        );
    }
    group.finish();
}

fn in_flight(criterion: &mut Criterion) {
    acknowledge(criterion, "acknowledge in order", |sns| sns);
    acknowledge(criterion, "acknowledge out of order", shuffled);
    resend(criterion);
    nothing_due(criterion);
    receive(criterion);
    whole_life(criterion);
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

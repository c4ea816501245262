//! Bytes per second through two ends in memory, beside the `kcp` crate.

#![expect(clippy::unwrap_used, reason = "a bench fails by panicking")]

use std::cell::RefCell;
use std::collections::VecDeque;
use std::hint::black_box;
use std::io::{self, Write};
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use snowflake_kcp::{Config, Kcp};
use snowflake_netsim::epoch;

const SIZE: usize = 32 << 20;
const CHUNK: usize = 32 << 10;

/// Carries everything that `from` has to send.
fn carry(now: Instant, from: &mut Kcp, to: &mut Kcp, buffer: &mut BytesMut) {
    while from.poll_transmit(now, buffer).is_some() {
        to.handle_packet(now, buffer.split().freeze()).unwrap();
        buffer.reserve(1400);
    }
}

fn ours() -> usize {
    let mut now = epoch();
    let mut a = Kcp::new(1, Config::default(), now);
    let mut b = Kcp::new(1, Config::default(), now);
    let data = vec![7; CHUNK];
    let mut buffer = BytesMut::with_capacity(64 << 10);
    let (mut written, mut read) = (0, 0);
    while read < SIZE {
        // At most 256 KiB a round, as below.
        for _ in 0..8 {
            written += a.write(&data[..CHUNK.min(SIZE - written)]);
            carry(now, &mut a, &mut b, &mut buffer);
        }
        while let Some(data) = b.read() {
            read += black_box(data).len();
        }
        now += Duration::from_millis(10);
        carry(now, &mut b, &mut a, &mut buffer);
    }
    read
}

#[derive(Clone, Default)]
struct Outbox(Rc<RefCell<VecDeque<Bytes>>>);

impl Write for Outbox {
    fn write(&mut self, packet: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().push_back(Bytes::copy_from_slice(packet));
        Ok(packet.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn theirs() -> usize {
    let end = |outbox: &Outbox| {
        let mut kcp = kcp::Kcp::new_stream(1, outbox.clone());
        kcp.set_nodelay(false, 10, 0, true);
        kcp.set_wndsize(u16::MAX, u16::MAX);
        kcp.update(0).unwrap();
        kcp
    };
    let (from_a, from_b) = (Outbox::default(), Outbox::default());
    let (mut a, mut b) = (end(&from_a), end(&from_b));
    let data = vec![7; CHUNK];
    let mut scratch = vec![0; CHUNK];
    let (mut written, mut read, mut now) = (0, 0, 0);
    while read < SIZE {
        while written < SIZE && a.wait_snd() < 190 {
            written += a.send(&data).unwrap();
            a.flush().unwrap();
        }
        while let Some(packet) = from_a.0.borrow_mut().pop_front() {
            b.input(&packet).unwrap();
        }
        while let Ok(len) = b.recv(&mut scratch) {
            read += black_box(&scratch[..len]).len();
        }
        now += 10;
        b.update(now).unwrap();
        a.update(now).unwrap();
        while let Some(packet) = from_b.0.borrow_mut().pop_front() {
            a.input(&packet).unwrap();
        }
        a.flush().unwrap();
    }
    read
}

fn throughput(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("throughput");
    group.throughput(Throughput::Bytes(SIZE as u64)).sample_size(10);
    group.bench_function("ours", |bencher| bencher.iter(ours));
    group.bench_function("kcp crate", |bencher| bencher.iter(theirs));
    group.finish();
}

criterion_group!(benches, throughput);
criterion_main!(benches);

//! Bytes per second through two ends in memory, on one core: write, frame, decode, read.
#![allow(missing_docs, reason = "criterion_group makes an undocumented function")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use snowflake_smux::{Config, Event, Read, Role, Smux, StreamId};

/// What one iteration sends, over all streams.
const TOTAL: usize = 64 << 20;
/// What the driver lets out at once: about what KCP takes in one flush.
const ROOM: usize = 65536;

struct Ends {
    client: Smux,
    server: Smux,
    now: std::time::Instant,
}

impl Ends {
    #[expect(clippy::disallowed_methods, reason = "no timeout is reached: one instant will do")]
    fn new() -> Self {
        let now = std::time::Instant::now();
        let client = Smux::new(Role::Client, Config::client(), now);
        Self { client, server: Smux::new(Role::Server, Config::server(), now), now }
    }

    /// Carries all output both ways, cut into pieces of `piece` bytes on the way to the server.
    fn carry(&mut self, piece: usize) {
        while let Some(mut bytes) = self.client.poll_output(ROOM) {
            while !bytes.is_empty() {
                let cut = bytes.split_to(bytes.len().min(piece));
                let _ = self.server.handle_input(self.now, cut);
            }
        }
        while let Some(bytes) = self.server.poll_output(ROOM) {
            let _ = self.client.handle_input(self.now, bytes);
        }
    }

    /// Reads all there is on the server's side and returns how many bytes.
    fn read(&mut self) -> usize {
        let mut total = 0;
        while let Some(event) = self.server.poll_event() {
            if let Event::Readable(id) = event {
                while let Ok(Read::Data(data)) = self.server.read(id, usize::MAX) {
                    total += black_box(data).len();
                }
            }
        }
        while self.client.poll_event().is_some() {}
        total
    }
}

/// Sends `TOTAL` bytes over this many streams.
fn transfer(streams: usize, piece: usize, data: &[u8]) {
    let mut ends = Ends::new();
    let ids: Vec<StreamId> = (0..streams).filter_map(|_| ends.client.open().ok()).collect();
    let mut got = 0;
    while got < TOTAL {
        for &id in &ids {
            let _ = ends.client.write(id, data);
        }
        ends.carry(piece);
        got += ends.read();
    }
}

fn throughput(c: &mut Criterion) {
    let mut group = c.benchmark_group("throughput");
    group.throughput(Throughput::Bytes(TOTAL as u64)).sample_size(10);
    // Where source and target lie at the same place in their pages, some processors copy at a tenth of their speed
    // (glibc bug 30994). Two buffers of one size often do, so the data begins somewhere else.
    let data = &vec![7; 34_000][1_000..33_768];
    for streams in [1, 100] {
        // A KCP segment carries 1376 bytes; the whole frame at once is the best case.
        for (name, piece) in [("segments", 1376), ("whole frames", usize::MAX)] {
            group.bench_function(format!("{streams} streams, {name}"), |b| {
                b.iter(|| transfer(streams, piece, data))
            });
        }
    }
    group.finish();
}

criterion_group!(benches, throughput);
criterion_main!(benches);

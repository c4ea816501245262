//! What one frame costs, by the number of streams and by the number of frames that wait.
//!
//! Flat lines are the point: the cost must not grow with either, beyond what caches add.
#![allow(missing_docs, reason = "criterion_group makes an undocumented function")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, criterion_group, criterion_main};
use snowflake_smux::{Config, Event, Read, Role, Smux, StreamId};

const MANY: [usize; 4] = [1, 100, 1_000, 10_000];
/// As Tor's cells are.
const DATA: [u8; 514] = [7; 514];

struct Ends {
    client: Smux,
    server: Smux,
    ids: Vec<StreamId>,
    now: Instant,
}

impl Ends {
    /// Two ends with this many streams between them, all of them known to both.
    #[expect(clippy::disallowed_methods, reason = "no timeout is reached: one instant will do")]
    fn new(streams: usize) -> Self {
        let now = Instant::now();
        let config = Config { max_streams: streams + 1, ..Config::server() };
        let mut client = Smux::new(Role::Client, config.clone(), now);
        let server = Smux::new(Role::Server, config, now);
        let ids = (0..streams).filter_map(|_| client.open().ok()).collect();
        let mut ends = Self { client, server, ids, now };
        ends.carry();
        while ends.server.poll_event().is_some() {}
        ends
    }

    /// Has the streams write so many frames in turn; returns how many bytes.
    fn write(&mut self, frames: usize) -> usize {
        let ids = self.ids.iter().cycle().take(frames);
        ids.filter_map(|id| self.client.write(*id, &DATA).ok()).sum()
    }

    fn carry(&mut self) {
        while let Some(bytes) = self.client.poll_output(1376) {
            let _ = self.server.handle_input(self.now, bytes);
        }
        while let Some(bytes) = self.server.poll_output(1376) {
            let _ = self.client.handle_input(self.now, bytes);
        }
    }

    /// Reads whatever there is at the server; returns how many bytes.
    fn read(&mut self) -> usize {
        let mut total = 0;
        while let Some(event) = self.server.poll_event() {
            if let Event::Readable(id) = event {
                while let Ok(Read::Data(data)) = self.server.read(id, DATA.len()) {
                    total += black_box(data).len();
                }
            }
        }
        while self.client.poll_event().is_some() {}
        total
    }
}

/// Benches `pass` over two ends, by the time that each of `elements` takes in it.
fn bench(
    group: &mut BenchmarkGroup<'_, WallTime>,
    elements: usize,
    mut ends: Ends,
    mut pass: impl FnMut(&mut Ends),
) {
    group.bench_function(BenchmarkId::from_parameter(elements), |bencher| {
        bencher.iter_custom(|iterations| {
            let start = clock();
            (0..iterations).for_each(|_| pass(&mut ends));
            start.elapsed().div_f64(elements as f64)
        });
    });
}

#[expect(clippy::disallowed_methods, reason = "a bench measures real time")]
fn clock() -> Instant {
    Instant::now()
}

fn many(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("a frame of each stream, written, sent and read");
    for streams in MANY {
        bench(&mut group, streams, Ends::new(streams), |ends| {
            ends.write(streams);
            ends.carry();
            assert_eq!(ends.read(), streams * DATA.len());
        });
    }
    group.finish();
    let mut group =
        criterion.benchmark_group("frames of one stream, all written before the first is sent");
    for frames in MANY {
        let mut ends = Ends::new(1);
        ends.client.set_send_buffer(frames * DATA.len());
        bench(&mut group, frames, ends, |ends| {
            // The window of a stream ends at a megabyte, and begins with a quarter of that.
            let mut left = ends.write(frames);
            while left > 0 {
                ends.carry();
                left -= ends.read();
            }
        });
    }
    group.finish();
    let mut group = criterion.benchmark_group("a stream opened and closed, beside so many");
    for streams in MANY {
        let mut ends = Ends::new(streams);
        group.bench_function(BenchmarkId::from_parameter(streams), |bencher| {
            bencher.iter(|| {
                let id = ends.client.open();
                ends.carry();
                while let Some(event) = ends.server.poll_event() {
                    ends.server.close(event.stream());
                }
                id.into_iter().for_each(|id| ends.client.close(id));
                ends.carry();
            });
        });
        assert_eq!((ends.client.streams(), ends.server.streams()), (streams, streams));
    }
    group.finish();
}

fn config() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(50))
        .measurement_time(Duration::from_millis(500))
        .sample_size(10)
}

criterion_group!(name = benches; config = config(); targets = many);
criterion_main!(benches);

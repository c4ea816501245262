//! States whether sessions use all processors: `cargo bench -p snowflake-server --bench cores`.
//!
//! [`SESSIONS`] sessions move bytes at full speed, first on a runtime with one worker thread and then with more, up to one
//! for each processor. Everything between a carrier's messages and a stream's bytes is the server's: chunks, queues, KCP,
//! the choice of carriers, smux, wake-ups. The clients are [`Peer`]s, which are carriers with prepared messages; what
//! they take of the workers' time is measured and stated beside the rates.
//!
//! Not measured: sockets, whose cost is mostly the system's, WebSockets, and the copying between stream and tor. What all
//! sessions of a process share is in it as far as a session meets it here: the allocator, the runtime's queues and its
//! timers. Rates are the best of [`ROUNDS`], since whatever else a machine does only lowers them. Where fewer
//! processors were busy than there were workers the machine did something else, and only the bytes for each processor's
//! second can be compared: what sessions lose by waiting for each other's locks and memory, but not by standing still.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do: at once, and saying where"
)]

mod peer;

use std::{
    fs,
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread::available_parallelism,
    time::Duration,
};

use bytes::Bytes;
use snowflake_session::{Config, Listener, Stream};
use snowflake_turbotunnel::{ClientId, QueueConfig, QueuePacketConn};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    runtime::Builder,
    task::JoinSet,
    time::{Instant, sleep},
};

use peer::{Peer, Way};

const SESSIONS: u32 = 16;
const ROUNDS: usize = 5;
/// Before the measurement, so that every session has found its rate.
const WARM_UP: Duration = Duration::from_secs(1);
const TIME: Duration = Duration::from_secs(2);
/// As much as the server copies at once.
const BLOCK: usize = 32 << 10;
const MIB: f64 = 1024.0 * 1024.0;

/// What one session counts.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Bytes of its stream.
    bytes: AtomicU64,
    /// Nanoseconds that its peer has taken.
    peer: AtomicU64,
}

/// One measurement.
#[derive(Clone, Copy, Debug, Default)]
struct Figures {
    rate: f64,
    processors: f64,
    /// The peers' part of that.
    peers: f64,
}

#[expect(clippy::print_stdout, reason = "a bench states its figures there")]
fn main() {
    let processors = available_parallelism().map_or(1, NonZeroUsize::get);
    let workers: Vec<usize> = (0..).map(|n| 1 << n).take_while(|n| *n <= processors).collect();
    for way in [Way::Up, Way::Down] {
        let mut best = vec![Figures::default(); workers.len()];
        for _ in 0..ROUNDS {
            for (best, workers) in best.iter_mut().zip(&workers) {
                let figures = measure(way, *workers);
                if figures.rate > best.rate {
                    *best = figures;
                }
            }
        }
        for (workers, Figures { rate, processors, peers }) in workers.iter().zip(&best) {
            let (ratio, each) = (rate / best[0].rate, rate / processors);
            let peers = 100.0 * peers / processors;
            println!(
                "{way:?}, {workers} workers: {rate:.0} MiB/s, {ratio:.2} times one worker's; {processors:.2} processors \
                 busy, {each:.0} MiB for each second of one, {peers:.0} % of it the peers'"
            );
        }
    }
}

fn measure(way: Way, workers: usize) -> Figures {
    let runtime = Builder::new_multi_thread().worker_threads(workers).enable_time().build();
    // This thread only sleeps: everything else is a task, and runs on a worker.
    runtime.unwrap().block_on(run(way))
}

async fn run(way: Way) -> Figures {
    let counts: Vec<Arc<Counts>> = (0..SESSIONS).map(|_| Arc::default()).collect();
    let (packets, clients) = QueuePacketConn::new(QueueConfig::default());
    let mut listener = Listener::new(clients, Config::server());
    let mut tasks = JoinSet::new();
    for (conv, counts) in (1..).zip(&counts) {
        let (packets, peer) = (packets.clone(), Peer::new(conv, way, counts.clone()));
        let client = async move { packets.serve(ClientId::random(), peer, Bytes::new()).await };
        tasks.spawn(async { panic!("a carrier has ended: {}", client.await) });
    }
    for counts in &counts {
        let (stream, _) = listener.accept().await.unwrap();
        tasks.spawn(use_stream(stream, way, counts.clone()));
    }
    sleep(WARM_UP).await;
    let (before, start) = (Sum::of(&counts), Instant::now());
    tokio::select! {
        () = sleep(TIME) => {}
        Some(ended) = tasks.join_next() => ended.unwrap(),
    }
    Sum::of(&counts).since(before, start.elapsed())
}

/// What tor does with a stream, at no cost.
async fn use_stream(mut stream: Stream, way: Way, counts: Arc<Counts>) {
    let mut block = vec![7; BLOCK];
    loop {
        let moved = match way {
            Way::Up => stream.read(&mut block).await,
            Way::Down => stream.write(&block).await,
        };
        match moved {
            Ok(1..) => counts.bytes.fetch_add(moved.unwrap() as u64, Relaxed),
            Ok(0) => panic!("a stream has ended"),
            Err(error) => panic!("a stream broke: {error}"),
        };
    }
}

/// All that was counted so far.
#[derive(Clone, Copy, Debug)]
struct Sum {
    bytes: u64,
    peer: Duration,
    cpu: Duration,
}

impl Sum {
    fn of(counts: &[Arc<Counts>]) -> Self {
        let sum = |of: fn(&Counts) -> &AtomicU64| -> u64 {
            counts.iter().map(|counts| of(counts).load(Relaxed)).sum()
        };
        let peer = Duration::from_nanos(sum(|counts| &counts.peer));
        Self { bytes: sum(|counts| &counts.bytes), peer, cpu: cpu() }
    }

    fn since(self, before: Self, time: Duration) -> Figures {
        let processors = |time_of: Duration| time_of.as_secs_f64() / time.as_secs_f64();
        Figures {
            rate: (self.bytes - before.bytes) as f64 / MIB / time.as_secs_f64(),
            processors: processors(self.cpu - before.cpu),
            peers: processors(self.peer - before.peer),
        }
    }
}

/// User and system time of this process, to 10 ms (proc(5)).
fn cpu() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields = stat.rsplit_once(')').unwrap().1.split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum();
    Duration::from_millis(10 * ticks)
}

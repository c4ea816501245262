//! Two of our ends over a byte stream in memory, doing random things: every byte arrives, in order,
//! once.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "peer/peer.rs"]
mod peer;

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use peer::epoch;
use proptest::prelude::*;
use snowflake_smux::{Config, Event, Read, Role, Smux, StreamId};

/// The byte at this offset of what this side sends on this stream.
fn pattern(side: usize, id: StreamId, offset: usize) -> u8 {
    (offset * 31 + (offset >> 8) + (offset >> 16) + side * 101 + id.0 as usize * 7) as u8
}

/// What one side knows of its direction of a stream.
#[derive(Default)]
struct Progress {
    written: usize,
    finished: bool,
    read: usize,
    end_seen: bool,
}

struct End {
    smux: Smux,
    streams: HashMap<StreamId, Progress>,
    /// The byte stream to the other end.
    wire: VecDeque<u8>,
}

impl End {
    fn new(role: Role, config: &Config) -> Self {
        Self {
            smux: Smux::new(role, config.clone(), epoch()),
            streams: HashMap::new(),
            wire: VecDeque::new(),
        }
    }

    /// The stream that a random number means, if there is one.
    fn pick(&self, n: usize) -> Option<StreamId> {
        let mut ids: Vec<_> = self.streams.keys().copied().collect();
        ids.sort_unstable();
        (!ids.is_empty()).then(|| ids[n % ids.len()])
    }
}

/// Two ends; side 0 is the client.
struct Pair([End; 2]);

impl Pair {
    fn open(&mut self, side: usize) {
        if let Ok(id) = self.0[side].smux.open() {
            self.0[side].streams.insert(id, Progress::default());
        }
    }

    fn write(&mut self, side: usize, n: usize, length: usize) {
        let end = &mut self.0[side];
        let Some(id) = end.pick(n) else { return };
        let progress = end.streams.get_mut(&id).unwrap();
        if progress.finished {
            return;
        }
        let data: Vec<u8> = (0..length).map(|i| pattern(side, id, progress.written + i)).collect();
        progress.written += end.smux.write(id, &data).unwrap();
    }

    /// Finishes one stream and returns how many that were not finished before.
    fn finish(&mut self, side: usize, n: usize) -> usize {
        let end = &mut self.0[side];
        let Some(id) = end.pick(n) else { return 0 };
        let progress = end.streams.get_mut(&id).unwrap();
        if std::mem::replace(&mut progress.finished, true) {
            return 0;
        }
        end.smux.finish(id).unwrap();
        1
    }

    /// Reads once and returns how many bytes; the end counts as one.
    fn read(&mut self, side: usize, n: usize, max: usize) -> usize {
        let end = &mut self.0[side];
        let Some(id) = end.pick(n) else { return 0 };
        let progress = end.streams.get_mut(&id).unwrap();
        if progress.end_seen {
            return 0;
        }
        match end.smux.read(id, max).unwrap() {
            Read::Data(data) => {
                for (i, &byte) in data.iter().enumerate() {
                    assert_eq!(
                        byte,
                        pattern(1 - side, id, progress.read + i),
                        "stream {id}, byte {}",
                        progress.read + i
                    );
                }
                progress.read += data.len();
                data.len()
            }
            Read::Pending => 0,
            Read::Finished => {
                progress.end_seen = true;
                1
            }
        }
    }

    /// Moves up to `room` bytes from this side towards the other, and returns how many.
    fn carry(&mut self, side: usize, room: usize) -> usize {
        let mut moved = 0;
        while let Some(bytes) = self.0[side].smux.poll_output(room - moved) {
            self.0[side].wire.extend(&bytes[..]);
            moved += bytes.len();
        }
        if self.0[1 - side].smux.can_receive() {
            let n = self.0[side].wire.len().min(room);
            let bytes: Bytes = self.0[side].wire.drain(..n).collect();
            moved += n;
            self.0[1 - side].smux.handle_input(epoch(), bytes).unwrap();
        }
        for end in &mut self.0 {
            while let Some(event) = end.smux.poll_event() {
                if let Event::Opened(id) = event {
                    end.streams.insert(id, Progress::default());
                }
            }
        }
        moved
    }

    /// Lets everything flow, finishing every stream that appears, until nothing moves.
    fn settle(&mut self) {
        loop {
            let mut moved = self.carry(0, 1 << 20) + self.carry(1, 1 << 20);
            for side in [0, 1] {
                for n in 0..self.0[side].streams.len() {
                    moved += self.finish(side, n) + self.read(side, n, usize::MAX);
                }
            }
            if moved == 0 {
                return;
            }
        }
    }

    fn check(&self) {
        for side in [0, 1] {
            let (ours, theirs) = (&self.0[side], &self.0[1 - side]);
            assert_eq!(ours.streams.len(), theirs.streams.len());
            for (id, progress) in &ours.streams {
                assert_eq!(progress.read, theirs.streams[id].written, "stream {id}");
                assert!(progress.end_seen);
            }
            assert_eq!((ours.smux.streams(), ours.smux.unread()), (0, 0), "nothing is left behind");
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Open,
    Write(usize, usize),
    Read(usize, usize),
    Finish(usize),
    Carry(usize),
}

fn step() -> impl Strategy<Value = (usize, Step)> {
    let step = prop_oneof![
        1 => Just(Step::Open),
        6 => (any::<usize>(), 0..80_000usize).prop_map(|(n, length)| Step::Write(n, length)),
        6 => (any::<usize>(), 1..80_000usize).prop_map(|(n, max)| Step::Read(n, max)),
        1 => any::<usize>().prop_map(Step::Finish),
        8 => prop_oneof![1..50usize, 1..200_000usize].prop_map(Step::Carry),
    ];
    (0..2usize, step)
}

fn config() -> impl Strategy<Value = Config> {
    (1..400_000u32, 1..65536usize, 1..100_000usize, 1..500_000usize).prop_map(
        |(stream_window, max_frame, send_buffer, receive_budget)| Config {
            stream_window,
            max_frame,
            send_buffer,
            receive_budget,
            ..Config::client()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn every_byte_arrives_once_and_in_order(
        client in config(),
        server in config(),
        steps in prop::collection::vec(step(), 1..150),
    ) {
        let mut pair = Pair([End::new(Role::Client, &client), End::new(Role::Server, &server)]);
        pair.open(0);
        for (side, step) in steps {
            match step {
                Step::Open => pair.open(side),
                Step::Write(n, length) => pair.write(side, n, length),
                Step::Read(n, max) => {
                    pair.read(side, n, max);
                }
                Step::Finish(n) => {
                    pair.finish(side, n);
                }
                Step::Carry(room) => {
                    pair.carry(side, room);
                }
            }
        }
        pair.settle();
        pair.check();
    }
}

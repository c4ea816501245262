//! A peer that follows a script: `peer.recv(frames::syn(3))`, `peer.send(frames::upd(3, 4096,
//! 65536))`.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(dead_code, reason = "each test file uses its own part")]

pub(crate) mod frames;

use std::time::{Duration, Instant};

use bytes::Bytes;
use snowflake_smux::{Config, Event, Read, Role, SessionError, Smux, StreamId};

use frames::Frame;

#[expect(
    clippy::disallowed_methods,
    reason = "tests need one base instant; all later ones are computed from it"
)]
pub(crate) fn epoch() -> Instant {
    Instant::now()
}

/// One end under test, and the far end of its byte stream in the hands of the test.
pub(crate) struct Peer {
    /// The end under test.
    pub(crate) ours: Smux,
    pub(crate) start: Instant,
    pub(crate) now: Instant,
    wire: Vec<u8>,
}

impl Peer {
    /// The peer of a client of ours.
    pub(crate) fn of_client() -> Self {
        Self::of(Role::Client, Config::client())
    }

    /// The peer of a server of ours.
    pub(crate) fn of_server() -> Self {
        Self::of(Role::Server, Config::server())
    }

    pub(crate) fn of(role: Role, config: Config) -> Self {
        let start = epoch();
        Self { ours: Smux::new(role, config, start), start, now: start, wire: Vec::new() }
    }

    /// The peer of a client of ours that has opened stream 3 and said so.
    pub(crate) fn with_stream(config: Config) -> (Self, StreamId) {
        let mut peer = Self::of(Role::Client, config);
        let id = peer.ours.open().unwrap();
        peer.recv(frames::syn(3));
        (peer, id)
    }

    pub(crate) fn send(&mut self, frame: Frame) {
        self.try_send(frame).unwrap();
    }

    pub(crate) fn try_send(&mut self, frame: Frame) -> Result<(), SessionError> {
        self.send_bytes(frame.encode())
    }

    pub(crate) fn send_bytes(&mut self, wire: Vec<u8>) -> Result<(), SessionError> {
        self.ours.handle_input(self.now, wire.into())
    }

    /// Sends `n` bytes of data in frames as long as they may be.
    pub(crate) fn send_data(&mut self, stream: u32, mut n: usize) {
        while n > 0 {
            let length = n.min(65535);
            self.send(frames::psh(stream, &vec![7; length]));
            n -= length;
        }
    }

    /// The next frame of our end.
    pub(crate) fn next(&mut self) -> Option<Frame> {
        while let Some(bytes) = self.ours.poll_output(40_000) {
            assert!((1..=40_000).contains(&bytes.len()));
            self.wire.extend(bytes);
            if let Some(frame) = Frame::take(&mut self.wire) {
                return Some(frame);
            }
        }
        assert!(self.wire.is_empty(), "a frame is cut off");
        None
    }

    #[track_caller]
    pub(crate) fn recv(&mut self, expected: Frame) {
        assert_eq!(self.next(), Some(expected));
    }

    #[track_caller]
    pub(crate) fn recv_nothing(&mut self) {
        assert_eq!(self.next(), None);
    }

    /// Takes data of this stream until something else comes, and returns how many bytes it was.
    #[track_caller]
    pub(crate) fn recv_data(&mut self, stream: u32) -> usize {
        let mut total = 0;
        while let Some(frame) = self.next() {
            assert_eq!((frame.command, frame.stream), (2, stream), "{frame:?}");
            total += frame.body.len();
        }
        total
    }

    /// Takes data of this stream and the FIN after it, and returns how many bytes it was.
    #[track_caller]
    pub(crate) fn recv_until_fin(&mut self, stream: u32) -> usize {
        let mut total = 0;
        loop {
            let frame = self.next().unwrap();
            if frame == frames::fin(stream) {
                return total;
            }
            assert_eq!((frame.command, frame.stream), (2, stream), "{frame:?}");
            total += frame.body.len();
        }
    }

    pub(crate) fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.ours.poll_event()).collect()
    }

    /// Reads all there is, and how it stopped.
    pub(crate) fn read_all(&mut self, id: StreamId) -> (usize, Read) {
        let mut total = 0;
        loop {
            match self.ours.read(id, usize::MAX).unwrap() {
                Read::Data(data) => total += data.len(),
                end => return (total, end),
            }
        }
    }

    /// Writes until our end takes no more.
    pub(crate) fn write_all(&mut self, id: StreamId) -> usize {
        let mut total = 0;
        loop {
            match self.ours.write(id, &[9; 10_000]).unwrap() {
                0 => return total,
                n => total += n,
            }
        }
    }

    /// Lets time pass, serving timeouts exactly when they are due.
    pub(crate) fn pass(&mut self, time: Duration) -> Result<(), SessionError> {
        let end = self.now + time;
        while let Some(due) = self.ours.poll_timeout().filter(|&due| due <= end) {
            assert!(due > self.now, "a timeout that comes again at once");
            self.now = due;
            self.ours.handle_timeout(due)?;
        }
        self.now = end;
        Ok(())
    }
}

/// The data of a read.
#[track_caller]
pub(crate) fn data(read: Read) -> Bytes {
    match read {
        Read::Data(data) => data,
        other => panic!("{other:?}"),
    }
}

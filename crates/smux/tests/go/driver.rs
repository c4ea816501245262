//! A driver over TCP for tests: one thread reads, one writes, the caller's thread owns the session.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::VecDeque;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use snowflake_smux::{Config, Role, Smux};

/// A peer that says nothing for this long fails the test.
const PATIENCE: Duration = Duration::from_secs(60);
/// Messages that wait for a thread at most; when full, the sender waits.
const QUEUE: usize = 64;

enum Wake {
    Input(Bytes),
    /// The writer has sent one piece.
    Sent,
    Closed,
}

pub(crate) struct Driver {
    pub(crate) smux: Smux,
    now: Instant,
    tcp: TcpStream,
    inbox: Receiver<Wake>,
    outbox: SyncSender<Bytes>,
    /// Input that came while the session had no budget for it; the windows of the streams bound it.
    held: VecDeque<Bytes>,
    /// Pieces with the writer; never more than its queue holds.
    on_the_way: usize,
}

impl Driver {
    #[expect(
        clippy::disallowed_methods,
        reason = "no timeout of a session is reached here: one instant will do"
    )]
    pub(crate) fn new(role: Role, config: Config, tcp: TcpStream) -> Self {
        let now = Instant::now();
        let (wake, inbox) = sync_channel(QUEUE);
        let (outbox, pieces) = sync_channel(QUEUE);
        let (reader, writer) = (tcp.try_clone().unwrap(), tcp.try_clone().unwrap());
        let wake_sent = wake.clone();
        thread::spawn(move || read(reader, &wake));
        thread::spawn(move || write(writer, &pieces, &wake_sent));
        Self {
            smux: Smux::new(role, config, now),
            now,
            tcp,
            inbox,
            outbox,
            held: VecDeque::new(),
            on_the_way: 0,
        }
    }

    /// Sends what there is to send, then waits for something to happen; false when the peer has
    /// hung up.
    pub(crate) fn turn(&mut self) -> bool {
        while self.on_the_way < QUEUE
            && let Some(piece) = self.smux.poll_output(usize::MAX)
        {
            self.on_the_way += 1;
            self.outbox.send(piece).unwrap();
        }
        if self.smux.can_receive()
            && let Some(bytes) = self.held.pop_front()
        {
            self.smux.handle_input(self.now, bytes).unwrap();
            return true;
        }
        match self.inbox.recv_timeout(PATIENCE).expect("the Go end went silent") {
            Wake::Input(bytes) => self.held.push_back(bytes),
            Wake::Sent => self.on_the_way -= 1,
            Wake::Closed => return false,
        }
        true
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Ends both threads.
        let _ = self.tcp.shutdown(Shutdown::Both);
    }
}

fn read(mut tcp: TcpStream, wake: &SyncSender<Wake>) {
    let mut buffer = vec![0; 65536];
    while let Ok(n @ 1..) = tcp.read(&mut buffer) {
        if wake.send(Wake::Input(Bytes::copy_from_slice(&buffer[..n]))).is_err() {
            return;
        }
    }
    let _ = wake.send(Wake::Closed);
}

fn write(mut tcp: TcpStream, pieces: &Receiver<Bytes>, wake: &SyncSender<Wake>) {
    while let Ok(piece) = pieces.recv() {
        if tcp.write_all(&piece).is_err() || wake.send(Wake::Sent).is_err() {
            return;
        }
    }
}

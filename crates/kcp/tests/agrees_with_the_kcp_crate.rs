//! The independent implementation on crates.io understands us, and we it, with and without loss.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "harness/pair.rs"]
mod pair;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, Write};
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use pair::{End, Pair};
use snowflake_kcp::{Config, Kcp};
use snowflake_netsim::{Path, epoch};

const CONV: u32 = 0x0403_0201;

/// Where the other implementation puts its packets.
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

/// The other implementation, driven as it wants to be: its clock set before each input, and flushed
/// after it.
struct Theirs {
    kcp: kcp::Kcp<Outbox>,
    outbox: Outbox,
    last: Instant,
}

impl Theirs {
    fn new() -> Self {
        let outbox = Outbox::default();
        let mut kcp = kcp::Kcp::new_stream(CONV, outbox.clone());
        kcp.set_nodelay(false, 10, 2, true);
        kcp.set_wndsize(4096, 4096);
        kcp.set_maximum_resend_times(u32::MAX);
        kcp.update(0).unwrap();
        Self { kcp, outbox, last: epoch() }
    }

    fn update(&mut self, now: Instant) {
        self.last = now;
        self.kcp.update(millis(now)).unwrap();
    }
}

fn millis(now: Instant) -> u32 {
    (now - epoch()).as_millis() as u32
}

impl End for Theirs {
    fn handle_packet(&mut self, now: Instant, packet: Bytes) {
        self.update(now);
        assert_eq!(self.kcp.input(&packet).unwrap(), packet.len());
        self.kcp.flush().unwrap();
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.update(now);
    }

    fn poll_transmit(&mut self, now: Instant) -> Option<Bytes> {
        self.last = now;
        self.outbox.0.borrow_mut().pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let wait = self.kcp.check(millis(self.last)).max(1);
        Some(self.last + Duration::from_millis(wait.into()))
    }

    fn write(&mut self, data: &[u8]) -> usize {
        if self.kcp.wait_snd() > 1000 {
            return 0;
        }
        let written = self.kcp.send(&data[..data.len().min(64 * 1376)]).unwrap();
        self.kcp.flush().unwrap();
        written
    }

    fn read(&mut self) -> Option<Bytes> {
        let len = self.kcp.peeksize().ok()?;
        let mut data = BytesMut::zeroed(len);
        self.kcp.recv(&mut data).unwrap();
        Some(data.freeze())
    }

    fn is_quiet(&self) -> bool {
        self.kcp.wait_snd() == 0
    }
}

#[test]
fn bytes_arrive_both_ways_at_every_loss() {
    for (seed, loss) in [(1, 0.0), (2, 0.02), (3, 0.05)] {
        let ours = Kcp::new(CONV, Config::default(), epoch());
        let path = Path::perfect().delay(Duration::from_millis(25)).loss(loss);
        let mut pair = Pair::new(ours, Theirs::new(), &path, seed);
        pair.transfer(3 << 20, 3 << 20, Duration::from_secs(60));
    }
}

#[test]
fn bytes_arrive_on_a_network_that_does_everything_wrong() {
    for seed in 0..4 {
        let ours = Kcp::new(CONV, Config::default(), epoch());
        let mut pair = Pair::new(ours, Theirs::new(), &Path::poor(), seed);
        pair.transfer(1 << 20, 1 << 20, Duration::from_secs(60));
    }
}

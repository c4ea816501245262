//! The links between client and proxies: pairs of TUN devices, and one thread that moves packets between the two of a pair as
//! a [`netsim::Link`](snowflake_netsim::Link) says.
//!
//! A packet waits in our link and nowhere else: the thread takes it from its device at once, and hands it to the other when its
//! time has come, to about 0.1 ms while there is a processor for it.

use std::{
    fmt, io,
    os::fd::AsFd,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use bytes::Bytes;
use nix::{
    poll::{PollFd, PollFlags, ppoll},
    sys::time::TimeSpec,
};
use snowflake_netsim::{Counts, Link};
use tun_rs::{DeviceBuilder, SyncDevice};

use super::{namespace::Namespace, shape::Shape};

/// Bytes of the largest packet: that of Ethernet, on which most proxies are.
const MTU: u16 = 1500;
/// Longest sleep, after which the thread sees that it is to end.
const LONGEST_SLEEP: Duration = Duration::from_millis(50);
/// Packets taken from one device before the others have their turn.
const BATCH: usize = 32;

/// All links of a lab; dropping it ends the thread and takes the devices away.
#[derive(Debug)]
pub struct Relay {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    wires: Vec<Wire>,
    ended: AtomicBool,
}

/// Which way along a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// From the proxy to the client.
    Down,
    /// From the client to the proxy.
    Up,
}

/// One link, not yet moved by anybody: the first device is the proxy's, the second the client's.
pub struct Wire {
    ends: [SyncDevice; 2],
    lanes: [Mutex<Lane>; 2],
    /// Everything vanishes.
    dark: AtomicBool,
}

#[derive(Debug)]
struct Lane {
    link: Link,
    delivered: u64,
    swallowed: u64,
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").field("lanes", &self.lanes).finish_non_exhaustive()
    }
}

impl Wire {
    /// Makes the two devices, each in its namespace, without addresses.
    ///
    /// # Errors
    /// When a device cannot be made.
    pub fn new(
        proxy: (&Namespace, &str),
        client: (&Namespace, &str),
        shape: &Shape,
        seed: u64,
    ) -> io::Result<Self> {
        let device = |(namespace, name): (&Namespace, &str)| {
            namespace.within(|| {
                let device = DeviceBuilder::new().name(name).mtu(MTU).enable(false).build_sync()?;
                device.set_nonblocking(true)?;
                Ok(device)
            })
        };
        let lane = |seed| {
            Mutex::new(Lane { link: Link::new(shape.path(), seed), delivered: 0, swallowed: 0 })
        };
        Ok(Self {
            ends: [device(proxy)?, device(client)?],
            lanes: [lane(seed), lane(seed ^ u64::MAX)],
            dark: AtomicBool::new(false),
        })
    }

    fn lane<T>(&self, way: usize, work: impl FnOnce(&mut Lane) -> T) -> T {
        work(&mut self.lanes[way].lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes what the device has to send; false when there may be more.
    fn take(&self, way: usize, now: Instant, buffer: &mut [u8]) -> bool {
        for _ in 0..BATCH {
            let Ok(length) = self.ends[way].recv(buffer) else { return true };
            let packet = Bytes::copy_from_slice(&buffer[..length]);
            self.lane(way, |lane| match self.dark.load(Relaxed) {
                true => lane.swallowed += 1,
                false => lane.link.send(now, packet),
            });
        }
        false
    }

    /// Hands out what has arrived, and says when the next packet does.
    fn deliver(&self, way: usize, now: Instant) -> Option<Instant> {
        self.lane(way, |lane| {
            while let Some(packet) = lane.link.receive(now) {
                // A device that is down takes nothing, as a cable without a machine.
                if !self.dark.load(Relaxed) && self.ends[1 - way].send(&packet).is_ok() {
                    lane.delivered += packet.len() as u64;
                }
            }
            lane.link.next_arrival()
        })
    }
}

impl Relay {
    /// Starts to move packets.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(wires: Vec<Wire>) -> io::Result<Self> {
        let shared = Arc::new(Shared { wires, ended: AtomicBool::new(false) });
        let theirs = shared.clone();
        let thread = std::thread::Builder::new()
            .name("links".into())
            .spawn(move || while theirs.turn().is_ok() && !theirs.ended.load(Relaxed) {})?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Has everything vanish on a link, or not any more; packets that are on their way then are lost too.
    pub fn darken(&self, link: usize, dark: bool) {
        self.shared.wires[link].dark.store(dark, Relaxed);
    }

    /// Bytes of packets handed out so far, of both ways.
    pub fn delivered(&self, link: usize) -> u64 {
        [Way::Down, Way::Up].map(|way| self.delivered_one_way(link, way)).iter().sum()
    }

    /// Bytes of packets handed out so far, IP headers included.
    pub fn delivered_one_way(&self, link: usize, way: Way) -> u64 {
        self.shared.wires[link].lane(way as usize, |lane| lane.delivered)
    }

    /// Packets of both ways that a dark link has swallowed.
    pub fn swallowed(&self, link: usize) -> u64 {
        let wire = &self.shared.wires[link];
        [0, 1].map(|way| wire.lane(way, |lane| lane.swallowed)).iter().sum()
    }

    /// What became of the packets of one way.
    pub fn counts(&self, link: usize, way: Way) -> Counts {
        self.shared.wires[link].lane(way as usize, |lane| lane.link.counts())
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.ended.store(true, Relaxed);
        // It cannot panic; and if it did, there is nothing left to do here.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

impl Shared {
    /// Waits for packets or their time, and moves them.
    fn turn(&self) -> io::Result<()> {
        let ready = self.wait(self.deliver())?;
        let mut buffer = [0; MTU as usize];
        for (at, _) in ready.iter().enumerate().filter(|(_, ready)| **ready) {
            // What is left makes the next wait a short one.
            self.wires[at / 2].take(at % 2, now(), &mut buffer);
        }
        Ok(())
    }

    /// Hands out everything that has arrived, and says how long nothing else does.
    fn deliver(&self) -> Duration {
        let now = now();
        let next = self.wires.iter().flat_map(|wire| [0, 1].map(|way| wire.deliver(way, now)));
        let next = next.flatten().min();
        next.map_or(LONGEST_SLEEP, |next| next.saturating_duration_since(now).min(LONGEST_SLEEP))
    }

    /// Which devices have packets, two for each wire.
    fn wait(&self, limit: Duration) -> io::Result<Vec<bool>> {
        let ends = self.wires.iter().flat_map(|wire| &wire.ends);
        let mut files: Vec<PollFd<'_>> =
            ends.map(|end| PollFd::new(end.as_fd(), PollFlags::POLLIN)).collect();
        match ppoll(&mut files, Some(TimeSpec::from_duration(limit)), None) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(files.iter().map(|file| file.any() == Some(true)).collect())
    }
}

/// The links are real: this is no virtual clock.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

//! A packet conn under observation: are its promises kept, and what comes twice?

use crate::{Check, Verdict};
use bytes::Bytes;
use snowflake_turbotunnel::{CarrierId, ClientId, Closed, Event, PacketConn};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

/// Size of a KCP header in bytes.
const HEADER: usize = 24;

/// KCP's command for a segment with data.
const PUSH: u8 = 81;

/// Which conversation each client has.
#[derive(Clone, Debug, Default)]
pub(crate) struct Conversations(Arc<Mutex<HashMap<ClientId, u32>>>);

impl Conversations {
    fn lock(&self) -> MutexGuard<'_, HashMap<ClientId, u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was seen of a packet conn.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watch(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    open: BTreeSet<CarrierId>,
    newest: Option<CarrierId>,
    ended: usize,
    sent: Numbers,
    received: Numbers,
}

/// The numbers of data segments, of which each should come once.
#[derive(Debug, Default)]
struct Numbers {
    seen: Vec<bool>,
    all: u64,
    repeated: u64,
}

/// How many data segments there were.
#[derive(Clone, Copy, Debug, Default)]
pub struct Segments {
    /// All of them.
    pub all: u64,
    /// Those that had been there before.
    pub repeated: u64,
}

impl Segments {
    /// The part that was repeated.
    pub fn repeated_part(&self) -> f64 {
        self.repeated as f64 / self.all.max(1) as f64
    }
}

impl Numbers {
    fn note(&mut self, packet: &[u8]) {
        for (number, _) in segments(packet).filter(|(_, len)| *len > 0) {
            let number = number as usize;
            if self.seen.len() <= number {
                self.seen.resize(number + 1, false);
            }
            self.all += 1;
            self.repeated += u64::from(std::mem::replace(&mut self.seen[number], true));
        }
    }

    fn count(&self) -> Segments {
        Segments { all: self.all, repeated: self.repeated }
    }
}

impl Watch {
    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many carriers have ended.
    pub(crate) fn ended(&self) -> usize {
        self.lock().ended
    }

    /// How many carriers there are.
    pub(crate) fn open(&self) -> usize {
        self.lock().open.len()
    }

    /// Data segments sent.
    pub(crate) fn sent(&self) -> Segments {
        self.lock().sent.count()
    }

    /// Data segments received.
    pub(crate) fn received(&self) -> Segments {
        self.lock().received.count()
    }
}

impl Seen {
    /// Notes an event; an error says which promise was broken.
    fn note(&mut self, event: &Event) -> Result<(), String> {
        match event {
            Event::Opened(carrier) => {
                if self.newest >= Some(*carrier) {
                    return Err(format!("{carrier:?} opened after {:?}", self.newest));
                }
                self.newest = Some(*carrier);
                self.open.insert(*carrier);
            }
            Event::Packet(carrier, packet) => {
                if !self.open.contains(carrier) {
                    return Err(format!("a packet of {carrier:?}, which is not open"));
                }
                self.received.note(packet);
            }
            Event::Ended(carrier) => {
                if !self.open.remove(carrier) {
                    return Err(format!("{carrier:?} ended, which was not open"));
                }
                self.ended += 1;
            }
        }
        Ok(())
    }
}

/// A packet conn of which everything is noted, and whose promises are checked.
#[derive(Debug)]
pub(crate) struct Watched<P> {
    inner: P,
    client: ClientId,
    side: Side,
    watch: Watch,
    conversations: Conversations,
    verdict: Verdict,
}

/// Which end of a session the conn is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Server,
}

impl<P> Watched<P> {
    pub(crate) fn new(
        inner: P,
        client: ClientId,
        side: Side,
        conversations: Conversations,
        verdict: Verdict,
    ) -> (Self, Watch) {
        let watch = Watch::default();
        (Self { inner, client, side, watch: watch.clone(), conversations, verdict }, watch)
    }

    /// A client's first packet says which conversation is its own; the server must get no other under its ClientId.
    fn check_owner(&self, packet: &[u8]) {
        let Some(conversation) = conversation(packet) else { return };
        let mut all = self.conversations.lock();
        let own = *all.entry(self.client).or_insert(conversation);
        if own != conversation {
            self.verdict.fail(
                Check::Foreign,
                format_args!("at the {:?} a packet of another session", self.side),
            );
        }
    }
}

impl<P: PacketConn> PacketConn for Watched<P> {
    fn poll_recv(
        &mut self,
        cx: &mut Context<'_>,
        events: &mut Vec<Event>,
    ) -> Poll<Result<(), Closed>> {
        let known = events.len();
        let received = self.inner.poll_recv(cx, events);
        let mut seen = self.watch.lock();
        for event in &events[known..] {
            if let Err(broken) = seen.note(event) {
                self.verdict.fail(Check::Promise, format_args!("at the {:?}: {broken}", self.side));
            }
            if let Event::Packet(_, packet) = event {
                self.check_owner(packet);
            }
        }
        if received == Poll::Ready(Ok(())) && events.len() == known {
            self.verdict.fail(Check::Promise, "ready without an event");
        }
        received
    }

    fn poll_room(&mut self, cx: &mut Context<'_>, carrier: CarrierId) -> Poll<usize> {
        self.inner.poll_room(cx, carrier)
    }

    fn send(&mut self, carrier: CarrierId, packets: &mut Vec<Bytes>) {
        for packet in &*packets {
            self.check_owner(packet);
            self.watch.lock().sent.note(packet);
        }
        self.inner.send(carrier, packets);
    }

    fn close(&mut self, carrier: CarrierId) {
        self.inner.close(carrier);
    }

    fn set_proven(&mut self, carrier: CarrierId, proven: bool) {
        self.inner.set_proven(carrier, proven);
    }

    fn set_missing(&mut self, carriers: usize) {
        self.inner.set_missing(carriers);
    }
}

fn number(packet: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(packet.get(at..at + 4)?.try_into().ok()?))
}

fn conversation(packet: &[u8]) -> Option<u32> {
    number(packet, 0)
}

/// Number and length of each data segment of a packet.
fn segments(mut packet: &[u8]) -> impl Iterator<Item = (u32, usize)> {
    std::iter::from_fn(move || {
        let (command, sn) = (*packet.get(4)?, number(packet, 12)?);
        let len = number(packet, 20)? as usize;
        packet = packet.get(HEADER + len..)?;
        Some((command == PUSH).then_some((sn, len)))
    })
    .flatten()
}

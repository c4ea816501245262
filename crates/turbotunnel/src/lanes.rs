//! The queues between one session and its carriers, however many there are of them.
//!
//! ```text
//!                 events: Opened, Packet, Ended; bounded together
//!             <-------------------------------------------------+----- Lane <-- carrier 0
//!   session                                                     +----- Lane <-- carrier 1
//!             ---- packets for carrier 0, bounded ---------------------> Lane --> carrier 0
//!             ---- packets for carrier 1, bounded ---------------------> Lane --> carrier 1
//! ```

use crate::{CarrierEnd, CarrierId, Closed, Event};
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// What a session and its carriers share, behind one lock that is taken once for each batch of packets.
///
/// Empty queues hold no memory: most sessions are idle most of the time.
#[derive(Debug)]
pub(crate) struct Lanes {
    inner: Mutex<Inner>,
    /// Whether there is a session; changed under the lock only.
    attended: AtomicBool,
    limits: Limits,
}

/// How much the queues hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Packets that wait for one carrier.
    pub(crate) outgoing: usize,
    /// Packets that wait for the session. `Opened` and `Ended` come on top: at most two for each of these packets, and
    /// two for each carrier.
    pub(crate) incoming: usize,
    /// Carriers at one time; one more displaces the oldest.
    pub(crate) carriers: usize,
}

#[derive(Debug, Default)]
struct Inner {
    events: Vec<Event>,
    /// Packets among the events.
    incoming: usize,
    /// Oldest first.
    places: Vec<Place>,
    next: u32,
    /// The session, when it waits for events.
    reader: Option<Waker>,
    /// The session, when it waits for room.
    sender: Option<Waker>,
    closed: bool,
}

/// What is known of one carrier.
#[derive(Debug)]
struct Place {
    id: CarrierId,
    outgoing: VecDeque<Bytes>,
    /// The task that pumps the carrier, when it waits for packets or for room.
    task: Option<Waker>,
    waits_for_packets: bool,
    waits_for_room: bool,
    /// Whether the session waits for room here.
    asked_for_room: bool,
    /// Whether the session was, or is about to be, told that it has opened.
    announced: bool,
    delivered: bool,
    over: Option<Over>,
}

/// Why a carrier has no business with its session any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    /// Too many newer carriers came.
    Displaced,
    /// The session closed it.
    GivenUp,
    /// The whole conn was closed.
    Closed,
}

impl From<Over> for CarrierEnd {
    fn from(over: Over) -> Self {
        match over {
            Over::Displaced => Self::Displaced,
            Over::GivenUp => Self::GivenUp,
            Over::Closed => Self::ConnClosed,
        }
    }
}

/// The session's side. All but [`begin`](Self::begin) is of use only while there is a session.
impl Lanes {
    /// Makes place for a session, which is told of the carriers that there are; false if there is one already.
    pub(crate) fn begin(&self) -> bool {
        let mut inner = self.lock();
        if self.attended.swap(true, Ordering::AcqRel) {
            return false;
        }
        let Inner { events, places, .. } = &mut *inner;
        for place in places.iter_mut().filter(|place| place.over.is_none()) {
            place.announced = true;
            events.push(Event::Opened(place.id));
        }
        true
    }

    /// Ends the session's part: what waits for it and for the carriers is dropped. The carriers stay.
    pub(crate) fn end(&self) {
        let wakers: Vec<_> = {
            let mut inner = self.lock();
            self.attended.store(false, Ordering::Release);
            inner.forget_events();
            (inner.reader, inner.sender) = (None, None);
            for place in &mut inner.places {
                place.announced = false;
                place.outgoing = VecDeque::new();
            }
            inner.those_who_wait_for_room().collect()
        };
        wake(wakers);
    }

    /// Whether there is a session to take what comes.
    pub(crate) fn is_attended(&self) -> bool {
        self.attended.load(Ordering::Acquire)
    }

    /// See [`PacketConn::poll_recv`](crate::PacketConn::poll_recv).
    pub(crate) fn poll_events(
        &self,
        cx: &Context<'_>,
        events: &mut Vec<Event>,
    ) -> Poll<Result<(), Closed>> {
        let wakers: Vec<_> = {
            let mut inner = self.lock();
            if inner.closed {
                return Poll::Ready(Err(Closed));
            }
            if inner.events.is_empty() {
                remember(&mut inner.reader, cx);
                return Poll::Pending;
            }
            events.append(&mut inner.events);
            inner.forget_events();
            inner.those_who_wait_for_room().collect()
        };
        wake(wakers);
        Poll::Ready(Ok(()))
    }

    /// See [`PacketConn::poll_room`](crate::PacketConn::poll_room).
    pub(crate) fn poll_room(&self, cx: &Context<'_>, carrier: CarrierId) -> Poll<usize> {
        let mut inner = self.lock();
        let Ok(place) = inner.place(carrier) else { return Poll::Ready(0) };
        let room = self.limits.outgoing.saturating_sub(place.outgoing.len());
        if room == 0 {
            place.asked_for_room = true;
            remember(&mut inner.sender, cx);
            return Poll::Pending;
        }
        Poll::Ready(room)
    }

    /// See [`PacketConn::send`](crate::PacketConn::send).
    pub(crate) fn send(&self, carrier: CarrierId, packets: &mut Vec<Bytes>) {
        let task = self.lock().place(carrier).ok().and_then(|place| {
            let room = self.limits.outgoing.saturating_sub(place.outgoing.len());
            place.outgoing.extend(packets.drain(..room.min(packets.len())));
            place.task.take_if(|_| place.waits_for_packets && !place.outgoing.is_empty())
        });
        packets.clear();
        wake(task);
    }

    /// See [`PacketConn::close`](crate::PacketConn::close).
    pub(crate) fn give_up(&self, carrier: CarrierId) {
        let task = self.lock().place(carrier).ok().and_then(|place| place.end(Over::GivenUp));
        wake(task);
    }
}

/// The carriers' side.
impl Lanes {
    /// Queues without carriers and without a session.
    pub(crate) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self { inner: Mutex::default(), attended: AtomicBool::new(false), limits })
    }

    /// Adds a carrier, which displaces the oldest if it is one too many.
    pub(crate) fn open(self: &Arc<Self>) -> Lane {
        let (id, wakers) = {
            let mut inner = self.lock();
            let attended = self.is_attended();
            let id = inner.add(attended);
            let displaced = inner.displace(self.limits.carriers);
            let reader = if attended { inner.reader.take() } else { None };
            (id, [displaced, reader])
        };
        wake(wakers.into_iter().flatten());
        Lane { lanes: self.clone(), id }
    }

    /// Whether any packet has come over this carrier; false for one that has ended.
    pub(crate) fn has_delivered(&self, carrier: CarrierId) -> bool {
        self.lock().place(carrier).is_ok_and(|place| place.delivered)
    }

    /// Ends the conn: the session and all carriers are told.
    pub(crate) fn close(&self) {
        let wakers: Vec<_> = {
            let mut inner = self.lock();
            inner.closed = true;
            inner.forget_events();
            let Inner { places, reader, sender, .. } = &mut *inner;
            let tasks = places.iter_mut().filter_map(|place| place.end(Over::Closed));
            tasks.chain(reader.take()).chain(sender.take()).collect()
        };
        wake(wakers);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// The place of a carrier that is not over.
    fn place(&mut self, carrier: CarrierId) -> Result<&mut Place, Over> {
        let place = self.places.iter_mut().find(|place| place.id == carrier);
        match place {
            Some(place) => place.over.map_or(Ok(place), Err),
            None => Err(Over::Closed),
        }
    }

    fn add(&mut self, attended: bool) -> CarrierId {
        let id = CarrierId::new(self.next);
        self.next = self.next.wrapping_add(1);
        self.places.push(Place {
            id,
            outgoing: VecDeque::new(),
            task: None,
            waits_for_packets: false,
            waits_for_room: false,
            asked_for_room: false,
            announced: attended,
            delivered: false,
            over: self.closed.then_some(Over::Closed),
        });
        if attended {
            self.events.push(Event::Opened(id));
        }
        id
    }

    /// Ends the oldest carrier if there are more than `most`.
    fn displace(&mut self, most: usize) -> Option<Waker> {
        let mut in_use = self.places.iter_mut().filter(|place| place.over.is_none());
        let oldest = in_use.next()?;
        if in_use.count() < most { None } else { oldest.end(Over::Displaced) }
    }

    /// Takes a carrier out; the session hears of it if it has heard, or is about to hear, anything else of it.
    ///
    /// That bounds the events of a session that takes none: each carrier that ended has packets among them, or was
    /// known when events were last taken.
    fn remove(&mut self, carrier: CarrierId) -> [Option<Waker>; 2] {
        let Some(index) = self.places.iter().position(|place| place.id == carrier) else {
            return [None, None];
        };
        let place = self.places.remove(index);
        let sender = if place.asked_for_room { self.sender.take() } else { None };
        if !place.announced || self.closed {
            return [None, sender];
        }
        let mut of_it = (0..).zip(&self.events).filter(|(_, event)| event.carrier() == carrier);
        if let (Some((index, Event::Opened(_))), None) = (of_it.next(), of_it.next()) {
            self.events.remove(index);
            return [None, sender];
        }
        self.events.push(Event::Ended(carrier));
        [self.reader.take(), sender]
    }

    fn forget_events(&mut self) {
        self.events = Vec::new();
        self.incoming = 0;
    }

    fn those_who_wait_for_room(&mut self) -> impl Iterator<Item = Waker> {
        let waiting = self.places.iter_mut().filter(|place| place.waits_for_room);
        waiting.filter_map(|place| place.task.take())
    }
}

impl Place {
    /// Ends its use; returns who is to be told.
    fn end(&mut self, over: Over) -> Option<Waker> {
        self.over = Some(over);
        self.outgoing = VecDeque::new();
        self.task.take()
    }

    /// Takes out the packets that come first: as many as stay within `budget` by `size_of`, and at least one.
    fn pop(&mut self, packets: &mut Vec<Bytes>, mut budget: usize, size_of: fn(usize) -> usize) {
        while let Some(packet) = self.outgoing.pop_front() {
            let size = size_of(packet.len());
            packets.push(packet);
            budget = budget.saturating_sub(size);
            if self.outgoing.front().is_none_or(|next| size_of(next.len()) > budget) {
                break;
            }
        }
        if self.outgoing.is_empty() {
            self.outgoing = VecDeque::new();
        }
    }
}

impl Event {
    fn carrier(&self) -> CarrierId {
        match self {
            Self::Opened(carrier) | Self::Packet(carrier, _) | Self::Ended(carrier) => *carrier,
        }
    }
}

/// One carrier's end of the queues. Dropping it ends the carrier for the session.
#[derive(Debug)]
pub(crate) struct Lane {
    lanes: Arc<Lanes>,
    id: CarrierId,
}

impl Lane {
    /// Whose it is.
    pub(crate) fn id(&self) -> CarrierId {
        self.id
    }

    /// Whether there is a session to take what comes.
    pub(crate) fn is_attended(&self) -> bool {
        self.lanes.is_attended()
    }

    /// Hands `packets` to the session; pending while some are left because there is no room.
    ///
    /// Without a session they are dropped.
    pub(crate) fn poll_push(
        &self,
        cx: &Context<'_>,
        packets: &mut Vec<Bytes>,
    ) -> Poll<Result<(), Over>> {
        if packets.is_empty() {
            return Poll::Ready(Ok(()));
        }
        let reader = {
            let mut inner = self.lanes.lock();
            if !self.is_attended() {
                packets.clear();
            }
            let room = self.lanes.limits.incoming.saturating_sub(inner.incoming);
            let taken = room.min(packets.len());
            let place = inner.place(self.id)?;
            place.delivered |= taken > 0;
            place.waits_for_room = taken < packets.len();
            if place.waits_for_room {
                remember(&mut place.task, cx);
            }
            inner.incoming += taken;
            inner
                .events
                .extend(packets.drain(..taken).map(|packet| Event::Packet(self.id, packet)));
            if taken > 0 { inner.reader.take() } else { None }
        };
        wake(reader);
        if packets.is_empty() { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    /// Appends packets that wait for the carrier, at least one when it is ready with `Ok`.
    ///
    /// It stops before `size_of` over all of them exceeds `budget`, but takes at least one.
    pub(crate) fn poll_pop(
        &self,
        cx: &Context<'_>,
        packets: &mut Vec<Bytes>,
        budget: usize,
        size_of: fn(usize) -> usize,
    ) -> Poll<Result<(), Over>> {
        let sender = {
            let mut inner = self.lanes.lock();
            let place = inner.place(self.id)?;
            place.waits_for_packets = place.outgoing.is_empty();
            if place.waits_for_packets {
                remember(&mut place.task, cx);
                return Poll::Pending;
            }
            place.pop(packets, budget, size_of);
            let asked = std::mem::take(&mut place.asked_for_room);
            if asked { inner.sender.take() } else { None }
        };
        wake(sender);
        Poll::Ready(Ok(()))
    }

    /// Ready when the carrier is of no use any more; for one that takes nothing now, and is not woken for packets.
    pub(crate) fn poll_over(&self, cx: &Context<'_>) -> Poll<Over> {
        match self.lanes.lock().place(self.id) {
            Ok(place) => {
                place.waits_for_packets = false;
                remember(&mut place.task, cx);
                Poll::Pending
            }
            Err(over) => Poll::Ready(over),
        }
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        let wakers = self.lanes.lock().remove(self.id);
        wake(wakers.into_iter().flatten());
    }
}

fn remember(slot: &mut Option<Waker>, cx: &Context<'_>) {
    if !slot.as_ref().is_some_and(|known| known.will_wake(cx.waker())) {
        *slot = Some(cx.waker().clone());
    }
}

/// Wakes tasks. The lock must be free: they may run at once.
fn wake(wakers: impl IntoIterator<Item = Waker>) {
    wakers.into_iter().for_each(Waker::wake);
}

#[cfg(test)]
mod tests;

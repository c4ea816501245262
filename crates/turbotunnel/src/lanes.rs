//! The queues between one session and its carriers, however many there are of them.
//!
//! ```text
//!                 events: Opened, Packet, Ended; bounded together
//!             <-------------------------------------------------+----- Lane <-- carrier 0
//!   Trunk                                                       +----- Lane <-- carrier 1
//!             ---- packets for carrier 0, bounded ---------------------> Lane --> carrier 0
//!             ---- packets for carrier 1, bounded ---------------------> Lane --> carrier 1
//! ```

mod inner;
mod lane;
mod trunk;

use crate::{CarrierEnd, CarrierId, Event};
use inner::Inner;
pub(crate) use lane::Lane;
use std::fmt;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};
pub(crate) use trunk::Trunk;

/// What a session and its carriers share, behind one lock that is taken once for each batch of packets.
///
/// Empty queues hold no memory: most sessions are idle most of the time.
pub(crate) struct Lanes {
    inner: Mutex<Inner>,
    /// Whether there is a session; changed under the lock only.
    attended: AtomicBool,
    limits: Limits,
}

/// Without what is behind the lock: where the client is, and what it sends.
impl fmt::Debug for Lanes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { inner: _, attended, limits } = self;
        let mut lanes = f.debug_struct("Lanes");
        lanes.field("attended", attended).field("limits", limits).finish_non_exhaustive()
    }
}

/// How much the queues hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Packets that wait for one carrier.
    pub(crate) outgoing: usize,
    /// Packets that wait for the session. `Opened` and `Ended` come on top: at most two for each of these packets, and
    /// two for each carrier.
    pub(crate) incoming: usize,
    /// Carriers at one time; one more displaces the oldest that has not proven itself, or is refused.
    pub(crate) carriers: usize,
}

/// Why a carrier has no business with its session any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    /// Too many carriers came, and it was the oldest of those that had not proven themselves.
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

impl Lanes {
    /// Queues without carriers and without a session.
    pub(crate) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self { inner: Mutex::default(), attended: AtomicBool::new(false), limits })
    }

    /// Queues without carriers, for the session that has their other end.
    pub(crate) fn with_trunk(limits: Limits) -> (Arc<Self>, Trunk) {
        let attended = AtomicBool::new(true);
        let lanes = Arc::new(Self { inner: Mutex::default(), attended, limits });
        let trunk = Trunk { lanes: lanes.clone() };
        (lanes, trunk)
    }

    /// Makes place for a session, which is told of the carriers that there are; `None` if there is one already.
    pub(crate) fn begin(self: &Arc<Self>) -> Option<Trunk> {
        let mut inner = self.lock();
        if self.attended.swap(true, Ordering::AcqRel) {
            return None;
        }
        let Inner { events, places, .. } = &mut *inner;
        for place in places.iter_mut().filter(|place| place.over.is_none()) {
            place.announced = true;
            events.push(Event::Opened(place.id));
        }
        drop(inner);
        Some(Trunk { lanes: self.clone() })
    }

    /// Whether there is a session to take what comes.
    pub(crate) fn is_attended(&self) -> bool {
        self.attended.load(Ordering::Acquire)
    }

    /// Adds a carrier. If it is one too many, the oldest that has not proven itself is over, be it this one.
    pub(crate) fn open(self: &Arc<Self>) -> Lane {
        self.open_at(None)
    }

    /// As [`open`](Self::open), for a carrier of which is said where the client is.
    pub(crate) fn open_at(self: &Arc<Self>, address: Option<IpAddr>) -> Lane {
        let (id, wakers) = {
            let mut inner = self.lock();
            let attended = self.is_attended();
            let id = inner.add(attended, address);
            let displaced = inner.displace(self.limits.carriers);
            let reader = if attended { inner.reader.take() } else { None };
            (id, [displaced, reader])
        };
        wake(wakers.into_iter().flatten());
        Lane { lanes: self.clone(), id }
    }

    /// Whether any packet has come over this carrier, of which the lane is still there.
    pub(crate) fn has_delivered(&self, carrier: CarrierId) -> bool {
        self.lock().places.iter().any(|place| place.id == carrier && place.delivered)
    }

    /// Where the client is, as the newest carrier says that has proven itself and says anything.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        self.lock().address
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

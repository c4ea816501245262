//! One carrier's end of the queues.

use super::{Lanes, Over, remember, wake};
use crate::{CarrierId, Event};
use bytes::Bytes;
use std::sync::Arc;
use std::task::{Context, Poll};

/// One carrier's end of the queues. Dropping it ends the carrier for the session.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(super) lanes: Arc<Lanes>,
    pub(super) id: CarrierId,
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

//! The session's end of the queues.

use super::{Lanes, Over, remember, wake};
use crate::{CarrierId, Closed, Event, PacketConn};
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

/// The session's end of the queues, where all lanes come together; there is one at a time.
///
/// It is all of a packet conn but the carriers. Dropping it ends the session's part: what waits for it and for the
/// carriers is dropped. The carriers stay.
#[derive(Debug)]
pub(crate) struct Trunk {
    pub(super) lanes: Arc<Lanes>,
}

impl PacketConn for Trunk {
    fn poll_recv(
        &mut self,
        cx: &mut Context<'_>,
        events: &mut Vec<Event>,
    ) -> Poll<Result<(), Closed>> {
        let wakers: Vec<_> = {
            let mut inner = self.lanes.lock();
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

    fn poll_room(&mut self, cx: &mut Context<'_>, carrier: CarrierId) -> Poll<usize> {
        let mut inner = self.lanes.lock();
        let Ok(place) = inner.place(carrier) else { return Poll::Ready(0) };
        let room = self.lanes.limits.outgoing.saturating_sub(place.outgoing.len());
        if room == 0 {
            place.asked_for_room = true;
            remember(&mut inner.sender, cx);
            return Poll::Pending;
        }
        Poll::Ready(room)
    }

    fn send(&mut self, carrier: CarrierId, packets: &mut Vec<Bytes>) {
        let task = self.lanes.lock().place(carrier).ok().and_then(|place| {
            let room = self.lanes.limits.outgoing.saturating_sub(place.outgoing.len());
            place.outgoing.extend(packets.drain(..room.min(packets.len())));
            place.task.take_if(|_| place.waits_for_packets && !place.outgoing.is_empty())
        });
        packets.clear();
        wake(task);
    }

    fn close(&mut self, carrier: CarrierId) {
        let task = self.lanes.lock().place(carrier).ok().and_then(|place| place.end(Over::GivenUp));
        wake(task);
    }

    fn set_proven(&mut self, carrier: CarrierId, proven: bool) {
        let mut inner = self.lanes.lock();
        if let Ok(place) = inner.place(carrier) {
            place.proven = proven;
            inner.update_address();
        }
    }
}

impl Drop for Trunk {
    fn drop(&mut self) {
        let wakers: Vec<_> = {
            let mut inner = self.lanes.lock();
            self.lanes.attended.store(false, Ordering::Release);
            inner.forget_events();
            (inner.reader, inner.sender) = (None, None);
            for place in &mut inner.places {
                (place.announced, place.proven) = (false, false);
                place.outgoing = VecDeque::new();
            }
            inner.those_who_wait_for_room().collect()
        };
        wake(wakers);
    }
}

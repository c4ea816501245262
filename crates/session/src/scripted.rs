//! A packet conn for tests: it brings what it is told, takes what it has room for, and keeps that.

use bytes::Bytes;
use snowflake_turbotunnel::{CarrierId, Closed, Event, PacketConn};
use std::task::{Context, Poll};

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Scripted {
    /// What happens next.
    pub(crate) events: Vec<Event>,
    /// Packets that the queue of each carrier takes.
    pub(crate) room: usize,
    /// What was sent.
    pub(crate) sent: Vec<(CarrierId, Bytes)>,
}

impl PacketConn for Scripted {
    fn poll_recv(
        &mut self,
        _: &mut Context<'_>,
        events: &mut Vec<Event>,
    ) -> Poll<Result<(), Closed>> {
        if self.events.is_empty() {
            return Poll::Pending;
        }
        events.append(&mut self.events);
        Poll::Ready(Ok(()))
    }

    fn poll_room(&mut self, _: &mut Context<'_>, _: CarrierId) -> Poll<usize> {
        if self.room > 0 { Poll::Ready(self.room) } else { Poll::Pending }
    }

    fn send(&mut self, carrier: CarrierId, packets: &mut Vec<Bytes>) {
        self.room = self.room.saturating_sub(packets.len());
        self.sent.extend(packets.drain(..).map(|packet| (carrier, packet)));
    }
}

//! The trait that a session lies on.

use crate::Closed;
use bytes::Bytes;
use std::task::{Context, Poll};

/// One end of a virtual path for packets.
///
/// # Promises
///
/// * A packet arrives whole and unaltered, or not at all.
/// * Packets may be lost, reordered and repeated.
/// * No packet of another client ever arrives.
/// * [`send`](Self::send) never waits. What exceeds the room is dropped, as a network does.
/// * The death of a carrier is not an error here. [`Closed`] comes when the other half is gone, and only then; who waits
///   is woken by it, and what is sent is dropped.
///
/// Packets are handed over in batches, so that a lock and a wake-up are paid once for many.
pub trait PacketConn: Send {
    /// Appends the packets that have arrived to `packets`, at least one when it is ready.
    ///
    /// # Errors
    ///
    /// [`Closed`] when nothing more can come.
    fn poll_recv(
        &mut self,
        cx: &mut Context<'_>,
        packets: &mut Vec<Bytes>,
    ) -> Poll<Result<(), Closed>>;

    /// How many packets [`send`](Self::send) would take now; pending while there is room for none.
    ///
    /// A session that keeps its data until there is room knows that what it has sent is under way, and does not send
    /// again what merely waits.
    ///
    /// # Errors
    ///
    /// [`Closed`] when nothing more can go.
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, Closed>>;

    /// Sends all of `packets`, leaving it empty. Those over the room are dropped.
    fn send(&mut self, packets: &mut Vec<Bytes>);
}

impl<P: PacketConn + ?Sized> PacketConn for &mut P {
    fn poll_recv(
        &mut self,
        cx: &mut Context<'_>,
        packets: &mut Vec<Bytes>,
    ) -> Poll<Result<(), Closed>> {
        (**self).poll_recv(cx, packets)
    }

    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, Closed>> {
        (**self).poll_room(cx)
    }

    fn send(&mut self, packets: &mut Vec<Bytes>) {
        (**self).send(packets);
    }
}

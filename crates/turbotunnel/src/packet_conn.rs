//! The trait that a session lies on.

use crate::delegate::delegate;
use crate::{CarrierId, Closed};
use bytes::Bytes;
use std::task::{Context, Poll};

/// What has happened to a packet conn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// There is a new carrier, ready for packets.
    Opened(CarrierId),
    /// A packet has come over a carrier.
    Packet(CarrierId, Bytes),
    /// A carrier is no more. What was sent over it and has not arrived may never do so.
    Ended(CarrierId),
}

/// One end of a virtual path for packets, over any number of carriers that come and go.
///
/// The session above chooses the carrier of each packet. The conn holds carriers, moves packets and may look for more
/// carriers; it does not judge which of them is good.
///
/// # Promises
///
/// * A packet arrives whole and unaltered, or not at all.
/// * Packets may be lost, reordered and repeated.
/// * No packet of another client ever arrives.
/// * A carrier is announced by [`Event::Opened`] before its packets, and by [`Event::Ended`] after them, and neither is
///   ever dropped. Only of a carrier that ended, without a packet, before its `Opened` was taken is nothing said.
/// * [`send`](Self::send) never waits. What exceeds the room is dropped, as a network does. Each carrier has a bounded
///   queue of its own; one that takes nothing holds nobody else up.
/// * What was not taken by [`poll_recv`](Self::poll_recv) is bounded: when it is too much, no carrier of this conn is
///   read until some of it is taken.
/// * The death of a carrier is not an error here. [`Closed`] comes when the other half is gone, and only then; who waits
///   is woken by it, and what is sent is dropped.
///
/// One task polls: the last that waited for events is woken for them, the last that waited for room for that. Packets
/// are handed over in batches, so that a lock and a wake-up are paid once for many.
pub trait PacketConn: Send {
    /// Appends what has happened, in order, at least one event when ready.
    ///
    /// # Errors
    ///
    /// [`Closed`] when nothing more can come.
    fn poll_recv(
        &mut self,
        cx: &mut Context<'_>,
        events: &mut Vec<Event>,
    ) -> Poll<Result<(), Closed>>;

    /// How many packets the carrier's queue would take now; pending, and woken later, while there is room for none.
    ///
    /// `Ready(0)` for a carrier that has ended, or that there never was.
    ///
    /// A session that keeps its data until there is room knows that what it has sent is under way, and does not send
    /// again what merely waits.
    fn poll_room(&mut self, cx: &mut Context<'_>, carrier: CarrierId) -> Poll<usize>;

    /// Sends all of `packets` over `carrier`, leaving it empty. Those over the room are dropped, all of them if the
    /// carrier has ended.
    fn send(&mut self, carrier: CarrierId, packets: &mut Vec<Bytes>);

    /// Ends a carrier that the session has given up. [`Event::Ended`] follows; packets that had come already may be
    /// taken before it, and no others.
    ///
    /// By default it does nothing.
    fn close(&mut self, carrier: CarrierId) {
        let _ = carrier;
    }

    /// Says whether a carrier has shown to the session that it works, which none has until this says so.
    ///
    /// Where there are too many carriers, one that has not makes way for one that has. By default it does nothing: a
    /// client finds its carriers itself.
    fn set_proven(&mut self, carrier: CarrierId, proven: bool) {
        let _ = (carrier, proven);
    }

    /// Says how many more carriers the session would like to have right now, given all events that it has taken.
    ///
    /// It holds until it is said again, and need not be said again while it is the same. A carrier that has opened and
    /// was not taken yet counts as one of those that are missing: nothing is dialed for it. By default it does nothing: a
    /// server cannot dial.
    fn set_missing(&mut self, carriers: usize) {
        let _ = carriers;
    }
}

impl<P: PacketConn + ?Sized> PacketConn for &mut P {
    delegate!(self => **self; poll_recv, poll_room, send, close, set_proven, set_missing);
}

//! Bugs of old, put in on purpose, to see that the checks find them.

mod carrier;
mod conn;

pub(crate) use carrier::{Delayed, Keeper, SharedQueue};
pub(crate) use conn::{Buggy, Stray};

/// A bug that implementations of this protocol have had, or could well have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// The server hands packets of one client to another.
    PacketToAnother,
    /// A buffer is filled again while who got it still reads it.
    BufferReused,
    /// Two sessions have the same ClientId.
    SharedClientId,
    /// The map of carriers forgets none.
    CarriersKept,
    /// A failed dial leaves a task behind.
    TaskLeaked,
    /// The end of a carrier is reported much too late.
    EndLate,
    /// The end of a carrier is reported twice.
    EndTwice,
    /// All packets are given to the oldest carrier, whether it takes them or not.
    DeadCarrierFed,
    /// All carriers of a server feed one queue, which one client fills.
    QueueShared,
}

//! The name of a carrier.

/// Names one carrier of a packet conn; later ones have higher numbers, and none is used twice.
///
/// It means something on this end only: it does not go over the wire, and the peer counts its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CarrierId(u32);

impl CarrierId {
    /// The one with this number.
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// Its number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

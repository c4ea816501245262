//! Where a client's carriers come from.

use crate::{Carrier, CarrierEnd};
use bytes::Bytes;
use std::fmt;

/// Finds carriers for a [`RedialPacketConn`](crate::RedialPacketConn) or a
/// [`MultiplexingPacketConn`](crate::MultiplexingPacketConn).
pub trait Dial: Send + Sync + 'static {
    /// What it finds.
    type Carrier: Carrier;
    /// Why it found none this time.
    type Error: fmt::Display + Send + 'static;

    /// Opens a carrier on which `preamble` are the first bytes. Three may be under way at one time.
    ///
    /// The preamble is an argument because some carriers can take it along before they are fully open. It may take as
    /// long as it needs, but bound each attempt. An error is not final: it is called again after a pause.
    ///
    /// # Cancel safety
    ///
    /// It is dropped at any await when its carrier is not needed any more, and must leave nothing behind then.
    fn dial(
        &self,
        preamble: Bytes,
    ) -> impl Future<Output = Result<Self::Carrier, Self::Error>> + Send;

    /// Hears that a carrier it dialed, and that was used, has ended.
    fn ended(&self, why: &CarrierEnd) {
        let _ = why;
    }
}

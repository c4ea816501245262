//! What a carrier is.

use bytes::Bytes;
use futures_core::Stream;
use futures_sink::Sink;
use std::io;

/// A pipe of bytes in both directions that may die at any moment.
///
/// It comes and goes in messages, because that is how data channels and WebSockets hand bytes over, but their borders
/// mean nothing: a relay may cut and join them. `poll_ready` of the sink is the back-pressure of one direction, not
/// polling the stream that of the other. The end of the stream is the peer's close. Implemented for whatever has the
/// right traits; `tokio_util::codec::Framed` with `BytesCodec` makes one of any byte stream.
pub trait Carrier:
    Stream<Item = io::Result<Bytes>> + Sink<Bytes, Error = io::Error> + Unpin + Send + 'static
{
}

impl<T> Carrier for T where
    T: Stream<Item = io::Result<Bytes>> + Sink<Bytes, Error = io::Error> + Unpin + Send + 'static
{
}

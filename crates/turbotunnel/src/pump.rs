//! One carrier at work: chunks in, chunks out, until it ends.

use crate::config::{CLOSE_LIMIT, MESSAGES_PER_TURN};
use crate::packet_queue::Consumer;
use crate::{Carrier, CarrierEnd, Closed, MAX_MESSAGE, MAX_PACKET};
use bytes::{Bytes, BytesMut};
use futures_util::{SinkExt, StreamExt};
use snowflake_encapsulation::{DecodeError, Decoder, encode, encoded_len};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// Where the packets that come from a carrier go.
pub(crate) trait Inbound {
    /// Whether packets would be taken; while pending, the carrier is not read.
    fn poll_room(&mut self, cx: &Context<'_>) -> Poll<Result<usize, Closed>>;
    /// Takes all of `packets`, leaving it empty.
    fn push(&mut self, packets: &mut Vec<Bytes>);
}

/// A carrier that has been used up.
pub(crate) struct Pumped<C> {
    /// To be closed; its places at the queues are free already.
    pub(crate) carrier: C,
    pub(crate) end: CarrierEnd,
    /// Whether any packet came in.
    pub(crate) received: bool,
}

/// Moves packets between `carrier` and the two queues until one of them ends.
///
/// `first` is what was read from the carrier together with its preamble.
pub(crate) async fn pump<C: Carrier>(
    carrier: C,
    first: Bytes,
    inbound: impl Inbound,
    outbound: Consumer,
    silence: Duration,
) -> Pumped<C> {
    let mut pump = Pump {
        carrier,
        inbound,
        outbound,
        decoder: Decoder::new(MAX_PACKET),
        packets: Vec::new(),
        out: BytesMut::new(),
        needs_flush: false,
        silence: Silence::new(silence),
        received: false,
    };
    pump.decoder.push(first);
    let end = poll_fn(|cx| pump.poll(cx)).await;
    Pumped { carrier: pump.carrier, end, received: pump.received }
}

/// Closes a carrier, politely for a while.
///
/// Why it ended is known already; a peer that cannot be told finds out by itself.
pub(crate) async fn close(mut carrier: impl Carrier) {
    let _ = tokio::time::timeout(CLOSE_LIMIT, carrier.close()).await;
}

struct Pump<C, I> {
    carrier: C,
    inbound: I,
    outbound: Consumer,
    decoder: Decoder,
    /// Packets on their way from one place to the next; empty between turns.
    packets: Vec<Bytes>,
    out: BytesMut,
    needs_flush: bool,
    silence: Silence,
    received: bool,
}

impl<C: Carrier, I: Inbound> Pump<C, I> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<CarrierEnd> {
        if let Poll::Ready(end) = self.poll_in(cx) {
            return Poll::Ready(end);
        }
        if let Poll::Ready(end) = self.poll_out(cx) {
            return Poll::Ready(end);
        }
        self.silence.poll_over(cx).map(CarrierEnd::Silent)
    }

    /// Reads the carrier while it has messages and the inbound queue has room.
    fn poll_in(&mut self, cx: &mut Context<'_>) -> Poll<CarrierEnd> {
        for _ in 0..MESSAGES_PER_TURN {
            let Ok(room) = ready!(self.inbound.poll_room(cx)) else {
                return Poll::Ready(CarrierEnd::ConnClosed);
            };
            match self.take_packets(room) {
                Ok(0) => {}
                Ok(_) => continue,
                Err(error) => return Poll::Ready(CarrierEnd::Misframed(error)),
            }
            match ready!(self.carrier.poll_next_unpin(cx)) {
                Some(Ok(message)) => {
                    self.silence.broken();
                    self.decoder.push(message);
                }
                Some(Err(error)) => return Poll::Ready(CarrierEnd::Failed(error)),
                None => return Poll::Ready(self.end_of_stream()),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Hands on up to `room` packets of what was read; the rest stays with the decoder.
    fn take_packets(&mut self, room: usize) -> Result<usize, DecodeError> {
        while self.packets.len() < room
            && let Some(packet) = self.decoder.next_packet()?
        {
            self.packets.push(packet);
        }
        let taken = self.packets.len();
        if taken > 0 {
            self.received = true;
            self.inbound.push(&mut self.packets);
        }
        Ok(taken)
    }

    /// Writes waiting packets while the carrier takes them, then flushes once.
    fn poll_out(&mut self, cx: &mut Context<'_>) -> Poll<CarrierEnd> {
        let full = self.poll_fill(cx);
        if let Poll::Ready(Err(end)) = full {
            return Poll::Ready(end);
        }
        if self.needs_flush {
            match self.carrier.poll_flush_unpin(cx) {
                Poll::Ready(Ok(())) => self.needs_flush = false,
                Poll::Ready(Err(error)) => return Poll::Ready(CarrierEnd::Failed(error)),
                Poll::Pending => return Poll::Pending,
            }
        }
        if full.is_ready() {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }

    /// Ready with `Ok` when the turn is over although more could be written.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), CarrierEnd>> {
        for _ in 0..MESSAGES_PER_TURN {
            let Poll::Ready(ready) = self.carrier.poll_ready_unpin(cx) else {
                // Perhaps it never takes anything again: it must hear all the same that it is over.
                return self.outbound.poll_over(cx).map(|over| Err(over.into()));
            };
            ready.map_err(CarrierEnd::Failed)?;
            ready!(self.outbound.poll_pop(cx, &mut self.packets, MAX_MESSAGE, encoded_len))?;
            for packet in self.packets.drain(..) {
                if let Err(error) = encode(&packet, &mut self.out) {
                    tracing::warn!(%error, "the session made a packet that no chunk holds; it is dropped");
                }
            }
            self.carrier.start_send_unpin(self.out.split().freeze()).map_err(CarrierEnd::Failed)?;
            self.needs_flush = true;
        }
        Poll::Ready(Ok(()))
    }

    fn end_of_stream(&self) -> CarrierEnd {
        match self.decoder.finish() {
            Ok(()) => CarrierEnd::ClosedByPeer,
            Err(error) => CarrierEnd::Misframed(error),
        }
    }
}

/// Notices that nothing has come for a while. One timer, moved only when it fires.
struct Silence {
    limit: Duration,
    last_heard: Instant,
    timer: Pin<Box<Sleep>>,
}

impl Silence {
    fn new(limit: Duration) -> Self {
        Self { limit, last_heard: Instant::now(), timer: Box::pin(tokio::time::sleep(limit)) }
    }

    fn broken(&mut self) {
        self.last_heard = Instant::now();
    }

    fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<Duration> {
        loop {
            ready!(self.timer.as_mut().poll(cx));
            let deadline = self.last_heard + self.limit;
            if deadline <= Instant::now() {
                return Poll::Ready(self.limit);
            }
            self.timer.as_mut().reset(deadline);
        }
    }
}

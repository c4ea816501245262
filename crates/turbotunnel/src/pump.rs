//! One carrier at work: chunks in, chunks out, until it ends.

use crate::config::{BATCH, BATCHES_PER_TURN, CLOSE_LIMIT, MESSAGES_PER_BATCH, MESSAGES_PER_TURN};
use crate::lanes::{Lane, Over};
use crate::{Carrier, CarrierEnd, MAX_MESSAGE, MAX_PACKET};
use bytes::{Bytes, BytesMut};
use futures_util::{SinkExt, StreamExt};
use snowflake_encapsulation::{Decoder, encode, encoded_len};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// A carrier's place at its session.
pub(crate) trait Place {
    /// Where packets for the carrier come from.
    fn lane(&self) -> &Lane;

    /// Hands `packets` to the session; while some are left because it has no room, the carrier is not read.
    fn poll_push(&mut self, cx: &Context<'_>, packets: &mut Vec<Bytes>) -> Poll<Result<(), Over>>;
}

impl Place for Lane {
    fn lane(&self) -> &Lane {
        self
    }

    fn poll_push(&mut self, cx: &Context<'_>, packets: &mut Vec<Bytes>) -> Poll<Result<(), Over>> {
        Self::poll_push(self, cx, packets)
    }
}

/// A carrier that has been used up.
pub(crate) struct Pumped<C, P> {
    /// To be closed.
    pub(crate) carrier: C,
    /// To be given back first: nobody should wait for the close.
    pub(crate) place: P,
    pub(crate) end: CarrierEnd,
    /// Whether any packet came in.
    pub(crate) received: bool,
}

/// Moves packets between `carrier` and its place until one of them ends.
///
/// `first` is what was read from the carrier together with its preamble.
pub(crate) async fn pump<C: Carrier, P: Place>(
    carrier: C,
    first: Bytes,
    place: P,
    silence: Duration,
) -> Pumped<C, P> {
    let mut pump = Pump {
        carrier,
        place,
        decoder: Decoder::new(MAX_PACKET),
        incoming: Vec::new(),
        outgoing: Vec::new(),
        out: BytesMut::new(),
        needs_flush: false,
        silence: Silence::new(silence),
        received: false,
    };
    pump.decoder.push(first);
    let end = poll_fn(|cx| pump.poll(cx)).await;
    let Pump { carrier, place, received, .. } = pump;
    Pumped { carrier, place, end, received }
}

/// Closes a carrier, politely for a while.
///
/// Why it ended is known already; a peer that cannot be told finds out by itself.
pub(crate) async fn close(mut carrier: impl Carrier) {
    let _ = tokio::time::timeout(CLOSE_LIMIT, carrier.close()).await;
}

struct Pump<C, P> {
    carrier: C,
    place: P,
    decoder: Decoder,
    /// Packets that the session had no room for; empty between turns unless it is slow.
    incoming: Vec<Bytes>,
    /// Packets on their way into one message; empty between turns.
    outgoing: Vec<Bytes>,
    out: BytesMut,
    needs_flush: bool,
    silence: Silence,
    received: bool,
}

impl<C: Carrier, P: Place> Pump<C, P> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<CarrierEnd> {
        if let Poll::Ready(end) = self.poll_in(cx) {
            return Poll::Ready(end);
        }
        if let Poll::Ready(end) = self.poll_out(cx) {
            return Poll::Ready(end);
        }
        self.silence.poll_over(cx).map(CarrierEnd::Silent)
    }

    /// Reads batches while the carrier has any and the session takes them.
    fn poll_in(&mut self, cx: &mut Context<'_>) -> Poll<CarrierEnd> {
        for _ in 0..BATCHES_PER_TURN {
            let must_wait = !self.incoming.is_empty();
            let read = if must_wait { Poll::Ready(Ok(())) } else { self.poll_batch(cx) };
            self.received |= !self.incoming.is_empty();
            let pushed = self.place.poll_push(cx, &mut self.incoming);
            match (read, pushed) {
                (Poll::Ready(Err(end)), _) => return Poll::Ready(end),
                (_, Poll::Ready(Err(over))) => return Poll::Ready(over.into()),
                (Poll::Ready(Ok(())), Poll::Ready(Ok(()))) => {}
                (Poll::Pending, _) | (_, Poll::Pending) => return Poll::Pending,
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Reads until there is a full batch; pending when the carrier has no more, which may leave a smaller one.
    fn poll_batch(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), CarrierEnd>> {
        for _ in 0..MESSAGES_PER_BATCH {
            while let Some(packet) = self.decoder.next_packet().map_err(CarrierEnd::Misframed)? {
                self.incoming.push(packet);
                if self.incoming.len() == BATCH {
                    return Poll::Ready(Ok(()));
                }
            }
            match ready!(self.carrier.poll_next_unpin(cx)) {
                Some(Ok(message)) => {
                    self.silence.broken();
                    self.decoder.push(message);
                }
                Some(Err(error)) => return Poll::Ready(Err(CarrierEnd::Failed(error))),
                None => return Poll::Ready(Err(self.end_of_stream())),
            }
        }
        Poll::Ready(Ok(()))
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
                return self.place.lane().poll_over(cx).map(|over| Err(over.into()));
            };
            ready.map_err(CarrierEnd::Failed)?;
            let lane = self.place.lane();
            ready!(lane.poll_pop(cx, &mut self.outgoing, MAX_MESSAGE, encoded_len))?;
            for packet in self.outgoing.drain(..) {
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

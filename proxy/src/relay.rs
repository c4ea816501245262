//! Copies messages between the client's carrier and the relay's until one of them ends.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use futures_core::Stream;
use futures_sink::Sink;
use futures_util::SinkExt;
use snowflake_metrics::Counter;
use thiserror::Error;
use tokio::time::{Instant, Sleep, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::{figures::Figures, timers::CLOSE};

/// A byte pipe cut in messages whose borders mean nothing: a data channel or a WebSocket.
pub(crate) trait Carrier:
    Stream<Item = io::Result<Bytes>> + Sink<Bytes, Error = io::Error> + Unpin
{
}
impl<T: Stream<Item = io::Result<Bytes>> + Sink<Bytes, Error = io::Error> + Unpin> Carrier for T {}

/// Messages copied in one go before the other direction has its turn.
const BATCH: usize = 64;

/// Why a client is over. Only some of them are errors, but all have a text for the log.
#[derive(Debug, Error)]
pub(crate) enum End {
    #[error("the client left")]
    Client,
    #[error("the relay closed")]
    Relay,
    #[error("the data channel failed: {0}")]
    ClientFailed(#[source] io::Error),
    #[error("the WebSocket failed: {0}")]
    RelayFailed(#[source] io::Error),
    #[error("not a byte in either direction")]
    Idle,
    #[error("the relay takes nothing")]
    RelayStuck,
    #[error("the proxy stops")]
    Stopped,
}

/// Copies until an end, then closes what still works, which takes at most [`CLOSE`].
///
/// Messages are passed on whole and uncopied; a direction reads only what its other end takes, and flushes when there is
/// nothing more to read. Any byte in either direction counts against `idle`; a relay that takes nothing for as long is
/// given up, whatever it sends. (A client that takes nothing is the data channel's business: it sees what is acknowledged.)
pub(crate) async fn run(
    mut client: impl Carrier,
    mut relay: impl Carrier,
    idle: Duration,
    figures: &Figures,
    stop: &CancellationToken,
) -> End {
    let end = tokio::select! {
        end = copy(&mut client, &mut relay, idle, figures) => end,
        () = stop.cancelled() => End::Stopped,
    };
    let client_failed = matches!(end, End::ClientFailed(_));
    let relay_failed = matches!(end, End::RelayFailed(_) | End::RelayStuck);
    let closing = async { tokio::join!(close(client, client_failed), close(relay, relay_failed)) };
    let _ = timeout(CLOSE, closing).await;
    end
}

/// What is still buffered goes out with the Close. One that failed is cut off: nobody would take it.
async fn close(mut carrier: impl Carrier, failed: bool) {
    if !failed {
        let _ = carrier.close().await;
    }
}

async fn copy(
    client: &mut impl Carrier,
    relay: &mut impl Carrier,
    idle: Duration,
    figures: &Figures,
) -> End {
    let mut outbound = Direction::default();
    let mut inbound = Direction::default();
    let mut alarm = Alarm { limit: idle, moved: Instant::now(), timer: Box::pin(sleep(idle)) };
    std::future::poll_fn(|cx| {
        let out = outbound.poll(cx, client, relay, &figures.outbound);
        let back = inbound.poll(cx, relay, client, &figures.inbound);
        match (out, back) {
            (Poll::Ready(Over::Ended), _) => return Poll::Ready(End::Client),
            (_, Poll::Ready(Over::Ended)) => return Poll::Ready(End::Relay),
            (Poll::Ready(Over::From(error)), _) | (_, Poll::Ready(Over::To(error))) => {
                return Poll::Ready(End::ClientFailed(error));
            }
            (Poll::Ready(Over::To(error)), _) | (_, Poll::Ready(Over::From(error))) => {
                return Poll::Ready(End::RelayFailed(error));
            }
            (Poll::Pending, Poll::Pending) => {}
        }
        if outbound.take_moved() | inbound.take_moved() {
            alarm.moved = Instant::now();
        }
        alarm.poll(cx, outbound.stuck)
    })
    .await
}

/// Why a direction is over.
enum Over {
    Ended,
    From(io::Error),
    To(io::Error),
}

/// One of the two directions.
#[derive(Default)]
struct Direction {
    /// Something was handed over and not flushed.
    unflushed: bool,
    /// Something moved since the idle timer looked.
    moved: bool,
    /// Since when the receiver takes nothing.
    stuck: Option<Instant>,
}

impl Direction {
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut impl Carrier,
        to: &mut impl Carrier,
        bytes: &Counter,
    ) -> Poll<Over> {
        for _ in 0..BATCH {
            if let Err(error) = ready!(self.poll_room(cx, to)) {
                return Poll::Ready(Over::To(error));
            }
            let message = match Pin::new(&mut *from).poll_next(cx) {
                Poll::Ready(Some(Ok(message))) => message,
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Over::From(error)),
                Poll::Ready(None) => return Poll::Ready(Over::Ended),
                Poll::Pending => return self.poll_flush(cx, to),
            };
            bytes.add(message.len() as u64);
            self.moved = true;
            self.unflushed = true;
            if let Err(error) = Pin::new(&mut *to).start_send(message) {
                return Poll::Ready(Over::To(error));
            }
        }
        // There may be more: come back after the other direction.
        cx.waker().wake_by_ref();
        self.poll_flush(cx, to)
    }

    fn poll_room(&mut self, cx: &mut Context<'_>, to: &mut impl Carrier) -> Poll<io::Result<()>> {
        let room = Pin::new(to).poll_ready(cx);
        self.stuck = room.is_pending().then(|| self.stuck.unwrap_or_else(Instant::now));
        room
    }

    /// Never done by itself: flushing is no end.
    fn poll_flush(&mut self, cx: &mut Context<'_>, to: &mut impl Carrier) -> Poll<Over> {
        if self.unflushed {
            match ready!(Pin::new(to).poll_flush(cx)) {
                Ok(()) => self.unflushed = false,
                Err(error) => return Poll::Ready(Over::To(error)),
            }
        }
        Poll::Pending
    }

    fn take_moved(&mut self) -> bool {
        std::mem::take(&mut self.moved)
    }
}

/// Ends a client for whom nothing moves. The timer is set anew only when it fires, not at every message.
struct Alarm {
    limit: Duration,
    /// When something moved, in whichever direction.
    moved: Instant,
    timer: Pin<Box<Sleep>>,
}

impl Alarm {
    /// `stuck`: since when the relay takes nothing.
    fn poll(&mut self, cx: &mut Context<'_>, stuck: Option<Instant>) -> Poll<End> {
        loop {
            ready!(self.timer.as_mut().poll(cx));
            let now = Instant::now();
            if stuck.is_some_and(|since| since + self.limit <= now) {
                return Poll::Ready(End::RelayStuck);
            }
            if self.moved + self.limit <= now {
                return Poll::Ready(End::Idle);
            }
            let earliest = stuck.map_or(self.moved, |since| since.min(self.moved));
            self.timer.as_mut().reset(earliest + self.limit);
        }
    }
}

#[cfg(test)]
mod tests;

//! Copies messages between the client's carrier and the relay's until one of them ends.

use std::{
    io,
    pin::Pin,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use futures_core::Stream;
use futures_sink::Sink;
use futures_util::SinkExt;
use thiserror::Error;
use tokio::time::{Instant, Sleep, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::{events::Stats, timers::CLOSE};

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
    #[error("the proxy stops")]
    Stopped,
}

/// Copies until an end, then closes both carriers, which takes at most [`CLOSE`].
///
/// Messages are passed on whole and uncopied; a direction reads only what its other end takes, and flushes when there is
/// nothing more to read. Any byte in either direction counts against `idle`.
pub(crate) async fn run(
    mut client: impl Carrier,
    mut relay: impl Carrier,
    idle: Duration,
    stats: &Stats,
    stop: &CancellationToken,
) -> End {
    let end = tokio::select! {
        end = copy(&mut client, &mut relay, idle, stats) => end,
        () = stop.cancelled() => End::Stopped,
    };
    // What is still buffered goes out with the Close; a peer that takes nothing is cut off.
    let _ = timeout(CLOSE, async { tokio::join!(client.close(), relay.close()) }).await;
    end
}

async fn copy(
    client: &mut impl Carrier,
    relay: &mut impl Carrier,
    idle: Duration,
    stats: &Stats,
) -> End {
    let mut outbound = Direction::default();
    let mut inbound = Direction::default();
    let mut idle = Idle { limit: idle, last: Instant::now(), timer: Box::pin(sleep(idle)) };
    std::future::poll_fn(|cx| {
        let out = outbound.poll(cx, client, relay, &stats.outbound);
        let back = inbound.poll(cx, relay, client, &stats.inbound);
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
            idle.last = Instant::now();
        }
        idle.poll(cx).map(|()| End::Idle)
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
}

impl Direction {
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut impl Carrier,
        to: &mut impl Carrier,
        bytes: &AtomicU64,
    ) -> Poll<Over> {
        for _ in 0..BATCH {
            if let Err(error) = ready!(Pin::new(&mut *to).poll_ready(cx)) {
                return Poll::Ready(Over::To(error));
            }
            let message = match Pin::new(&mut *from).poll_next(cx) {
                Poll::Ready(Some(Ok(message))) => message,
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Over::From(error)),
                Poll::Ready(None) => return Poll::Ready(Over::Ended),
                Poll::Pending => return self.poll_flush(cx, to),
            };
            bytes.fetch_add(message.len() as u64, Relaxed);
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

/// Since when nothing moved. The timer is set anew only when it fires, not at every message.
struct Idle {
    limit: Duration,
    last: Instant,
    timer: Pin<Box<Sleep>>,
}

impl Idle {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(self.timer.as_mut().poll(cx));
            let deadline = self.last + self.limit;
            if deadline <= Instant::now() {
                return Poll::Ready(());
            }
            self.timer.as_mut().reset(deadline);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, StreamExt};
    use snowflake_websocket::{Role, WebSocket};
    use tokio::{io::duplex, task::JoinHandle};

    use super::*;

    const IDLE: Duration = Duration::from_secs(30);

    /// Two carriers that are each other's peers.
    async fn pair() -> (WebSocket, WebSocket) {
        let (left, right) = duplex(64 << 10);
        tokio::join!(
            WebSocket::from_upgraded(left, Role::Client),
            WebSocket::from_upgraded(right, Role::Server)
        )
    }

    struct Relayed {
        client: WebSocket,
        server: WebSocket,
        stop: CancellationToken,
        running: JoinHandle<(End, u64, u64)>,
    }

    async fn relayed() -> Relayed {
        let (client, ours) = pair().await;
        let (theirs, server) = pair().await;
        let stop = CancellationToken::new();
        let token = stop.clone();
        let running = tokio::spawn(async move {
            let stats = Stats::default();
            let end = run(ours, theirs, IDLE, &stats, &token).await;
            (end, stats.inbound.load(Relaxed), stats.outbound.load(Relaxed))
        });
        Relayed { client, server, stop, running }
    }

    fn message(length: usize) -> Bytes {
        Bytes::from(vec![5; length])
    }

    #[tokio::test]
    async fn bytes_go_both_ways_and_are_counted() {
        let mut relayed = relayed().await;
        relayed.client.send(message(1402)).await.unwrap();
        assert_eq!(relayed.server.next().await.unwrap().unwrap(), message(1402));
        relayed.server.send(message(2048)).await.unwrap();
        assert_eq!(relayed.client.next().await.unwrap().unwrap(), message(2048));
        relayed.client.close().await.unwrap();
        assert!(relayed.server.next().await.is_none(), "the client's end closes the relay's side");
        let (end, inbound, outbound) = relayed.running.await.unwrap();
        assert!(matches!(end, End::Client));
        assert_eq!((inbound, outbound), (2048, 1402));
    }

    #[tokio::test]
    async fn the_relays_end_closes_the_clients_side() {
        let mut relayed = relayed().await;
        relayed.server.send(message(7)).await.unwrap();
        relayed.server.close().await.unwrap();
        assert_eq!(
            relayed.client.next().await.unwrap().unwrap(),
            message(7),
            "what came before counts"
        );
        assert!(relayed.client.next().await.is_none());
        assert!(matches!(relayed.running.await.unwrap().0, End::Relay));
    }

    #[tokio::test]
    async fn a_cut_side_closes_the_other() {
        let mut relayed = relayed().await;
        drop(relayed.client);
        assert!(relayed.server.next().await.is_none());
        assert!(matches!(relayed.running.await.unwrap().0, End::ClientFailed(_)));

        let mut relayed = self::relayed().await;
        drop(relayed.server);
        assert!(relayed.client.next().await.is_none());
        assert!(matches!(relayed.running.await.unwrap().0, End::RelayFailed(_)));
    }

    #[tokio::test(start_paused = true)]
    async fn silence_in_both_directions_is_the_end() {
        let before = Instant::now();
        let relayed = relayed().await;
        assert!(matches!(relayed.running.await.unwrap().0, End::Idle));
        assert!(before.elapsed() >= IDLE && before.elapsed() < IDLE + CLOSE);
    }

    /// Go looks only at what goes to the client, and cuts off uploads of half a minute.
    #[tokio::test(start_paused = true)]
    async fn bytes_in_one_direction_are_enough() {
        for upload in [true, false] {
            let before = Instant::now();
            let mut relayed = relayed().await;
            for _ in 0..20 {
                sleep(IDLE - Duration::from_secs(1)).await;
                let (from, to) = match upload {
                    true => (&mut relayed.client, &mut relayed.server),
                    false => (&mut relayed.server, &mut relayed.client),
                };
                from.send(message(1)).await.unwrap();
                assert_eq!(to.next().await.unwrap().unwrap(), message(1));
            }
            assert!(!relayed.running.is_finished());
            assert!(matches!(relayed.running.await.unwrap().0, End::Idle));
            assert!(before.elapsed() < 20 * IDLE + IDLE + CLOSE);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_receiver_that_takes_nothing_holds_the_sender() {
        let mut relayed = relayed().await;
        let mut sent = 0;
        while let Some(result) = relayed.client.send(message(10_000)).now_or_never() {
            result.unwrap();
            tokio::task::yield_now().await;
            sent += 10_000;
            assert!(sent < 2_000_000, "buffers are bounded");
        }
        let writer = tokio::spawn(async move {
            relayed.client.close().await.unwrap();
        });
        let mut received = 0;
        while let Some(Ok(message)) = relayed.server.next().await {
            received += message.len();
        }
        assert!(received >= sent, "{received} of {sent}");
        let _ = writer.await;
    }

    #[tokio::test]
    async fn stopping_closes_both_sides() {
        let mut relayed = relayed().await;
        relayed.stop.cancel();
        assert!(relayed.client.next().await.is_none());
        assert!(relayed.server.next().await.is_none());
        assert!(matches!(relayed.running.await.unwrap().0, End::Stopped));
    }

    #[tokio::test(start_paused = true)]
    async fn closing_does_not_wait_for_a_peer_that_takes_nothing() {
        let mut relayed = relayed().await;
        while relayed.client.send(message(10_000)).now_or_never().is_some() {
            tokio::task::yield_now().await;
        }
        relayed.stop.cancel();
        let before = Instant::now();
        assert!(matches!(relayed.running.await.unwrap().0, End::Stopped));
        assert!(before.elapsed() <= CLOSE);
    }
}

//! The client's packet conn: one carrier after another under one session.

use crate::packet_queue::{Consumer, PacketQueue};
use crate::pump::{Inbound, close, pump};
use crate::{Carrier, CarrierEnd, ClientId, Closed, PacketConn, RedialConfig, preamble};
use bytes::Bytes;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

/// Finds the next carrier for a [`RedialPacketConn`].
pub trait Dial: Send + 'static {
    /// What it finds.
    type Carrier: Carrier;
    /// Why it found none this time.
    type Error: fmt::Display + Send;

    /// Opens a carrier on which `preamble` are the first bytes.
    ///
    /// The preamble is an argument because some carriers can take it along before they are fully open. It may take as
    /// long as it needs, but bound each attempt. An error is not final: it is called again after a pause.
    ///
    /// # Cancel safety
    ///
    /// It is dropped at any await when the packet conn is dropped, and must leave nothing behind then.
    fn dial(
        &mut self,
        preamble: Bytes,
    ) -> impl Future<Output = Result<Self::Carrier, Self::Error>> + Send;

    /// Hears that the carrier it dialed last has ended.
    fn ended(&mut self, why: &CarrierEnd) {
        let _ = why;
    }
}

/// A packet conn that dials a new carrier whenever the last one fails.
///
/// The simplest way to outlive carriers: one at a time. A failing carrier or dial is an event, told to the dialer and
/// the log, never the end. Packets that were handed to a dead carrier are lost; the session sends them again. One
/// task owns the carrier; it ends when the conn is dropped.
#[derive(Debug)]
pub struct RedialPacketConn {
    outgoing: Arc<PacketQueue>,
    received: Consumer,
    _task: AbortOnDropHandle<()>,
}

impl RedialPacketConn {
    /// Starts dialing at once. Must be called within a tokio runtime.
    pub fn new(client: ClientId, dialer: impl Dial, config: RedialConfig) -> Self {
        let outgoing = PacketQueue::new(config.outgoing, 1);
        let incoming = PacketQueue::new(config.incoming, 1);
        let received = incoming.attach();
        let redial = Redial {
            preamble: preamble(client),
            dialer,
            outgoing: outgoing.clone(),
            incoming,
            config,
            closing: JoinSet::new(),
        };
        let task = AbortOnDropHandle::new(tokio::spawn(redial.run()));
        Self { outgoing, received, _task: task }
    }
}

impl PacketConn for RedialPacketConn {
    fn poll_recv(
        &mut self,
        cx: &mut Context<'_>,
        packets: &mut Vec<Bytes>,
    ) -> Poll<Result<(), Closed>> {
        self.received.poll_pop(cx, packets, usize::MAX, |len| len).map_err(|_| Closed)
    }

    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, Closed>> {
        self.outgoing.poll_room(cx)
    }

    fn send(&mut self, packets: &mut Vec<Bytes>) {
        self.outgoing.push(packets);
    }
}

/// Packets from the carrier go straight to the session's queue.
struct ToSession(Arc<PacketQueue>);

impl Inbound for ToSession {
    fn poll_room(&mut self, cx: &Context<'_>) -> Poll<Result<usize, Closed>> {
        self.0.poll_room(cx)
    }

    fn push(&mut self, packets: &mut Vec<Bytes>) {
        self.0.push(packets);
    }
}

/// The task behind the conn.
struct Redial<D> {
    preamble: Bytes,
    dialer: D,
    outgoing: Arc<PacketQueue>,
    incoming: Arc<PacketQueue>,
    config: RedialConfig,
    /// Used carriers on their way out, each for a second at most: the next is dialed meanwhile.
    closing: JoinSet<()>,
}

/// Also when a dialer panics: the session must not wait for a carrier that nobody dials.
impl<D> Drop for Redial<D> {
    fn drop(&mut self) {
        self.outgoing.close();
        self.incoming.close();
    }
}

impl<D: Dial> Redial<D> {
    async fn run(mut self) {
        let mut pause = Duration::ZERO;
        loop {
            let started = Instant::now();
            if self.one_carrier().await {
                pause = Duration::ZERO;
                continue;
            }
            pause = (pause * 2).clamp(self.config.retry_min, self.config.retry_max);
            tokio::time::sleep_until(started + pause).await;
        }
    }

    /// Dials a carrier and uses it up; whether it was any good.
    async fn one_carrier(&mut self) -> bool {
        let carrier = match self.dialer.dial(self.preamble.clone()).await {
            Ok(carrier) => carrier,
            Err(error) => {
                tracing::debug!(%error, "no carrier this time");
                return false;
            }
        };
        let used = pump(
            carrier,
            Bytes::new(),
            ToSession(self.incoming.clone()),
            self.outgoing.attach(),
            self.config.silence,
        )
        .await;
        tracing::debug!(end = %used.end, received = used.received, "the carrier ended");
        self.dialer.ended(&used.end);
        while self.closing.try_join_next().is_some() {}
        self.closing.spawn(close(used.carrier));
        used.received
    }
}

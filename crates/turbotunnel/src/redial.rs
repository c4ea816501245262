//! The simplest client's packet conn: one carrier after another under one session.

use crate::delegate::delegate;
use crate::lanes::{Lanes, Trunk};
use crate::pump::{close, pump};
use crate::{ClientId, Dial, PacketConn, RedialConfig, preamble};
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

/// A packet conn that dials a new carrier whenever the last one fails.
///
/// The simplest way to outlive carriers: one at a time, whatever the session would like to have. A failing carrier or
/// dial is an event, told to the dialer and the log, never the end. Packets that were handed to a dead carrier are
/// lost; the session sends them again. One task owns the carrier; it ends when the conn is dropped.
#[derive(Debug)]
pub struct RedialPacketConn {
    trunk: Trunk,
    _task: AbortOnDropHandle<()>,
}

impl RedialPacketConn {
    /// Starts dialing at once. Must be called within a tokio runtime.
    pub fn new(client: ClientId, dialer: impl Dial, config: RedialConfig) -> Self {
        let (lanes, trunk) = Lanes::with_trunk(config.limits());
        let redial =
            Redial { preamble: preamble(client), dialer, lanes, config, closing: JoinSet::new() };
        let task = AbortOnDropHandle::new(tokio::spawn(redial.run()));
        Self { trunk, _task: task }
    }
}

impl PacketConn for RedialPacketConn {
    delegate!(self => self.trunk; poll_recv, poll_room, send, close);
}

/// The task behind the conn.
struct Redial<D> {
    preamble: Bytes,
    dialer: D,
    lanes: Arc<Lanes>,
    config: RedialConfig,
    /// Used carriers on their way out, each for a second at most: the next is dialed meanwhile.
    closing: JoinSet<()>,
}

/// Also when a dialer panics: the session must not wait for a carrier that nobody dials.
impl<D> Drop for Redial<D> {
    fn drop(&mut self) {
        self.lanes.close();
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
        let lane = self.lanes.open();
        let used = pump(carrier, Bytes::new(), lane, self.config.silence).await;
        drop(used.place);
        tracing::debug!(end = %used.end, received = used.received, "the carrier ended");
        self.dialer.ended(&used.end);
        while self.closing.try_join_next().is_some() {}
        self.closing.spawn(close(used.carrier));
        used.received
    }
}

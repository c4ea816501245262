//! The loop that moves one session: events in, due timers, packets out, wake readers and writers.

use crate::SessionEnd;
use crate::config::{LINGER, SILENT};
use crate::core::{Core, Shared};
use crate::sending::Sending;
use bytes::Bytes;
use snowflake_multiplex::Order;
use snowflake_turbotunnel::{CarrierId, Event, PacketConn};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Instant as StdInstant;
use tokio::time::{Instant, Sleep};

/// Turns that a session takes before it lets other tasks run.
const TURNS: usize = 16;

/// What makes a session move; a future to be spawned by whoever owns the session.
///
/// It ends with the reason why the session is over. Dropping it ends the session at once for all its streams.
#[derive(Debug)]
#[must_use = "a session stands still unless its driver is polled"]
pub struct Driver<P> {
    shared: Shared,
    conn: P,
    role: Role,
    timer: Pin<Box<Sleep>>,
    /// Since when no handle is left.
    abandoned: Option<Instant>,
    /// Carriers that the conn was last told to find.
    missing: usize,
    challenge: Option<Challenge>,
    sending: Sending,
    /// Events and wakers on their way; empty between polls, but for what a new driver begins with.
    events: Vec<Event>,
    wakers: Vec<Waker>,
}

/// What to do with a packet of another conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Our peer never changes it: not ours, dropped.
    Client,
    /// A client that starts anew under its ClientId, once its session here has been [`SILENT`]; until then a stranger.
    Server,
}

/// Somebody wants to begin another session in the place of this one.
#[derive(Clone, Copy, Debug)]
struct Challenge {
    since: StdInstant,
    /// Good packets of this session by then. One more, and it is not silent.
    heard: u64,
}

/// Why the driver stopped, for those who go on with its conn.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The session is over.
    End(SessionEnd),
    /// The client began a new session: its carriers, and what came from them and is not used up.
    Replaced(Vec<Event>),
}

impl<P: PacketConn> Driver<P> {
    /// A driver that begins with `events`, which were taken from `conn`.
    pub(crate) fn new(shared: Shared, conn: P, role: Role, events: Vec<Event>) -> Self {
        Self {
            shared,
            conn,
            role,
            timer: Box::pin(tokio::time::sleep_until(Instant::now())),
            abandoned: None,
            missing: 0,
            challenge: None,
            sending: Sending::default(),
            events,
            wakers: Vec::new(),
        }
    }

    /// Runs until the session is over; the core knows it then, and all who waited were woken.
    pub(crate) fn poll_stop(&mut self, cx: &mut Context<'_>) -> Poll<Stop> {
        let stop = self.poll_turns(cx);
        if let Poll::Ready(stop) = &stop {
            let end = match stop {
                Stop::End(end) => *end,
                Stop::Replaced(_) => SessionEnd::Replaced,
            };
            self.shared.lock().finish(end, &mut self.wakers);
        }
        self.wakers.drain(..).for_each(Waker::wake);
        stop
    }

    /// Takes turns until nothing moves, then waits for events, room, handles and time.
    fn poll_turns(&mut self, cx: &mut Context<'_>) -> Poll<Stop> {
        for _ in 0..TURNS {
            // What is left of a session that was replaced comes first, or it would grow with each replacement.
            let received = !self.events.is_empty()
                || match self.conn.poll_recv(cx, &mut self.events) {
                    Poll::Ready(Ok(())) => true,
                    Poll::Ready(Err(_)) => return Poll::Ready(Stop::End(SessionEnd::ConnClosed)),
                    Poll::Pending => false,
                };
            let deadline = match self.turn(cx) {
                Ok(deadline) => deadline,
                Err(stop) => return Poll::Ready(stop),
            };
            if !received && self.poll_timer(cx, deadline).is_pending() {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// One turn under the lock: returns the next deadline.
    fn turn(&mut self, cx: &mut Context<'_>) -> Result<Option<StdInstant>, Stop> {
        let now = Instant::now();
        let shared = self.shared.clone();
        let mut core = shared.lock();
        core.set_driver(cx.waker());
        self.take_events(cx, &mut core, now.into_std())?;
        core.advance(now.into_std()).map_err(Stop::End)?;
        self.follow_orders(&mut core, now.into_std());
        self.sending.run(cx, &mut core, &mut self.conn, now.into_std());
        self.follow_orders(&mut core, now.into_std());
        // What left made room for writers.
        core.take_events(&mut self.wakers);
        if self.role == Role::Client {
            core.refuse_opened();
        }
        let linger = self.check_handles(&core, now).map_err(Stop::End)?;
        Ok(core.deadline().into_iter().chain(linger).min())
    }

    fn take_events(
        &mut self,
        cx: &mut Context<'_>,
        core: &mut Core,
        now: StdInstant,
    ) -> Result<(), Stop> {
        let mut batch = std::mem::take(&mut self.events);
        let mut events = batch.drain(..);
        while let Some(event) = events.next() {
            match event {
                Event::Opened(carrier) => core.carriers.opened(now, carrier.get()),
                Event::Ended(carrier) => {
                    core.carriers.ended(now, carrier.get());
                    core.receive_window.ended(carrier.get());
                }
                Event::Packet(carrier, packet) => {
                    if self.begins_another(core, now, &packet) {
                        let left = std::iter::once(Event::Packet(carrier, packet)).chain(events);
                        // What they have shown to this session says nothing to the next.
                        carriers_of(core).for_each(|id| self.conn.set_proven(id, false));
                        let known = carriers_of(core).map(Event::Opened);
                        return Err(Stop::Replaced(known.chain(left).collect()));
                    }
                    match core.kcp.handle_packet(now, packet) {
                        Ok(()) => {
                            core.carriers.heard(now, carrier.get());
                            self.sending.answer(cx, core, &mut self.conn, now, carrier);
                        }
                        // Garbage proves nothing.
                        Err(error) => tracing::trace!(%error, "the peer sent a bad packet"),
                    }
                    core.note_waiting(now, carrier.get());
                }
            }
        }
        drop(events);
        self.events = batch;
        core.settle(now);
        Ok(())
    }

    /// Whether a client begins a new session with this packet: in the place of one that is silent, or of one whose client
    /// has acknowledged nothing yet, which anybody can begin. The latter takes the first segment, as kcp-go's listener does.
    fn begins_another(&mut self, core: &Core, now: StdInstant, packet: &Bytes) -> bool {
        let Some(peek) = snowflake_kcp::peek(packet) else { return false };
        if self.role == Role::Client || peek.conv == core.kcp.conv() {
            return false;
        }
        let is_new = core.kcp.stats().acks_received == 0;
        is_new && peek.sn == 0 || self.is_silent(core, now)
    }

    /// Whether this session has been silent since another wanted its place, for long enough to lose it.
    fn is_silent(&mut self, core: &Core, now: StdInstant) -> bool {
        let stats = core.kcp.stats();
        let heard = stats.packets_received - stats.packets_bad;
        let same = self.challenge.filter(|challenge| challenge.heard == heard);
        let Challenge { since, .. } =
            *self.challenge.insert(same.unwrap_or(Challenge { since: now, heard }));
        now.saturating_duration_since(since) >= SILENT
    }

    /// Does what the session's carriers need.
    fn follow_orders(&mut self, core: &mut Core, now: StdInstant) {
        while let Some(order) = core.carriers.poll_order() {
            match order {
                Order::Probe(carrier) => {
                    self.sending.probe(core, &mut self.conn, now, CarrierId::new(carrier));
                }
                Order::Resend(carrier) => {
                    core.kcp.resend(now, carrier);
                    core.settle(now);
                }
                Order::Close(carrier) => self.conn.close(CarrierId::new(carrier)),
                Order::Trust(carrier) => {
                    tracing::debug!(carrier, "a carrier works");
                    self.conn.set_proven(CarrierId::new(carrier), true);
                }
                Order::Doubt(carrier) => {
                    tracing::debug!(carrier, "a carrier is silent");
                    self.conn.set_proven(CarrierId::new(carrier), false);
                }
            }
        }
        let missing = core.carriers.missing();
        if missing != self.missing {
            self.missing = missing;
            self.conn.set_missing(missing);
        }
    }

    /// When the lingering ends, if all handles are gone; an error when it has.
    fn check_handles(
        &mut self,
        core: &Core,
        now: Instant,
    ) -> Result<Option<StdInstant>, SessionEnd> {
        if core.handles > 0 {
            self.abandoned = None;
            return Ok(None);
        }
        let until = *self.abandoned.get_or_insert(now) + LINGER;
        if now >= until || (core.smux.streams() == 0 && core.kcp.is_quiet()) {
            return Err(SessionEnd::Closed);
        }
        Ok(Some(until.into_std()))
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>, deadline: Option<StdInstant>) -> Poll<()> {
        let Some(deadline) = deadline.map(Instant::from_std) else { return Poll::Pending };
        if self.timer.deadline() != deadline {
            self.timer.as_mut().reset(deadline);
        }
        self.timer.as_mut().poll(cx)
    }
}

/// The carriers of a session, as news for the next one.
fn carriers_of(core: &Core) -> impl Iterator<Item = CarrierId> {
    core.carriers.states().map(|(id, ..)| CarrierId::new(id))
}

impl<P: PacketConn + Unpin> Future for Driver<P> {
    type Output = SessionEnd;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<SessionEnd> {
        self.poll_stop(cx).map(|stop| match stop {
            Stop::End(end) => end,
            Stop::Replaced(_) => SessionEnd::Replaced,
        })
    }
}

impl<P> Drop for Driver<P> {
    fn drop(&mut self) {
        let mut core = self.shared.lock();
        if core.end.is_none() {
            core.finish(SessionEnd::ConnClosed, &mut self.wakers);
        }
        drop(core);
        self.wakers.drain(..).for_each(Waker::wake);
    }
}

#[cfg(test)]
mod tests;

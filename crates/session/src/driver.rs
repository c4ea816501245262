//! The loop that moves one session: packets in, due timers, frames across, packets out, wake readers and writers.

use crate::SessionEnd;
use crate::config::LINGER;
use crate::core::{Core, Shared};
use bytes::{Bytes, BytesMut};
use snowflake_turbotunnel::PacketConn;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Instant as StdInstant;
use tokio::time::{Instant, Sleep};

/// Largest packet that KCP makes; what a buffer for one packet must hold.
const MTU: usize = 1400;

/// Size of a buffer that several packets share: as many as go out in one message of a carrier.
const SHARED_BUFFER: usize = 16 * 1024;

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
    /// Batches and wakers on their way; empty between polls.
    packets: Vec<Bytes>,
    wakers: Vec<Waker>,
}

/// What to do with a packet of another conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Our peer never changes it: not ours, dropped.
    Client,
    /// A client that starts anew under its ClientId begins with sn 0, as kcp-go's listener has it.
    Server,
}

/// Why the driver stopped, for those who go on with its conn.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The session is over.
    End(SessionEnd),
    /// The client began a new session with this packet.
    Replaced(Bytes),
}

impl<P: PacketConn> Driver<P> {
    pub(crate) fn new(shared: Shared, conn: P, role: Role) -> Self {
        let timer = Box::pin(tokio::time::sleep_until(Instant::now()));
        Self { shared, conn, role, timer, abandoned: None, packets: Vec::new(), wakers: Vec::new() }
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

    /// Takes turns until nothing moves, then waits for packets, room, handles and time.
    fn poll_turns(&mut self, cx: &mut Context<'_>) -> Poll<Stop> {
        for _ in 0..TURNS {
            let received = match self.conn.poll_recv(cx, &mut self.packets) {
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
        self.take_packets(&mut core, now.into_std())?;
        core.advance(now.into_std()).map_err(Stop::End)?;
        core.take_events(&mut self.wakers);
        if self.role == Role::Client {
            core.refuse_opened();
        }
        let may_send_more = self.send_packets(cx, &mut core, now.into_std())?;
        let linger = self.check_handles(&core, now).map_err(Stop::End)?;
        let deadline = if may_send_more { core.deadline() } else { core.smux.poll_timeout() };
        Ok(deadline.into_iter().chain(linger).min())
    }

    fn take_packets(&mut self, core: &mut Core, now: StdInstant) -> Result<(), Stop> {
        for packet in self.packets.drain(..) {
            let peek = snowflake_kcp::peek(&packet);
            let other = peek.is_some_and(|peek| peek.conv != core.kcp.conv());
            if other && self.role == Role::Server && peek.is_some_and(|peek| peek.sn == 0) {
                return Err(Stop::Replaced(packet));
            }
            if let Err(error) = core.kcp.handle_packet(now, packet) {
                tracing::trace!(%error, "the peer sent a bad packet");
            }
        }
        Ok(())
    }

    /// Sends what KCP has while the conn has room; false when room is what is missing.
    ///
    /// Without room KCP keeps its segments, and its timers for them are not looked at: what waits for a carrier is
    /// not lost.
    fn send_packets(
        &mut self,
        cx: &mut Context<'_>,
        core: &mut Core,
        now: StdInstant,
    ) -> Result<bool, Stop> {
        loop {
            let room = match self.conn.poll_room(cx) {
                Poll::Ready(Ok(room)) => room,
                Poll::Ready(Err(_)) => return Err(Stop::End(SessionEnd::ConnClosed)),
                Poll::Pending => return Ok(false),
            };
            make_packets(core, now, room, &mut self.packets);
            let more = self.packets.len() == room;
            if !self.packets.is_empty() {
                self.conn.send(&mut self.packets);
                // What left made room in KCP, which smux may fill.
                core.advance(now).map_err(Stop::End)?;
                core.take_events(&mut self.wakers);
            } else if !more {
                return Ok(true);
            }
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

/// Takes up to `room` packets from KCP. Several share one allocation; one alone has a small one of its own.
fn make_packets(core: &mut Core, now: StdInstant, room: usize, packets: &mut Vec<Bytes>) {
    let mut buffer = BytesMut::new();
    while packets.len() < room {
        if buffer.capacity() < MTU {
            buffer.reserve(if packets.is_empty() { MTU } else { SHARED_BUFFER });
        }
        if core.kcp.poll_transmit(now, &mut buffer).is_none() {
            break;
        }
        packets.push(buffer.split().freeze());
    }
}

//! Packets out: data where a carrier may take it, the rest over whichever is quickest.

use crate::core::Core;
use bytes::{Bytes, BytesMut};
use snowflake_turbotunnel::{CarrierId, PacketConn};
use std::task::{Context, Poll};
use std::time::Instant;

/// Largest packet that KCP makes; what a buffer for one packet must hold.
const MTU: usize = 1400;

/// Size of a buffer that several packets share: as many as go out in one message of a carrier.
const SHARED_BUFFER: usize = 16 * 1024;

/// Makes packets of what the session has to send, and gives them to its carriers.
///
/// A packet is made only when a carrier takes it, and frames are cut only for such a packet: what a stream writes waits
/// in the stream, where it is in nobody's way, and streams take turns in what leaves next.
#[derive(Debug, Default)]
pub(crate) struct Sending {
    /// On their way to a carrier; empty between calls.
    packets: Vec<Bytes>,
}

impl Sending {
    /// Sends what may be sent; false when something has to wait for room in a carrier's queue, so that KCP's timers
    /// are of no use.
    pub(crate) fn run(
        &mut self,
        cx: &mut Context<'_>,
        core: &mut Core,
        conn: &mut impl PacketConn,
        now: Instant,
    ) -> bool {
        loop {
            let grant = core.carriers.pick(|id| room(cx, conn, id)).or_else(|| {
                // What a carrier has lost fills it until it is sent again.
                let carrier = core.kcp.overdue_on()?;
                core.carriers.pick_again(carrier).filter(|_| room(cx, conn, carrier) > 0)
            });
            let Some(grant) = grant else { break };
            core.fill(grant.bytes);
            let packets = room(cx, conn, grant.carrier);
            let data = self.make(core, now, grant.carrier, packets, grant.bytes);
            if self.packets.is_empty() {
                break;
            }
            core.carriers.sent(now, grant.carrier, data);
            conn.send(CarrierId::new(grant.carrier), &mut self.packets);
        }
        core.settle(now);
        while core.kcp.has_control() {
            let Some(carrier) = core.carriers.pick_for_control(|id| room(cx, conn, id)) else {
                return false;
            };
            let packets = room(cx, conn, carrier);
            self.make(core, now, carrier, packets, 0);
            conn.send(CarrierId::new(carrier), &mut self.packets);
        }
        true
    }

    /// Asks a carrier for proof of life. In a queue that is full there is something to be proven by already.
    pub(crate) fn probe(
        &mut self,
        core: &mut Core,
        conn: &mut impl PacketConn,
        now: Instant,
        carrier: CarrierId,
    ) {
        let mut packet = BytesMut::new();
        core.kcp.probe(now, carrier.get(), &mut packet);
        core.carriers.probed(now, carrier.get());
        self.packets.push(packet.freeze());
        conn.send(carrier, &mut self.packets);
    }

    /// Collects up to `count` packets for a carrier, until they hold `bytes` of data; returns how much they hold.
    ///
    /// When more than one is to be expected they share an allocation: that is one for eleven packets instead of one for
    /// each.
    fn make(
        &mut self,
        core: &mut Core,
        now: Instant,
        carrier: u32,
        count: usize,
        bytes: usize,
    ) -> usize {
        let mut buffer = BytesMut::new();
        let mut data = 0;
        while self.packets.len() < count {
            // An idle session, whose one packet now and then is small, must not hold a buffer for many.
            if buffer.capacity() < MTU && core.kcp.queued() > MTU {
                buffer.reserve(SHARED_BUFFER);
            }
            let takes_data = data < bytes;
            let Some(sent) = core.kcp.poll_transmit_over(now, carrier, takes_data, &mut buffer)
            else {
                break;
            };
            data += sent.data;
            self.packets.push(buffer.split().freeze());
        }
        data
    }
}

/// Packets that a carrier's queue takes; if none, the task is woken when it does.
fn room(cx: &mut Context<'_>, conn: &mut impl PacketConn, carrier: u32) -> usize {
    match conn.poll_room(cx, CarrierId::new(carrier)) {
        Poll::Ready(packets) => packets,
        Poll::Pending => 0,
    }
}

//! Packets out: data where a carrier may take it, the rest over whichever is quickest.

use crate::core::Core;
use bytes::{Bytes, BytesMut};
use snowflake_kcp::Cargo;
use snowflake_multiplex::Grant;
use snowflake_turbotunnel::{CarrierId, PacketConn};
use std::task::{Context, Poll};
use std::time::Instant;

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
    /// Sends what may be sent. Where something has to wait for room in a carrier's queue, the task is woken when there
    /// is some.
    pub(crate) fn run(
        &mut self,
        cx: &mut Context<'_>,
        core: &mut Core,
        conn: &mut impl PacketConn,
        now: Instant,
    ) {
        while let Some((grant, cargo)) = next(cx, core, conn, now) {
            let packets = room(cx, conn, grant.carrier);
            core.choose_segment(grant.carrier);
            if cargo == Cargo::Any {
                core.fill(grant.bytes.min(packets * core.kcp.segment()));
            }
            if !core.kcp.has_data() {
                // What remains may take another way than data would.
                break;
            }
            let data = self.make(core, now, packets, grant, cargo);
            if self.packets.is_empty() {
                break;
            }
            core.carriers.sent(now, grant.carrier, data);
            conn.send(CarrierId::new(grant.carrier), &mut self.packets);
        }
        core.settle(now);
        while core.kcp.has_control()
            && let Some(carrier) = core.carriers.pick_for_control(|id| room(cx, conn, id))
        {
            let packets = room(cx, conn, carrier);
            core.choose_segment(carrier);
            self.make(core, now, packets, Grant { carrier, bytes: 0 }, Cargo::Nothing);
            conn.send(CarrierId::new(carrier), &mut self.packets);
        }
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

    /// Answers the probes that have come over `carrier`, over the same. Where its queue is full the answer leaves as
    /// acknowledgements do.
    pub(crate) fn answer(
        &mut self,
        cx: &mut Context<'_>,
        core: &mut Core,
        conn: &mut impl PacketConn,
        now: Instant,
        carrier: CarrierId,
    ) {
        if !core.kcp.has_answer() || room(cx, conn, carrier.get()) == 0 {
            return;
        }
        let mut packet = BytesMut::new();
        if core.kcp.poll_answer(now, &mut packet).is_some() {
            self.packets.push(packet.freeze());
            conn.send(carrier, &mut self.packets);
        }
    }

    /// Collects up to `count` packets of `cargo`, until they hold as much data as was granted; returns how much they
    /// hold.
    ///
    /// When more than one is to be expected they share an allocation: that is one for up to eleven packets instead of one
    /// for each.
    fn make(
        &mut self,
        core: &mut Core,
        now: Instant,
        count: usize,
        grant: Grant,
        cargo: Cargo,
    ) -> usize {
        let (mut buffer, mtu) = (BytesMut::new(), core.kcp.mtu());
        let mut data = 0;
        while self.packets.len() < count {
            // An idle session, whose one packet now and then is small, must not hold a buffer for many.
            if buffer.capacity() < mtu && core.kcp.queued() > mtu {
                buffer.reserve(SHARED_BUFFER);
            }
            let cargo = if data < grant.bytes { cargo } else { Cargo::Nothing };
            let sent = core.kcp.poll_transmit_over(now, grant.carrier, cargo, &mut buffer);
            let Some(sent) = sent else { break };
            data += sent.data;
            self.packets.push(buffer.split().freeze());
        }
        data
    }
}

/// Who may take the next packets with data, and of which: whatever there is where there is room, or what a full carrier
/// has lost, which fills it until it is sent again.
fn next(
    cx: &mut Context<'_>,
    core: &mut Core,
    conn: &mut impl PacketConn,
    now: Instant,
) -> Option<(Grant, Cargo)> {
    if let Some(grant) = core.carriers.pick(now, |id| room(cx, conn, id)) {
        return Some((grant, Cargo::Any));
    }
    let has_lost = |id| core.kcp.has_lost(id) && room(cx, conn, id) > 0;
    core.carriers.pick_again(has_lost).map(|grant| (grant, Cargo::Lost))
}

/// Packets that a carrier's queue takes; if none, the task is woken when it does.
fn room(cx: &mut Context<'_>, conn: &mut impl PacketConn, carrier: u32) -> usize {
    match conn.poll_room(cx, CarrierId::new(carrier)) {
        Poll::Ready(packets) => packets,
        Poll::Pending => 0,
    }
}

#[cfg(test)]
mod tests;

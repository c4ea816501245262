//! Packets out.

use std::time::Instant;

use bytes::BytesMut;

use super::{Kcp, is_due};
use crate::config::{ACK_AGE, MANY_TRANSMISSIONS};
use crate::segment::{Command, Common, PacketWriter};
use crate::send::{Cause, Due, Moment};

/// A packet that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// Its length in bytes.
    pub len: usize,
    /// How many of them are data, to be heard of again in an [`Outcome`](crate::Outcome).
    pub data: usize,
}

/// Which data a packet may take along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cargo {
    /// None: the carrier has no room for it.
    Nothing,
    /// What was sent over the same carrier before and is lost: it needs no room.
    Lost,
    /// Whatever is to be sent, old before new.
    Any,
}

impl Kcp {
    /// Appends the next packet to `out` and returns its length, at most [`Kcp::mtu`] for new data; `None` when there is
    /// nothing to send now.
    ///
    /// Nothing is counted as sent before it is handed out here: a driver whose path is full stops
    /// calling, for as long as it takes, and loses nothing but time. The same as
    /// [`Kcp::poll_transmit_over`] for a driver with one carrier, number 0, that takes everything.
    pub fn poll_transmit(&mut self, now: Instant, out: &mut BytesMut) -> Option<usize> {
        self.poll_transmit_over(now, 0, Cargo::Any, out).map(|sent| sent.len)
    }

    /// Appends the next packet, to be sent over `carrier`, with as much of `cargo` as fits.
    ///
    /// Acknowledgements and questions about the window may go over any carrier at any time; they are small, and to
    /// hold them back would hold back the peer.
    pub fn poll_transmit_over(
        &mut self,
        now: Instant,
        carrier: u32,
        cargo: Cargo,
        out: &mut BytesMut,
    ) -> Option<Sent> {
        self.observe(now);
        if !self.has_control() && self.next_due(carrier, cargo).is_none() {
            return None;
        }
        let mut packet = PacketWriter::new(out, self.mtu(), self.common());
        let mut data = 0;
        let takes_data = self.next_due(carrier, cargo).is_some();
        if self.put_acks(&mut packet, takes_data) && self.put_questions(&mut packet) {
            data = self.put_data(&mut packet, carrier, cargo);
        }
        self.stats.packets_sent += 1;
        Some(Sent { len: packet.len(), data })
    }

    /// Appends a packet that asks `carrier` for proof of life; the answer comes as an [`Outcome`](crate::Outcome).
    ///
    /// It is 24 bytes long, costs the peer an acknowledgement, and does nothing else to the session.
    pub fn probe(&mut self, now: Instant, carrier: u32, out: &mut BytesMut) {
        self.observe(now);
        let ts = self.clock.wire(self.now);
        let sn = self.probes.ask(carrier, ts, self.send.una());
        PacketWriter::new(out, self.mtu(), self.common()).put(Command::Push, ts, sn);
        self.stats.packets_sent += 1;
    }

    /// Whether a probe has come that is not answered yet.
    pub fn has_answer(&self) -> bool {
        self.acks.are_asked_for()
    }

    /// Appends a packet with the answers to the probes that have come; `None` if there are none to give.
    ///
    /// To be asked after each packet that was handled, and to be sent over the carrier that it came over: so each answer
    /// proves both directions of the carrier that was asked. Who has one path need not ask: what is not taken here leaves
    /// at once with the next packet.
    pub fn poll_answer(&mut self, now: Instant, out: &mut BytesMut) -> Option<usize> {
        self.observe(now);
        let first = self.acks.take_answer()?;
        let mut packet = PacketWriter::new(out, self.mtu(), self.common());
        packet.put(Command::Ack, first.ts, first.sn);
        self.stats.acks_sent += 1;
        while let Some(ack) = packet.fits(0).then(|| self.acks.take_answer()).flatten() {
            packet.put(Command::Ack, ack.ts, ack.sn);
            self.stats.acks_sent += 1;
        }
        self.stats.packets_sent += 1;
        Some(packet.len())
    }

    fn common(&self) -> Common {
        let (window, una) = (self.recv.free(), self.recv.next());
        Common { conv: self.conv, window, una, paced: self.config.paced }
    }

    /// Puts pending acknowledgements, unless the packet `takes_data` that says as much; false when some did not fit.
    fn put_acks(&mut self, packet: &mut PacketWriter<'_>, takes_data: bool) -> bool {
        if takes_data && self.peer_is_paced && self.acks.are_said_by(self.recv.next(), self.now) {
            return true;
        }
        let mut last = None;
        while self.acks.deadline().is_some() {
            if !packet.fits(0) {
                self.acks.hasten(self.now);
                return false;
            }
            if let Some(ack) = self.acks.pop(self.recv.next(), self.now) {
                packet.put(Command::Ack, ack.ts, ack.sn);
                self.stats.acks_sent += 1;
                last = Some(ack);
            }
        }
        if let Some(ack) =
            last.filter(|_| self.config.paced && !self.peer_is_paced && packet.fits(0))
        {
            packet.put(Command::Ack, ack.ts.wrapping_sub(ACK_AGE), ack.sn);
        }
        true
    }

    /// Puts window questions and answers; false when one did not fit.
    fn put_questions(&mut self, packet: &mut PacketWriter<'_>) -> bool {
        if is_due(self.peer_window.deadline(), self.now) {
            if !packet.fits(0) {
                return false;
            }
            packet.put(Command::AskWindow, 0, 0);
            self.peer_window.asked(self.now);
            self.stats.questions_sent += 1;
        }
        if self.tell_window.is_some() {
            if !packet.fits(0) {
                return false;
            }
            packet.put(Command::TellWindow, 0, 0);
            self.tell_window = None;
        }
        true
    }

    /// Puts data segments, old before new, until one does not fit; returns how many bytes of data.
    fn put_data(&mut self, packet: &mut PacketWriter<'_>, carrier: u32, cargo: Cargo) -> usize {
        let (now, ts) = (self.now, self.clock.wire(self.now));
        let moment = Moment { now, ts, timeout: self.rtt.timeout(), carrier };
        let mut put = 0;
        while let Some(due) = self.next_due(carrier, cargo) {
            if !packet.fits(due.len.into()) {
                break;
            }
            let transmissions = self.send.transmit(due, moment);
            packet.put_data(Command::Push, moment.ts, due.sn, self.send.data(due.sn));
            put += usize::from(due.len);
            match due.cause {
                Cause::New => self.stats.segments_sent += 1,
                Cause::Skipped => self.stats.resent_skipped += 1,
                Cause::Timeout => self.stats.resent_timeout += 1,
            }
            self.stats.stubborn += u64::from(transmissions == MANY_TRANSMISSIONS);
        }
        self.watch_peer_window();
        put
    }

    /// Whether something has to be sent that is no data.
    pub fn has_control(&self) -> bool {
        is_due(self.acks.deadline(), self.now)
            || is_due(self.tell_window, self.now)
            || is_due(self.peer_window.deadline(), self.now)
    }

    /// Whether data may be sent now, be it new or once more.
    pub fn has_data(&self) -> bool {
        self.next_due(0, Cargo::Any).is_some()
    }

    /// Whether something that was sent over `carrier` is lost, and has to be sent once more now.
    ///
    /// Sent over the same carrier again, as [`Cargo::Lost`], it takes the place of what is lost there, so it needs no
    /// room of its own.
    pub fn has_lost(&self, carrier: u32) -> bool {
        self.next_due(carrier, Cargo::Lost).is_some()
    }

    fn next_due(&self, carrier: u32, cargo: Cargo) -> Option<Due> {
        match cargo {
            Cargo::Nothing => None,
            Cargo::Lost => self.send.next_lost(self.now, self.send_limit(), carrier),
            Cargo::Any => self.send.next_due(self.now, self.send_limit()),
        }
    }
}

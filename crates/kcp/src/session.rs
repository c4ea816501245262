//! The machine that ties the halves together.

mod transmit;

use std::time::Instant;

use bytes::Bytes;

use crate::ack::{Ack, PendingAcks};
use crate::clock::{Clock, distance};
use crate::config::{Config, INTERVAL, LONGEST_PACKET, MTU_MIN, RTO_MAX};
use crate::error::PacketError;
use crate::outcome::Outcome;
use crate::probe::Probes;
use crate::recv::{Receiver, Verdict};
use crate::rtt::RoundTrip;
use crate::segment::{Command, HEADER_LEN, Segment};
use crate::send::Sender;
use crate::stats::Stats;
use crate::window::PeerWindow;
pub use transmit::{Cargo, Sent};

/// One end of a KCP session: a reliable byte stream over packets that may be lost.
///
/// See the [crate documentation](crate) for the contract with its driver. A `Kcp` never ends by
/// itself: however long nothing arrives, it goes on where it was.
#[derive(Debug)]
pub struct Kcp {
    conv: u32,
    config: Config,
    clock: Clock,
    /// The latest time that was passed in.
    now: u64,
    send: Sender,
    recv: Receiver,
    acks: PendingAcks,
    rtt: RoundTrip,
    peer_window: PeerWindow,
    /// When to tell the peer our window unasked for by data, if so.
    tell_window: Option<u64>,
    probes: Probes,
    peer_is_paced: bool,
    /// When the peer sent what came last, by its clock.
    sent_at: Option<u32>,
    stats: Stats,
}

impl Kcp {
    /// Begins a session with nothing sent or received; `now` becomes zero on its clock.
    ///
    /// `conv` is the same at both ends: the client draws it at random, the server takes it from the
    /// first packet (see [`peek`](crate::peek)).
    pub fn new(conv: u32, config: Config, now: Instant) -> Self {
        Self::starting_at(conv, config, Clock::new(now), 0)
    }

    fn starting_at(conv: u32, mut config: Config, clock: Clock, first: u32) -> Self {
        config.mtu = config.mtu.max(MTU_MIN);
        let mss = config.mtu - HEADER_LEN as u16;
        let shortest = config.shortest_timeout.as_millis().clamp(1, RTO_MAX.into()) as u32;
        Self {
            conv,
            clock,
            now: 0,
            send: Sender::new(first, mss),
            recv: Receiver::new(first, config.receive_window, config.receive_limit),
            acks: PendingAcks::new(usize::from(config.mtu) / HEADER_LEN),
            rtt: RoundTrip::new(shortest),
            peer_window: PeerWindow::new(),
            // The sooner the peer knows that this end is paced, the sooner it opens its window.
            tell_window: config.paced.then_some(0),
            probes: Probes::default(),
            peer_is_paced: false,
            sent_at: None,
            stats: Stats::default(),
            config,
        }
    }

    /// The conversation number.
    pub fn conv(&self) -> u32 {
        self.conv
    }

    /// Largest packet that is begun now, in bytes: [`Config::mtu`], or the smallest that makes sense, and the longer one
    /// that [`Kcp::set_segment`] allows. A segment that was cut longer before makes a packet that is as long, up to
    /// [`LONGEST_PACKET`].
    pub fn mtu(&self) -> usize {
        usize::from(self.config.mtu).max(HEADER_LEN + self.segment())
    }

    /// Most data of a segment that is sent for the first time from now on, in bytes.
    pub fn segment(&self) -> usize {
        self.send.mss().into()
    }

    /// Has new segments hold up to `data` bytes if the peer is paced, at least what fits into [`Config::mtu`] and at most
    /// what fits into [`LONGEST_PACKET`].
    ///
    /// A header costs 24 bytes and a segment its book-keeping at both ends, so a fast path wants long ones; on a slow path
    /// they would be long in the way of each other. kcp-go cuts what is longer than 1500 bytes, so other peers get segments
    /// that fit into [`Config::mtu`] whatever is said here.
    pub fn set_segment(&mut self, data: usize) {
        let least = usize::from(self.config.mtu) - HEADER_LEN;
        let most = if self.peer_is_paced { LONGEST_PACKET - HEADER_LEN } else { least };
        self.send.set_mss(data.clamp(least, most.max(least)) as u16);
    }

    /// Takes a packet that has arrived.
    ///
    /// Data is kept as slices of `packet`, so it should own little more memory than it shows; where
    /// data is less than a quarter of the packet it is copied instead.
    ///
    /// # Errors
    ///
    /// The packet is bad from some segment on. What came before it counts, and so does the session.
    pub fn handle_packet(&mut self, now: Instant, mut packet: Bytes) -> Result<(), PacketError> {
        self.observe(now);
        self.send.begin_flush();
        self.stats.packets_received += 1;
        let whole = packet.len();
        let sent = self.send.una()..self.send.next();
        let mut echo = None;
        let result = if whole < HEADER_LEN {
            Err(PacketError::TooShort { len: whole })
        } else {
            loop {
                match Segment::take(&mut packet, self.conv) {
                    Ok(Some(segment)) => echo = self.handle_segment(segment, whole).or(echo),
                    Ok(None) => break Ok(()),
                    Err(error) => break Err(error),
                }
            }
        };
        self.stats.packets_bad += u64::from(result.is_err());
        if let Some(ack) = echo.filter(|ack| covers(&sent, ack.sn)) {
            self.measure(ack.ts);
        }
        self.send.postpone_timeouts(self.now + u64::from(self.rtt.timeout()));
        if self.send.una() != sent.start {
            self.acks.hasten_many(self.now);
        }
        self.watch_peer_window();
        result
    }

    /// Processes one segment; returns the acknowledgement if it is one.
    fn handle_segment(&mut self, segment: Segment, whole: usize) -> Option<Ack> {
        let ack = Ack { sn: segment.sn, ts: segment.ts };
        if segment.command == Command::Ack {
            self.note_answer(ack);
        }
        self.peer_is_paced |= segment.paced;
        // A packet that was overtaken says nothing new about the window.
        if distance(segment.una, self.send.una()) >= 0 {
            self.peer_window.set(segment.window);
        }
        self.send.advance(segment.una, self.now);
        match segment.command {
            Command::Push => self.handle_data(ack, segment.data, whole),
            Command::Ack => {
                self.stats.acks_received += 1;
                self.send.acknowledge(ack.sn, ack.ts, self.now);
                return Some(ack);
            }
            Command::AskWindow => self.tell_window = Some(self.now),
            Command::TellWindow => {}
        }
        None
    }

    fn handle_data(&mut self, ack: Ack, data: Bytes, whole: usize) {
        if data.is_empty() && distance(ack.sn, self.recv.next()) < 0 {
            return self.acks.answer(ack, self.now);
        }
        let wasteful = data.len() < whole / 4;
        let data = if wasteful { Bytes::copy_from_slice(&data) } else { data };
        let len = data.len();
        let count = match self.recv.accept(ack.sn, data) {
            Verdict::New => &mut self.stats.segments_received,
            Verdict::Duplicate => &mut self.stats.duplicates_received,
            Verdict::Refused => {
                self.stats.segments_refused += 1;
                return;
            }
        };
        *count += 1;
        self.sent_at = Some(ack.ts);
        let patient = self.peer_is_paced && self.send.in_flight() > 0;
        self.acks.push(ack, len, patient, self.now);
    }

    /// Credits the carrier that the acknowledged transmission went over. Before `una` is looked at, which lets go of
    /// what would tell.
    fn note_answer(&mut self, ack: Ack) {
        let now = self.clock.wire(self.now);
        if let Some(carrier) = self.send.carrier_of(ack.sn, ack.ts) {
            self.send.outcomes.answered(carrier, ack, now);
        } else if let Some(carrier) = self.probes.answered(ack) {
            self.send.outcomes.answered(carrier, ack, now);
            self.send.probe_answered(carrier, ack.ts, self.now);
        }
    }

    /// Takes the round trip of a transmission whose clock value has come back.
    fn measure(&mut self, ts: u32) {
        if let Ok(rtt) = u32::try_from(distance(self.clock.wire(self.now), ts)) {
            self.rtt.sample(rtt);
        }
    }

    /// Notes that time has passed; to be called at [`Kcp::poll_timeout`], harmless at other times.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.observe(now);
        self.send.begin_flush();
        self.watch_peer_window();
    }

    /// Takes everything in flight over `carrier` for lost, to be sent again at once.
    ///
    /// For a driver that knows: the carrier is gone, with what it had swallowed, and there is another. Without this,
    /// each segment waits for its own timeout, which may have grown to a minute.
    pub fn resend(&mut self, now: Instant, carrier: u32) {
        self.observe(now);
        self.send.begin_flush();
        self.send.resend(carrier, self.now);
    }

    /// What became of what was sent over one carrier; `None` when there is nothing new to tell of any.
    pub fn poll_outcome(&mut self) -> Option<Outcome> {
        self.send.outcomes.pop(self.clock.wire(self.now))
    }

    /// Whether the peer has said that it controls how much it has under way, as [`Config::paced`] does here.
    pub fn peer_is_paced(&self) -> bool {
        self.peer_is_paced
    }

    /// When to call [`Kcp::handle_timeout`], to the millisecond; `None` if never.
    ///
    /// `None` also while there are acknowledgements or the like to send: then nothing depends on time, only on the path
    /// having room. While data is under way there is a deadline otherwise, always ahead: what is due already, and waits
    /// for room on some carrier, must not hide what will be lost on another.
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.has_control() {
            return None;
        }
        let data = self.send.deadline(self.now);
        [self.acks.deadline(), self.tell_window, self.peer_window.deadline(), data]
            .into_iter()
            .flatten()
            .min()
            .map(|deadline| self.clock.instant(deadline))
    }

    /// Accepts the beginning of `data`, as much as [`Kcp::writable`] says, and returns how much.
    pub fn write(&mut self, data: &[u8]) -> usize {
        let accepted = data.len().min(self.writable());
        self.send.push(&data[..accepted]);
        self.watch_peer_window();
        accepted
    }

    /// How many bytes [`Kcp::write`] would accept.
    ///
    /// Bounded by [`Config::queue_limit`], and by the windows: queued and in flight together are at
    /// most as many segments as this end's send window and the peer's receive window allow. Before the
    /// peer's first segment that is 32. While the peer's window is closed and nothing is in flight, one
    /// segment may wait: without it there would be no reason to ask whether the window has opened.
    pub fn writable(&self) -> usize {
        let queue = self.config.queue_limit.saturating_sub(self.send.queued());
        self.send.room(self.send_limit().max(1)).min(queue)
    }

    /// The next received bytes of the stream; `None` when there are none.
    pub fn read(&mut self) -> Option<Bytes> {
        let closed = self.recv.free() == 0;
        let data = self.recv.read();
        self.tell_reopened(closed);
        data
    }

    /// Whether [`Kcp::read`] would return bytes.
    pub fn is_readable(&self) -> bool {
        self.recv.is_readable()
    }

    /// Changes [`Config::receive_window`], the largest window advertised from now on, in segments.
    ///
    /// A narrower window slows the peer by and by: what it has sent already is still accepted.
    pub fn set_receive_window(&mut self, segments: u16) {
        let closed = self.recv.free() == 0;
        self.config.receive_window = segments;
        self.recv.set_window(segments);
        self.tell_reopened(closed);
    }

    /// Tells the peer within one interval that a closed window has opened, with what is free by then.
    fn tell_reopened(&mut self, was_closed: bool) {
        if was_closed && self.recv.free() > 0 && self.tell_window.is_none() {
            self.tell_window = Some(self.now + u64::from(INTERVAL));
        }
    }

    /// When the peer sent the data that came last, by its clock in milliseconds; once for each time that data came.
    pub fn take_sent_at(&mut self) -> Option<u32> {
        self.sent_at.take()
    }

    /// Segments sent and not yet passed by the peer's acknowledgements.
    pub fn in_flight(&self) -> usize {
        self.send.in_flight()
    }

    /// Bytes written that have not been sent once.
    pub fn queued(&self) -> usize {
        self.send.queued()
    }

    /// Bytes received and not yet read, in or out of order, as [`Config::receive_limit`] counts them.
    pub fn held(&self) -> usize {
        self.recv.held()
    }

    /// Whether nothing is left to do until the next packet or write: all data acknowledged, all
    /// acknowledgements sent.
    pub fn is_quiet(&self) -> bool {
        self.in_flight() == 0
            && self.queued() == 0
            && !self.has_control()
            && self.poll_timeout().is_none()
    }

    /// Counters and measurements so far.
    pub fn stats(&self) -> Stats {
        Stats {
            srtt: self.rtt.smoothed(),
            rto: self.rtt.timeout(),
            peer_window: self.peer_window.size(),
            ..self.stats
        }
    }

    /// Time only goes forward, whatever the driver says.
    fn observe(&mut self, now: Instant) {
        self.now = self.now.max(self.clock.millis(now));
    }

    fn send_limit(&self) -> u16 {
        self.config.send_window.min(self.peer_window.size())
    }

    fn watch_peer_window(&mut self) {
        self.peer_window.watch(self.send.queued() > 0, self.now);
    }
}

fn is_due(deadline: Option<u64>, now: u64) -> bool {
    deadline.is_some_and(|deadline| deadline <= now)
}

/// Whether `sn` is one of the sequence numbers in `range`, which may wrap.
fn covers(range: &std::ops::Range<u32>, sn: u32) -> bool {
    distance(sn, range.start) >= 0 && distance(sn, range.end) < 0
}

#[cfg(test)]
mod tests;

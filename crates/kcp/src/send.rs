//! The sending half: bytes that wait, bytes in flight, and which segment is sent next.

mod flight;
mod schedule;

use std::collections::VecDeque;

use crate::clock::distance;
use crate::config::{KEEP_CAPACITY, KEEP_TIME, RTO_MAX};
use crate::outcome::Outcomes;
use flight::Flight;
pub(crate) use flight::Slot;
use schedule::{Schedule, Stamp};

/// Why a segment is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// For the first time.
    New,
    /// Something sent later has arrived.
    Skipped,
    /// Its timeout has passed.
    Timeout,
}

/// A segment that may be sent now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) sn: u32,
    /// Bytes of data.
    pub(crate) len: u16,
    pub(crate) cause: Cause,
}

/// The moment of a transmission.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) now: u64,
    /// The same, as the `ts` field has it.
    pub(crate) ts: u32,
    /// The current retransmission timeout.
    pub(crate) timeout: u32,
    /// The carrier that is sent over.
    pub(crate) carrier: u32,
}

/// All bytes that the peer has not passed, in one ring, and where the segments among them lie.
///
/// The bytes in flight come first, then those queued. A segment is cut from the queue at the moment it
/// is first sent, so writes coalesce for as long as they wait: KCP's stream mode.
#[derive(Debug)]
pub(crate) struct Sender {
    bytes: VecDeque<u8>,
    /// The most that they were since they were last none.
    peak: usize,
    /// Since when that was little of the room that there is.
    little_since: Option<u64>,
    /// Position in the stream of the first byte in `bytes`.
    base: u64,
    in_flight_bytes: usize,
    mss: u16,
    flight: Flight,
    schedule: Schedule,
    pub(crate) outcomes: Outcomes,
    /// Whether a new segment was sent since [`Sender::begin_flush`].
    sent_new: bool,
    /// Whether anything was acknowledged since [`Sender::postpone_timeouts`].
    progress: bool,
    /// No timeout expires before this.
    no_timeout_before: u64,
}

impl Sender {
    /// Numbers segments from `first` on; each holds at most `mss` bytes.
    pub(crate) fn new(first: u32, mss: u16) -> Self {
        Self {
            bytes: VecDeque::new(),
            peak: 0,
            little_since: None,
            base: 0,
            in_flight_bytes: 0,
            mss,
            flight: Flight::new(first),
            schedule: Schedule::default(),
            outcomes: Outcomes::default(),
            sent_new: false,
            progress: false,
            no_timeout_before: 0,
        }
    }

    /// Appends to the queue.
    pub(crate) fn push(&mut self, data: &[u8]) {
        self.bytes.extend(data);
        self.peak = self.peak.max(self.bytes.len());
    }

    /// Bytes that have not been sent once.
    pub(crate) fn queued(&self) -> usize {
        self.bytes.len() - self.in_flight_bytes
    }

    /// Most data of a new segment, in bytes.
    pub(crate) fn mss(&self) -> u16 {
        self.mss
    }

    /// Changes that for segments that are cut from now on.
    pub(crate) fn set_mss(&mut self, mss: u16) {
        self.mss = mss;
    }

    /// Segments in flight.
    pub(crate) fn in_flight(&self) -> usize {
        self.flight.len()
    }

    /// How many bytes `segments` in flight and queued together leave room for.
    pub(crate) fn room(&self, segments: u16) -> usize {
        let free = usize::from(segments).saturating_sub(self.flight.len());
        (free * usize::from(self.mss)).saturating_sub(self.queued())
    }

    /// The oldest sequence number that the peer has not passed.
    pub(crate) fn una(&self) -> u32 {
        self.flight.una()
    }

    /// The sequence number that the next new segment gets.
    pub(crate) fn next(&self) -> u32 {
        self.flight.next()
    }

    /// Lets go of everything below `una`.
    pub(crate) fn advance(&mut self, una: u32, now: u64) {
        let before = self.flight.una();
        let mut released = 0;
        for slot in self.flight.advance(una) {
            released += usize::from(slot.len);
            if !slot.acked {
                // Of several transmissions, nobody knows which one arrived.
                self.outcomes.settled(&slot, slot.transmissions == 1);
            }
        }
        self.progress |= self.flight.una() != before;
        self.bytes.drain(..released);
        self.base += released as u64;
        self.in_flight_bytes -= released;
        self.schedule.prune(&self.flight);
        if self.bytes.is_empty() {
            self.give_back(now);
        }
    }

    /// Gives back large buffers of which little was used for a while.
    ///
    /// On a short path they are empty many times a second: giving them back each time costs a tenth of all the processor's
    /// time. When a transfer is over, the keep-alives that follow find them as good as unused.
    fn give_back(&mut self, now: u64) {
        let (peak, capacity) = (std::mem::take(&mut self.peak), self.bytes.capacity());
        if capacity <= KEEP_CAPACITY || peak >= capacity / 4 {
            self.little_since = None;
        } else if *self.little_since.get_or_insert(now) + KEEP_TIME <= now {
            let segments = KEEP_CAPACITY / usize::from(self.mss);
            self.bytes.shrink_to(KEEP_CAPACITY);
            self.flight.shrink(segments);
            self.schedule.shrink();
        }
    }

    /// The carrier over which segment `sn` left at `ts`, if that was its last transmission.
    pub(crate) fn carrier_of(&self, sn: u32, ts: u32) -> Option<u32> {
        self.flight.get(sn).filter(|slot| slot.ts == ts).map(|slot| slot.carrier)
    }

    /// Marks segment `sn`, as sent at `ts`, as received.
    pub(crate) fn acknowledge(&mut self, sn: u32, ts: u32, now: u64) {
        let Some(slot) = self.flight.acknowledge(sn) else { return };
        self.progress = true;
        // Nothing can have been echoed that was not sent.
        let ts = if distance(ts, slot.ts) > 0 { slot.ts } else { ts };
        self.outcomes.settled(slot, ts == slot.ts);
        let carrier = slot.carrier;
        self.schedule.acknowledged(&self.flight, carrier, (sn, ts), now);
        self.schedule.prune(&self.flight);
    }

    /// Takes what left over `carrier` before a probe, sent at `ts` and now answered, for lost if it is not here yet.
    pub(crate) fn probe_answered(&mut self, carrier: u32, ts: u32, now: u64) {
        self.schedule.probe_answered(&self.flight, carrier, ts, now);
        self.schedule.prune(&self.flight);
    }

    /// Lets no timeout expire before `until` if anything was acknowledged since the last call.
    ///
    /// While acknowledgements come in, the rest is rather waiting in a queue on its way than lost; what
    /// is lost shows when something later arrives (RFC 6298, 5.3, restarts its one timer likewise).
    /// Without this a deep queue gets every segment twice.
    pub(crate) fn postpone_timeouts(&mut self, until: u64) {
        if std::mem::take(&mut self.progress) {
            self.no_timeout_before = until;
        }
    }

    /// Takes everything in flight over `carrier` for lost, to be sent again at once.
    pub(crate) fn resend(&mut self, carrier: u32, now: u64) {
        self.schedule.skip_all(&self.flight, carrier, now);
    }

    /// Begins a new flush: see [`Sender::next_due`].
    pub(crate) fn begin_flush(&mut self) {
        self.sent_new = false;
    }

    /// The segment to send next with at most `limit` segments in flight, if there is one.
    ///
    /// Skipped segments wait for a flush that sends nothing new, as kcp-go's early retransmission does,
    /// but no longer than one interval, so that a busy writer cannot starve them.
    pub(crate) fn next_due(&self, now: u64, limit: u16) -> Option<Due> {
        let lost = (self.schedule.next_timeout(), self.schedule.next_skipped());
        self.due_again(now, limit, lost).or_else(|| {
            let len = usize::from(self.mss).min(self.queued()) as u16;
            let new = Due { sn: self.next(), len, cause: Cause::New };
            self.has_new(limit).then_some(new)
        })
    }

    /// The same, of what was lost on one carrier.
    pub(crate) fn next_lost(&self, now: u64, limit: u16, carrier: u32) -> Option<Due> {
        let lane = self.schedule.lane(carrier)?;
        self.due_again(now, limit, (lane.next_timeout(), lane.next_skipped()))
    }

    /// Of the next to time out and the next skipped, the one to be sent once more now.
    fn due_again(
        &self,
        now: u64,
        limit: u16,
        (timeout, skipped): (Option<Stamp>, Option<u32>),
    ) -> Option<Due> {
        let timeout = timeout.filter(|stamp| self.expiry(stamp) <= now);
        let may_skip = self.schedule.patience() <= now || !(self.sent_new || self.has_new(limit));
        let (sn, cause) = match (timeout, skipped) {
            (Some(stamp), _) => (stamp.sn, Cause::Timeout),
            (None, Some(sn)) if may_skip => (sn, Cause::Skipped),
            _ => return None,
        };
        let len = self.flight.get(sn)?.len;
        Some(Due { sn, len, cause })
    }

    fn has_new(&self, limit: u16) -> bool {
        self.queued() > 0 && self.in_flight() < usize::from(limit)
    }

    fn expiry(&self, stamp: &Stamp) -> u64 {
        stamp.deadline.max(self.no_timeout_before)
    }

    /// When, after `now`, there will be more to send for reasons of time alone.
    pub(crate) fn deadline(&self, now: u64) -> Option<u64> {
        let timeouts = self.schedule.next_timeouts().map(|stamp| self.expiry(&stamp));
        let patience = self.schedule.next_skipped().map(|_| self.schedule.patience());
        timeouts.chain(patience).filter(|at| *at > now).min()
    }

    /// Books the transmission of `due`; returns how often it has been sent by now.
    pub(crate) fn transmit(&mut self, due: Due, moment: Moment) -> u32 {
        if due.cause == Cause::New {
            self.flight.push(self.base + self.in_flight_bytes as u64, due.len);
            self.in_flight_bytes += usize::from(due.len);
            self.sent_new = true;
        }
        let Some(slot) = self.flight.get_mut(due.sn) else { return 0 };
        let backed_off = due.cause == Cause::Timeout;
        let carried = if backed_off { slot.timeout } else { 0 };
        slot.timeout = (carried + moment.timeout).min(RTO_MAX);
        if slot.transmissions > 0 {
            self.outcomes.withdrawn(slot);
        }
        slot.ts = moment.ts;
        slot.carrier = moment.carrier;
        slot.transmissions += 1;
        let transmissions = slot.transmissions;
        let deadline = moment.now + u64::from(slot.timeout);
        let stamp = Stamp { deadline, sn: due.sn, transmission: transmissions };
        self.schedule.transmitted(moment.carrier, stamp, backed_off);
        self.schedule.prune(&self.flight);
        transmissions
    }

    /// The data of segment `sn` in flight, in the two halves in which the ring may hold it.
    pub(crate) fn data(&self, sn: u32) -> (&[u8], &[u8]) {
        let Some(slot) = self.flight.get(sn) else { return (&[], &[]) };
        let (start, len) = ((slot.start - self.base) as usize, usize::from(slot.len));
        let (front, back) = self.bytes.as_slices();
        match start.checked_sub(front.len()) {
            Some(start) => (&back[start..start + len], &[]),
            None => {
                let split = len.min(front.len() - start);
                (&front[start..start + split], &back[..len - split])
            }
        }
    }
}

#[cfg(test)]
mod tests;

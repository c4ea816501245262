//! The machines of a session and those who wait for them.

use crate::SessionEnd;
use crate::config::SEND_BUFFER;
use crate::receive_window::ReceiveWindow;
use snowflake_kcp::{HEADER_LEN, Kcp, LONGEST_PACKET};
use snowflake_multiplex::{Carriers, QUEUE, Settled};
use snowflake_smux::{Event, Smux, StreamId};
use snowflake_turbotunnel::MAX_PACKET;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

/// How long a path may be busy with one segment, and with the frame that fills it: 30 ms.
///
/// Long ones cost less of a path's rate (34 bytes of headers each, 2.4 % of 1400) and less processor time; but what is
/// urgent waits for them.
const SEGMENT_TIME: Duration = Duration::from_millis(30);

/// Least and most data of a segment: the least up to 0.46 Mbit/s, the most from 1.1 Mbit/s on.
const SEGMENT: [usize; 2] = [1400 - HEADER_LEN, LONGEST_PACKET - HEADER_LEN];

/// What an SCTP packet carries of a data channel's messages, in browsers and here.
const SCTP_PAYLOAD: usize = 1160;

/// Headers of a segment and of the chunk around it.
const HEADERS: usize = HEADER_LEN + 2;

const _: () = assert!(LONGEST_PACKET <= MAX_PACKET, "carriers take what KCP sends");

/// What the driver of a session and its handles share.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) smux: Smux,
    pub(crate) kcp: Kcp,
    pub(crate) carriers: Carriers,
    pub(crate) receive_window: ReceiveWindow,
    /// What of one stream may wait to be sent now, in bytes.
    pub(crate) send_buffer: usize,
    /// Streams that the peer opened and nobody has taken yet; at most smux's limit of streams.
    pub(crate) opened: VecDeque<StreamId>,
    waiting: HashMap<StreamId, Waiting>,
    /// Handles that keep the session going: [`Session`](crate::Session)s, listeners and streams.
    pub(crate) handles: usize,
    pub(crate) end: Option<SessionEnd>,
    driver: Option<Waker>,
}

/// The tasks at the two directions of a stream.
#[derive(Debug, Default)]
struct Waiting {
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// A [`Core`] behind the lock that all its users take for short.
#[derive(Clone, Debug)]
pub(crate) struct Shared(Arc<Mutex<Core>>);

impl Shared {
    pub(crate) fn new(kcp: Kcp, smux: Smux, carriers: Carriers) -> Self {
        Self(Arc::new(Mutex::new(Core {
            smux,
            kcp,
            carriers,
            receive_window: ReceiveWindow::new(),
            send_buffer: SEND_BUFFER[0],
            opened: VecDeque::new(),
            waiting: HashMap::new(),
            handles: 0,
            end: None,
            driver: None,
        })))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Core> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts one more handle.
    pub(crate) fn acquire(&self) -> Self {
        self.lock().handles += 1;
        self.clone()
    }

    /// Counts one handle less; the driver looks whether it was the last.
    pub(crate) fn release(&self) {
        let waker = {
            let mut core = self.lock();
            core.handles -= 1;
            core.driver.take()
        };
        wake(waker);
    }
}

impl Core {
    /// Lets the machines do what is due at `now`, and moves what has come in from KCP to smux.
    pub(crate) fn advance(&mut self, now: Instant) -> Result<(), SessionEnd> {
        if self.kcp.poll_timeout().is_some_and(|deadline| deadline <= now) {
            self.kcp.handle_timeout(now);
        }
        if self.carriers.poll_timeout().is_some_and(|deadline| deadline <= now) {
            self.carriers.handle_timeout(now);
        }
        while self.smux.can_receive()
            && let Some(bytes) = self.kcp.read()
        {
            self.smux.handle_input(now, bytes)?;
        }
        // After what has come in: who was kept from listening must not take the peer for silent.
        if self.smux.poll_timeout().is_some_and(|deadline| deadline <= now) {
            self.smux.handle_timeout(now)?;
        }
        self.advertise(now);
        self.send_buffer = at_rate(self.carriers.rate(), QUEUE, SEND_BUFFER);
        self.smux.set_send_buffer(self.send_buffer);
        Ok(())
    }

    /// Has KCP cut what is next for this carrier as it is good for its rate.
    pub(crate) fn choose_segment(&mut self, carrier: u32) {
        let rate = self.carriers.rate_of(carrier);
        self.kcp.set_segment(segment_at(rate));
    }

    /// Cuts frames until KCP has `bytes` to send, or smux no more to say.
    ///
    /// Called only for what a carrier takes at once. One frame may exceed `bytes`, so that the last is not a tiny one.
    pub(crate) fn fill(&mut self, bytes: usize) {
        let smallest = self.kcp.segment();
        while let Some(missing) = bytes.checked_sub(self.kcp.queued()).filter(|n| *n > 0) {
            let room = self.kcp.writable().min(missing.max(smallest));
            let Some(frame) = (room > 0).then(|| self.smux.poll_output(room)).flatten() else {
                return;
            };
            self.kcp.write(&frame);
        }
    }

    /// Tells the carriers what became of what they were given.
    pub(crate) fn settle(&mut self, now: Instant) {
        while let Some(outcome) = self.kcp.poll_outcome() {
            let settled = Settled {
                delivered: outcome.delivered,
                withdrawn: outcome.withdrawn,
                answered: outcome.answered,
                round_trip: outcome.round_trip,
            };
            self.carriers.settled(now, outcome.carrier, settled);
        }
    }

    /// Looks how long the packet that just came over `carrier` waited on its way.
    pub(crate) fn note_waiting(&mut self, now: Instant, carrier: u32) {
        if let Some(sent) = self.kcp.take_sent_at().filter(|_| !self.kcp.peer_is_paced()) {
            self.receive_window.arrived(now, carrier, sent);
        }
    }

    /// Narrows our window for a peer that would otherwise fill every queue on its way.
    fn advertise(&mut self, now: Instant) {
        let window = if self.kcp.peer_is_paced() {
            u16::MAX
        } else {
            let received = self.kcp.stats().segments_received;
            self.receive_window.update(now, received, self.carriers.shortest_round_trip())
        };
        self.kcp.set_receive_window(window);
    }

    /// Collects the wakers of those for whom something has happened.
    pub(crate) fn take_events(&mut self, wakers: &mut Vec<Waker>) {
        while let Some(event) = self.smux.poll_event() {
            let waiting = match event {
                Event::Opened(id) => {
                    self.opened.push_back(id);
                    None
                }
                Event::Readable(id) => self.waiting.get_mut(&id).and_then(|w| w.reader.take()),
                Event::Writable(id) => self.waiting.get_mut(&id).and_then(|w| w.writer.take()),
            };
            wakers.extend(waiting);
        }
    }

    /// Closes the streams that the peer opened, where it has no business to.
    pub(crate) fn refuse_opened(&mut self) {
        while let Some(id) = self.opened.pop_front() {
            tracing::debug!("the server opened a stream; it is refused");
            self.smux.close(id);
        }
    }

    /// The next deadline of any machine.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        [self.kcp.poll_timeout(), self.smux.poll_timeout(), self.carriers.poll_timeout()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Ends the session and collects everybody who waits.
    pub(crate) fn finish(&mut self, end: SessionEnd, wakers: &mut Vec<Waker>) {
        self.end = Some(end);
        wakers.extend(self.waiting.drain().flat_map(|(_, w)| [w.reader, w.writer]).flatten());
    }

    /// Remembers who is to be woken when the stream has something to read.
    pub(crate) fn wait_to_read(&mut self, id: StreamId, waker: &Waker) {
        self.waiting.entry(id).or_default().reader = Some(waker.clone());
    }

    /// Remembers who is to be woken when the stream takes data again.
    pub(crate) fn wait_to_write(&mut self, id: StreamId, waker: &Waker) {
        self.waiting.entry(id).or_default().writer = Some(waker.clone());
    }

    /// Forgets a stream and those who wait for it.
    pub(crate) fn close_stream(&mut self, id: StreamId) {
        self.waiting.remove(&id);
        self.smux.close(id);
    }

    /// Remembers the driver's task.
    pub(crate) fn set_driver(&mut self, waker: &Waker) {
        if !self.driver.as_ref().is_some_and(|known| known.will_wake(waker)) {
            self.driver = Some(waker.clone());
        }
    }

    /// The driver's task, to be woken after the lock is released.
    pub(crate) fn take_driver(&mut self) -> Option<Waker> {
        self.driver.take()
    }
}

/// What a path of `rate` bytes a second moves in this time, within bounds.
fn at_rate(rate: u64, time: Duration, [least, most]: [usize; 2]) -> usize {
    ((rate as f64 * time.as_secs_f64()) as usize).clamp(least, most)
}

/// Data of a segment where a carrier moves `rate` bytes a second. From half a Mbit/s to one, where the next one comes too
/// late to share a packet with, it fills two or three packets of SCTP with its headers; from there on three and a half.
fn segment_at(rate: u64) -> usize {
    let packets = (rate as f64 * SEGMENT_TIME.as_secs_f64() / SCTP_PAYLOAD as f64).round() as usize;
    (packets * SCTP_PAYLOAD).saturating_sub(HEADERS).clamp(SEGMENT[0], SEGMENT[1])
}

/// Wakes a task if there is one.
pub(crate) fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_a_slow_path_a_segment_fills_whole_packets_and_takes_hardly_longer_than_it_may() {
        assert_eq!([0, 10_000].map(segment_at), [SEGMENT[0]; 2]);
        assert_eq!(segment_at(115_000) + HEADERS, 3 * SCTP_PAYLOAD);
        assert_eq!(2 * (SEGMENT[1] + HEADERS), 7 * SCTP_PAYLOAD);
        assert_eq!([140_000, u64::MAX].map(segment_at), [SEGMENT[1]; 2]);
        for rate in (50_000..1_000_000).step_by(1_000) {
            let takes = (segment_at(rate) - SCTP_PAYLOAD / 2) as f64 / rate as f64;
            assert!(takes < SEGMENT_TIME.as_secs_f64(), "{takes} s at {rate} bytes a second");
        }
    }
}

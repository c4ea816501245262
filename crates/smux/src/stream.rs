//! One stream: its state, its buffers, its windows.

mod incoming;
mod outgoing;
mod state;

use std::mem;
use std::time::Instant;

use bytes::Bytes;

use crate::config::STALL_LIMIT;
use crate::error::{Misbehaviour, StreamError};
use crate::frame::{Frame, StreamId, Update};
use crate::session::Read;
use crate::window::{ReceiveWindow, SendWindow};

use incoming::Incoming;
use outgoing::Outgoing;
use state::State;

/// A stream as the session keeps it.
pub(crate) struct Stream {
    id: StreamId,
    state: State,
    send_window: SendWindow,
    receive_window: ReceiveWindow,
    /// Written, but not in a frame yet.
    outgoing: Outgoing,
    /// Received, but not read yet.
    incoming: Incoming,
    /// What the peer did that ended our writing.
    broken: Option<Misbehaviour>,
    /// When the session first saw that closing waits for a window that may never open.
    stalled_since: Option<Instant>,
    /// The last read found nothing: the reader waits for an event.
    reader_waits: bool,
    /// The last write found too little room: the writer waits for an event.
    writer_waits: bool,
    /// The stream stands in the session's queue of those with something to send.
    pub(crate) scheduled: bool,
    /// An UPD of this stream stands in the session's queue of control frames.
    pub(crate) update_queued: bool,
}

impl Stream {
    pub(crate) fn new(id: StreamId, window: u32) -> Self {
        Self {
            id,
            state: State::new(),
            send_window: SendWindow::new(),
            receive_window: ReceiveWindow::new(window),
            outgoing: Outgoing::default(),
            incoming: Incoming::default(),
            broken: None,
            stalled_since: None,
            reader_waits: true,
            writer_waits: false,
            scheduled: false,
            update_queued: false,
        }
    }

    /// Takes as much of `data` as fits into `capacity`.
    pub(crate) fn write(&mut self, data: &[u8], capacity: usize) -> Result<usize, StreamError> {
        let n = data.len().min(self.room(capacity)?);
        self.outgoing.push(&data[..n]);
        self.writer_waits = n < data.len();
        Ok(n)
    }

    /// How much of it [`write`](Self::write) would take; who is told that it is nothing will be woken.
    pub(crate) fn room(&mut self, capacity: usize) -> Result<usize, StreamError> {
        if let Some(misbehaviour) = self.broken {
            return Err(StreamError::PeerMisbehaved(misbehaviour));
        }
        if !self.state.may_write() {
            return Err(StreamError::Finished(self.id));
        }
        let room = capacity.saturating_sub(self.outgoing.len());
        self.writer_waits |= room == 0;
        Ok(room)
    }

    /// The next bytes for the application, and whether the peer should be told.
    pub(crate) fn read(&mut self, max: usize) -> (Read, bool) {
        if let Some(data) = self.incoming.pop(max) {
            let due = self.receive_window.consume(data.len()) && self.state.may_receive();
            return (Read::Data(data), due);
        }
        if self.state.peer_finished() {
            self.state.end_seen();
            return (Read::Finished, false);
        }
        self.reader_waits = true;
        (Read::Pending, false)
    }

    pub(crate) fn finish(&mut self) {
        self.state.finish();
    }

    /// Gives the stream up and returns how many unread bytes that threw away.
    pub(crate) fn close(&mut self) -> usize {
        self.state.close();
        mem::take(&mut self.incoming).len()
    }

    /// Data came in: the number of bytes kept for the reader.
    ///
    /// After the peer's FIN, data is discarded without blame: the Go library lets a FIN overtake a
    /// concurrent write.
    pub(crate) fn receive(&mut self, data: Bytes) -> Result<usize, Misbehaviour> {
        let n = data.len();
        if !self.state.peer_finished() && !self.receive_window.receive(n) {
            return Err(Misbehaviour::WindowExceeded(self.id));
        }
        if !self.state.may_receive() {
            return Ok(0);
        }
        self.incoming.push(data);
        Ok(n)
    }

    /// A FIN came in.
    pub(crate) fn fin_received(&mut self) {
        self.state.fin_received();
    }

    /// An UPD came in. If it is impossible, what was written is thrown away: how much of it could
    /// go out is unknown for good.
    pub(crate) fn update(&mut self, update: Update) {
        self.stalled_since = None;
        if !self.send_window.update(update) && self.broken.is_none() {
            self.broken = Some(Misbehaviour::ConsumedMoreThanSent(self.id));
            self.outgoing = Outgoing::default();
        }
    }

    /// The content of an UPD to send now; `None` if the peer cannot use one any more.
    pub(crate) fn announce(&mut self) -> Option<Update> {
        self.update_queued = false;
        self.state.may_receive().then(|| self.receive_window.announce())
    }

    /// The next PSH, with at most `max` bytes, or the FIN after the last one.
    pub(crate) fn next_frame(&mut self, max: usize) -> Option<Frame> {
        if let Some(data) = self.outgoing.pop(max.min(self.send_window.allowance())) {
            self.send_window.sent(data.len());
            return Some(Frame::Psh(self.id, data));
        }
        self.fin_can_go().then(|| {
            self.state.fin_sent();
            Frame::Fin(self.id)
        })
    }

    /// Is there something that may go out now?
    pub(crate) fn sendable(&self) -> bool {
        (!self.outgoing.is_empty() && self.send_window.allowance() > 0) || self.fin_can_go()
    }

    fn fin_can_go(&self) -> bool {
        self.outgoing.is_empty() && self.state.fin_due()
    }

    /// Has closing waited for [`STALL_LIMIT`] for the window of a peer that has finished as well?
    ///
    /// The wait begins with the first call that finds it so, and anew after each UPD.
    pub(crate) fn stalled_too_long(&mut self, now: Instant) -> bool {
        let stalled = self.state.abandoned()
            && self.state.peer_finished()
            && !self.outgoing.is_empty()
            && self.send_window.allowance() == 0;
        stalled && now >= *self.stalled_since.get_or_insert(now) + STALL_LIMIT
    }

    /// Should the reader be told that reading is worth while? True once for each time it found
    /// nothing.
    pub(crate) fn wake_reader(&mut self) -> bool {
        let ready = self.incoming.len() > 0 || self.state.peer_finished();
        ready && mem::take(&mut self.reader_waits)
    }

    /// Should the writer be told that writing is worth while? True once for each time it found too
    /// little room.
    pub(crate) fn wake_writer(&mut self, capacity: usize) -> bool {
        // When half of it is free: to be woken for each frame would cost more than the frame.
        let ready = self.broken.is_some()
            || (self.state.may_write() && self.outgoing.len() <= capacity / 2);
        ready && mem::take(&mut self.writer_waits)
    }

    /// Has the application closed the stream?
    pub(crate) fn abandoned(&self) -> bool {
        self.state.abandoned()
    }

    /// Is everything over?
    pub(crate) fn forgettable(&self) -> bool {
        self.state.forgettable()
    }
}

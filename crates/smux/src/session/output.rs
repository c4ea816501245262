//! What goes out: control frames first, then data, the streams in turn.

use std::collections::VecDeque;
use std::mem;

use bytes::Bytes;

use super::{Event, Smux};
use crate::config::{MAX_REFUSALS, SHARED_FRAME, SMALL_FRAME};
use crate::frame::{Encoded, Frame, StreamId};
use crate::stream::Stream;

/// A frame that goes out before any data.
#[derive(Clone, Copy, Debug)]
pub(super) enum Control {
    Syn(StreamId),
    /// UPD; what it says is decided when it goes out.
    Update(StreamId),
    /// FIN for a stream that we never took.
    Refuse(StreamId),
    Nop,
}

/// What waits to go out.
#[derive(Debug, Default)]
pub(super) struct Output {
    /// At most a SYN and an UPD per stream, `MAX_REFUSALS` refusals and one NOP.
    pub(super) control: VecDeque<Control>,
    /// Streams that may send data or FIN now, each once, in the order of their turns.
    pub(super) ready: VecDeque<StreamId>,
    /// The frame that is going out.
    current: Encoded,
    refusals: usize,
    nop_queued: bool,
}

impl Output {
    /// Queues a NOP; a second one while the first waits would say nothing new.
    pub(super) fn nop(&mut self) {
        if !mem::replace(&mut self.nop_queued, true) {
            self.control.push_back(Control::Nop);
        }
    }

    /// Queues the FIN that refuses a stream, unless too many wait.
    pub(super) fn refuse(&mut self, id: StreamId) {
        if self.refusals < MAX_REFUSALS {
            self.refusals += 1;
            self.control.push_back(Control::Refuse(id));
        }
    }
}

impl Smux {
    /// The next bytes for the byte stream, at most `room`; `None` if there is nothing to send now
    /// (or no room).
    ///
    /// Returns a frame, or a part of one if it is long or the room small; what was returned must be
    /// sent, all of it and in this order. Nothing says where a frame ends: join the pieces before
    /// they are cut into segments.
    pub fn poll_output(&mut self, room: usize) -> Option<Bytes> {
        if room == 0 || self.over.is_some() {
            return None;
        }
        if let Some(bytes) = self.output.current.take(room) {
            return Some(bytes);
        }
        self.output.current = self.next_control().or_else(|| self.next_data(room))?.encode();
        self.output.current.take(room)
    }

    fn next_control(&mut self) -> Option<Frame> {
        loop {
            return Some(match self.output.control.pop_front()? {
                Control::Syn(id) => Frame::Syn(id),
                Control::Nop => {
                    self.output.nop_queued = false;
                    Frame::Nop
                }
                Control::Refuse(id) => {
                    self.output.refusals -= 1;
                    Frame::Fin(id)
                }
                Control::Update(id) => match self.streams.get_mut(&id).and_then(Stream::announce) {
                    Some(update) => Frame::Upd(id, update),
                    None => continue,
                },
            });
        }
    }

    /// A frame of the stream whose turn it is, not much longer than `room`; then that stream goes to the end of the line.
    fn next_data(&mut self, room: usize) -> Option<Frame> {
        loop {
            let id = self.output.ready.pop_front()?;
            let alone = self.output.ready.is_empty();
            let max =
                if alone { self.config.max_frame } else { self.config.max_frame.min(SHARED_FRAME) };
            // What does not go out now would wait here, ahead of everything that is written later.
            let max = max.min(room.max(SMALL_FRAME));
            let Some(stream) = self.streams.get_mut(&id) else { continue };
            stream.scheduled = false;
            let frame = stream.next_frame(max);
            if stream.wake_writer(self.config.send_buffer) {
                self.events.push_back(Event::Writable(id));
            }
            self.schedule(id);
            self.forget_if_over(id);
            if frame.is_some() {
                return frame;
            }
        }
    }

    /// Lines the stream up if it has something to send.
    pub(super) fn schedule(&mut self, id: StreamId) {
        if let Some(stream) = self.streams.get_mut(&id)
            && stream.sendable()
            && !mem::replace(&mut stream.scheduled, true)
        {
            self.output.ready.push_back(id);
        }
    }
}

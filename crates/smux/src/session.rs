//! The machine: stream ids, frames in, frames out, events.

mod input;
mod output;

use std::collections::{HashMap, VecDeque};
use std::time::Instant;
use std::{fmt, mem};

use bytes::Bytes;

use crate::config::Config;
use crate::error::{OpenError, SessionError, StreamError};
use crate::frame::{Decoder, StreamId};
use crate::keepalive::Keepalive;
use crate::stream::Stream;

use output::{Control, Output};

/// Which end of the session this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Opens odd streams, the first is 3.
    Client,
    /// Opens even streams, the first is 2.
    Server,
}

/// Something the application should know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The peer opened this stream.
    Opened(StreamId),
    /// There is data, or the end, to read. Comes once after each [`Read::Pending`], and once for a
    /// new stream.
    Readable(StreamId),
    /// There is room to write, or writing fails now. Comes once after each write that took less
    /// than it was given.
    Writable(StreamId),
}

impl Event {
    /// The stream it is about.
    pub fn stream(self) -> StreamId {
        match self {
            Self::Opened(id) | Self::Readable(id) | Self::Writable(id) => id,
        }
    }
}

/// What a read found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    /// Some bytes; empty only if none were asked for.
    Data(Bytes),
    /// Nothing yet; [`Event::Readable`] follows.
    Pending,
    /// Nothing, and nothing will come: the peer finished.
    Finished,
}

/// One end of a smux session.
///
/// It is bounded in everything. For readers, [`Config::receive_budget`] bytes and one input; for
/// output, [`Config::send_buffer`] bytes in each of at most [`Config::max_streams`] streams, one
/// frame, and a few control frames per stream; for the application, three events per stream. (The
/// allocator may hold up to four times the send buffer for a stream that is always full.) A new
/// session is less than 1 KiB, an idle one with a stream less than 2 KiB, a further stream about
/// 300 bytes.
///
/// When a call returns a [`SessionError`], the session is over: there is no output and no timeout
/// any more, what was received can still be read, and everything else fails with the same error. No
/// events tell of it, so the driver wakes whoever waits.
pub struct Smux {
    role: Role,
    config: Config,
    streams: HashMap<StreamId, Stream>,
    /// The next id of ours; `None` when they are used up.
    next_id: Option<StreamId>,
    decoder: Decoder,
    output: Output,
    events: VecDeque<Event>,
    keepalive: Keepalive,
    /// Bytes that wait for readers, in all streams.
    unread: usize,
    over: Option<SessionError>,
}

/// Shows sizes only: what users send is nobody's business.
impl fmt::Debug for Smux {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Smux")
            .field("role", &self.role)
            .field("streams", &self.streams.len())
            .field("unread", &self.unread)
            .field("over", &self.over)
            .finish_non_exhaustive()
    }
}

impl Smux {
    /// Begins a session; nothing is sent until there is a stream or the first NOP is due.
    pub fn new(role: Role, config: Config, now: Instant) -> Self {
        let config = config.in_range();
        let (interval, timeout) = (config.keepalive_interval, config.keepalive_timeout);
        let (first, keepalive) = match role {
            Role::Client => (StreamId(3), Keepalive::new(interval, timeout, now)),
            Role::Server => (StreamId(2), Keepalive::patient(interval, timeout, now)),
        };
        Self {
            role,
            streams: HashMap::new(),
            next_id: Some(first),
            decoder: Decoder::default(),
            output: Output::default(),
            events: VecDeque::new(),
            keepalive,
            unread: 0,
            over: None,
            config,
        }
    }

    /// Opens a stream. It can be written to at once: the SYN goes out before its data.
    ///
    /// # Errors
    ///
    /// [`OpenError`]: too many streams, no more ids, or the session is over.
    pub fn open(&mut self) -> Result<StreamId, OpenError> {
        if let Some(over) = self.over {
            return Err(OpenError::SessionOver(over));
        }
        if self.streams.len() >= self.config.max_streams {
            return Err(OpenError::TooManyStreams(self.config.max_streams));
        }
        let id = self.next_id.ok_or(OpenError::IdsUsedUp)?;
        self.next_id = id.0.checked_add(2).map(StreamId);
        self.streams.insert(id, Stream::new(id, self.config.stream_window));
        self.output.control.push_back(Control::Syn(id));
        Ok(id)
    }

    /// Takes data to send on a stream and returns how many bytes of it were taken: less than all (0
    /// if full) when [`Config::send_buffer`] is reached, and then [`Event::Writable`] follows.
    ///
    /// Against a peer that has finished, room may never come back: the Go library forgets a stream
    /// that it closes and sends no UPD. Give up ([`Smux::close`]) when reading ends, unless the
    /// protocol above knows better.
    ///
    /// # Errors
    ///
    /// [`StreamError`]: no such stream, finished, the peer broke its window, or the session is
    /// over.
    pub fn write(&mut self, id: StreamId, data: &[u8]) -> Result<usize, StreamError> {
        self.alive().map_err(StreamError::SessionOver)?;
        let capacity = self.config.send_buffer;
        let taken = self.stream(id)?.write(data, capacity)?;
        self.schedule(id);
        Ok(taken)
    }

    /// How many bytes [`write`](Self::write) would take now; if none, [`Event::Writable`] follows when it does.
    ///
    /// # Errors
    ///
    /// As of [`write`](Self::write).
    pub fn room(&mut self, id: StreamId) -> Result<usize, StreamError> {
        self.alive().map_err(StreamError::SessionOver)?;
        let capacity = self.config.send_buffer;
        self.stream(id)?.room(capacity)
    }

    /// Changes [`Config::send_buffer`], at least 1, for all streams from now on; what was written already stays.
    pub fn set_send_buffer(&mut self, bytes: usize) {
        self.config.send_buffer = bytes.max(1);
    }

    /// Reads at most `max` bytes from a stream, without copying.
    ///
    /// One call returns one piece as it arrived, so read until [`Read::Pending`]; only then will
    /// [`Event::Readable`] come again.
    ///
    /// # Errors
    ///
    /// [`StreamError`]: no such stream (also once [`Read::Finished`] was returned and our own FIN
    /// is out), or the session is over and everything was read.
    pub fn read(&mut self, id: StreamId, max: usize) -> Result<Read, StreamError> {
        let stream = self.stream(id)?;
        let (read, tell_peer) = stream.read(max);
        if tell_peer && !mem::replace(&mut stream.update_queued, true) {
            self.output.control.push_back(Control::Update(id));
        }
        match &read {
            Read::Data(data) => self.unread -= data.len(),
            Read::Finished => self.forget_if_over(id),
            Read::Pending => self.alive().map_err(StreamError::SessionOver)?,
        }
        Ok(read)
    }

    /// Ends the sending direction: a FIN goes out after what was written. The other direction goes
    /// on. Finishing twice is finishing once.
    ///
    /// # Errors
    ///
    /// [`StreamError`]: no such stream, or the session is over.
    pub fn finish(&mut self, id: StreamId) -> Result<(), StreamError> {
        self.alive().map_err(StreamError::SessionOver)?;
        self.stream(id)?.finish();
        self.schedule(id);
        Ok(())
    }

    /// Gives a stream up: what is unread and what still comes in is discarded; what was written
    /// still goes out, and FIN after it.
    ///
    /// From now on the id is unknown to all calls, and the stream counts against
    /// [`Config::max_streams`] until the peer's window has let all of it out. Closing an unknown
    /// stream does nothing.
    ///
    /// A peer that has finished may still read, or may have forgotten the stream. If it sends no
    /// UPD for 20 minutes while its window is used up, the rest is discarded, at the next or next
    /// but one NOP. **No FIN follows then**, because it would make a stream that lacks its end look
    /// complete: a reader that comes back later reads what had gone out, then waits until it gives
    /// up or the session ends.
    pub fn close(&mut self, id: StreamId) {
        if let Some(stream) = self.streams.get_mut(&id) {
            self.unread -= stream.close();
            self.schedule(id);
            self.forget_if_over(id);
        }
    }

    /// What the application should know next.
    pub fn poll_event(&mut self) -> Option<Event> {
        loop {
            let event = self.events.pop_front()?;
            if self.stream(event.stream()).is_ok() {
                return Some(event);
            }
        }
    }

    /// When to call [`Smux::handle_timeout`] if nothing happens before: the next NOP or the end of
    /// the peer's time, whichever is sooner. `None` when the session is over.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.over.is_none().then(|| self.keepalive.deadline(self.can_receive()))
    }

    /// Whether there is budget for more input.
    ///
    /// When false, call [`Smux::handle_input`] again only after readers have read; what is passed
    /// in regardless is taken, beyond the budget. Frames for other streams wait as well, so read or
    /// close streams rather than leave them.
    pub fn can_receive(&self) -> bool {
        self.unread < self.config.receive_budget
    }

    /// How many bytes wait for readers, in all streams.
    pub fn unread(&self) -> usize {
        self.unread
    }

    /// How many streams exist, closed ones that still have something to send included.
    pub fn streams(&self) -> usize {
        self.streams.len()
    }

    fn alive(&self) -> Result<(), SessionError> {
        self.over.map_or(Ok(()), Err)
    }

    /// Ends the session.
    fn fail(&mut self, error: SessionError) -> SessionError {
        self.over = Some(error);
        self.output = Output::default();
        error
    }

    /// The stream, unless the application has closed it.
    fn stream(&mut self, id: StreamId) -> Result<&mut Stream, StreamError> {
        self.streams
            .get_mut(&id)
            .filter(|stream| !stream.abandoned())
            .ok_or(StreamError::Unknown(id))
    }

    fn forget_if_over(&mut self, id: StreamId) {
        if self.streams.get(&id).is_some_and(Stream::forgettable) {
            self.streams.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::epoch;

    #[test]
    fn idle_sessions_and_streams_are_small() {
        assert!(size_of::<Smux>() <= 640, "session: {} bytes", size_of::<Smux>());
        let entry = size_of::<(StreamId, Stream)>();
        assert!(entry <= 232, "stream: {entry} bytes");
    }

    #[test]
    fn ids_are_used_up_at_the_end_of_the_numbers() {
        let mut smux = Smux::new(Role::Client, Config::client(), epoch());
        assert_eq!(smux.open(), Ok(StreamId(3)));
        assert_eq!(smux.open(), Ok(StreamId(5)));
        smux.next_id = Some(StreamId(u32::MAX));
        assert_eq!(smux.open(), Ok(StreamId(u32::MAX)));
        assert_eq!(smux.open(), Err(OpenError::IdsUsedUp));
    }
}

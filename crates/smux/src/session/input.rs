//! What comes in: frames and time.

use std::time::Instant;

use bytes::Bytes;

use super::{Event, Role, Smux};
use crate::error::{Misbehaviour, SessionError};
use crate::frame::{Item, StreamId, Update};
use crate::keepalive::Due;
use crate::stream::Stream;

impl Smux {
    /// Takes the next bytes of the byte stream, split anywhere.
    ///
    /// Payloads of 512 bytes and more stay slices of `bytes`, so what is unread keeps the inputs
    /// alive that it came in; inputs about as long as a packet keep that small.
    ///
    /// # Errors
    ///
    /// [`SessionError::PeerMisbehaved`]: a frame that no well-behaved peer sends; the session is
    /// over.
    pub fn handle_input(&mut self, now: Instant, mut bytes: Bytes) -> Result<(), SessionError> {
        self.alive()?;
        if !bytes.is_empty() {
            self.keepalive.heard(now);
        }
        self.take_frames(now, &mut bytes)
            .map_err(|misbehaviour| self.fail(SessionError::PeerMisbehaved(misbehaviour)))
    }

    /// Does what is due: a NOP, or the end of a session whose peer is silent.
    ///
    /// With each NOP it looks for closed streams that have waited too long for the window of a peer
    /// that has finished as well (see [`Smux::close`]). They have no deadline of their own, so they
    /// never wake anyone.
    ///
    /// # Errors
    ///
    /// [`SessionError::PeerSilent`]: nothing came for
    /// [`keepalive_timeout`](crate::Config::keepalive_timeout); the session is over.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), SessionError> {
        self.alive()?;
        match self.keepalive.handle_timeout(now, self.can_receive()) {
            Due::Nothing => Ok(()),
            Due::Nop => {
                self.beat(now);
                Ok(())
            }
            Due::GiveUp(silence) => Err(self.fail(SessionError::PeerSilent(silence))),
        }
    }

    fn beat(&mut self, now: Instant) {
        self.output.nop();
        self.give_up_stalled(now);
    }

    /// Forgets the closed streams that have waited too long, and sends no FIN for them: it would
    /// make what went out look complete.
    fn give_up_stalled(&mut self, now: Instant) {
        // While we do not listen, the UPD may have come as far as the byte stream below.
        if self.can_receive() {
            self.streams.retain(|_, stream| !stream.stalled_too_long(now));
        }
    }

    fn take_frames(&mut self, now: Instant, bytes: &mut Bytes) -> Result<(), Misbehaviour> {
        while let Some(item) = self.decoder.next(bytes)? {
            match item {
                Item::Nop => self.on_nop(now),
                Item::Syn(id) => self.on_syn(id)?,
                Item::Fin(id) => self.on_fin(id),
                Item::Data(id, data) => self.on_data(id, data)?,
                Item::Update(id, update) => self.on_update(id, update),
            }
        }
        Ok(())
    }

    fn on_nop(&mut self, now: Instant) {
        if self.keepalive.heard_nop(now) {
            self.beat(now);
        }
    }

    fn on_syn(&mut self, id: StreamId) -> Result<(), Misbehaviour> {
        if self.streams.contains_key(&id) {
            return Ok(());
        }
        if !self.peer_may_open(id) {
            return Err(Misbehaviour::NotItsStream(id));
        }
        if self.streams.len() >= self.config.max_streams {
            self.output.refuse(id);
            return Ok(());
        }
        self.streams.insert(id, Stream::new(id, self.config.stream_window));
        self.events.push_back(Event::Opened(id));
        Ok(())
    }

    fn peer_may_open(&self, id: StreamId) -> bool {
        match self.role {
            Role::Client => id.0 != 0 && id.0.is_multiple_of(2),
            Role::Server => !id.0.is_multiple_of(2),
        }
    }

    fn on_fin(&mut self, id: StreamId) {
        if let Some(stream) = self.streams.get_mut(&id) {
            stream.fin_received();
            if stream.wake_reader() {
                self.events.push_back(Event::Readable(id));
            }
        }
    }

    fn on_data(&mut self, id: StreamId, data: Bytes) -> Result<(), Misbehaviour> {
        if let Some(stream) = self.streams.get_mut(&id) {
            self.unread += stream.receive(data)?;
            if stream.wake_reader() {
                self.events.push_back(Event::Readable(id));
            }
        }
        Ok(())
    }

    fn on_update(&mut self, id: StreamId, update: Update) {
        if let Some(stream) = self.streams.get_mut(&id) {
            stream.update(update);
            if stream.wake_writer(self.config.send_buffer) {
                self.events.push_back(Event::Writable(id));
            }
            self.schedule(id);
        }
    }
}

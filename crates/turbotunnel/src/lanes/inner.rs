//! What is behind the lock.

use super::Over;
use crate::{CarrierId, Event};
use bytes::Bytes;
use std::collections::VecDeque;
use std::net::IpAddr;
use std::task::Waker;

#[derive(Debug, Default)]
pub(super) struct Inner {
    pub(super) events: Vec<Event>,
    /// Packets among the events.
    pub(super) incoming: usize,
    /// Oldest first.
    pub(super) places: Vec<Place>,
    pub(super) next: u32,
    /// The session, when it waits for events.
    pub(super) reader: Option<Waker>,
    /// The session, when it waits for room.
    pub(super) sender: Option<Waker>,
    pub(super) closed: bool,
    /// Where the client is; see [`Inner::update_address`].
    pub(super) address: Option<IpAddr>,
}

/// What is known of one carrier.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) id: CarrierId,
    pub(super) outgoing: VecDeque<Bytes>,
    /// The task that pumps the carrier, when it waits for packets or for room.
    pub(super) task: Option<Waker>,
    pub(super) waits_for_packets: bool,
    pub(super) waits_for_room: bool,
    /// Whether the session waits for room here.
    pub(super) asked_for_room: bool,
    /// Whether the session was, or is about to be, told that it has opened.
    pub(super) announced: bool,
    pub(super) delivered: bool,
    /// Whether the session has found that it works.
    pub(super) proven: bool,
    /// Where the client is, as whoever brought the carrier says.
    pub(super) address: Option<IpAddr>,
    pub(super) over: Option<Over>,
}

impl Inner {
    /// The place of a carrier that is not over.
    pub(super) fn place(&mut self, carrier: CarrierId) -> Result<&mut Place, Over> {
        let place = self.places.iter_mut().find(|place| place.id == carrier);
        match place {
            Some(place) => place.over.map_or(Ok(place), Err),
            None => Err(Over::Closed),
        }
    }

    pub(super) fn add(&mut self, attended: bool, address: Option<IpAddr>) -> CarrierId {
        let id = CarrierId::new(self.next);
        self.next = self.next.wrapping_add(1);
        self.places.push(Place {
            id,
            outgoing: VecDeque::new(),
            task: None,
            waits_for_packets: false,
            waits_for_room: false,
            asked_for_room: false,
            announced: attended,
            delivered: false,
            proven: false,
            address,
            over: self.closed.then_some(Over::Closed),
        });
        if attended {
            self.events.push(Event::Opened(id));
        }
        id
    }

    /// Believes the newest of the carriers that have proven themselves and say where the client is; without one, the
    /// address stays as it is. Of the others anybody could have come with any address.
    pub(super) fn update_address(&mut self) {
        let newest_first = self.places.iter().rev();
        let mut proven = newest_first.filter(|place| place.proven && place.over.is_none());
        self.address = proven.find_map(|place| place.address).or(self.address);
    }

    /// If there are more carriers than `most`, ends the oldest that has not proven itself; if all others have, that is
    /// the one that has just come.
    pub(super) fn displace(&mut self, most: usize) -> Option<Waker> {
        if self.places.iter().filter(|place| place.over.is_none()).count() <= most {
            return None;
        }
        let mut in_use = self.places.iter_mut().filter(|place| place.over.is_none());
        in_use.find(|place| !place.proven)?.end(Over::Displaced)
    }

    /// Takes a carrier out; the session hears of it if it has heard, or is about to hear, anything else of it.
    ///
    /// That bounds the events of a session that takes none: each carrier that ended has packets among them, or was
    /// known when events were last taken.
    pub(super) fn remove(&mut self, carrier: CarrierId) -> [Option<Waker>; 2] {
        let Some(index) = self.places.iter().position(|place| place.id == carrier) else {
            return [None, None];
        };
        let place = self.places.remove(index);
        let sender = if place.asked_for_room { self.sender.take() } else { None };
        if !place.announced || self.closed {
            return [None, sender];
        }
        let mut of_it = (0..).zip(&self.events).filter(|(_, event)| event.carrier() == carrier);
        if let (Some((index, Event::Opened(_))), None) = (of_it.next(), of_it.next()) {
            self.events.remove(index);
            return [None, sender];
        }
        self.events.push(Event::Ended(carrier));
        [self.reader.take(), sender]
    }

    pub(super) fn forget_events(&mut self) {
        self.events = Vec::new();
        self.incoming = 0;
    }

    pub(super) fn those_who_wait_for_room(&mut self) -> impl Iterator<Item = Waker> {
        let waiting = self.places.iter_mut().filter(|place| place.waits_for_room);
        waiting.filter_map(|place| place.task.take())
    }
}

impl Place {
    /// Ends its use; returns who is to be told.
    pub(super) fn end(&mut self, over: Over) -> Option<Waker> {
        self.over = Some(over);
        self.outgoing = VecDeque::new();
        self.task.take()
    }

    /// Takes out the packets that come first: as many as stay within `budget` by `size_of`, and at least one.
    pub(super) fn pop(
        &mut self,
        packets: &mut Vec<Bytes>,
        mut budget: usize,
        size_of: fn(usize) -> usize,
    ) {
        while let Some(packet) = self.outgoing.pop_front() {
            let size = size_of(packet.len());
            packets.push(packet);
            budget = budget.saturating_sub(size);
            if self.outgoing.front().is_none_or(|next| size_of(next.len()) > budget) {
                break;
            }
        }
        if self.outgoing.is_empty() {
            self.outgoing = VecDeque::new();
        }
    }
}

impl Event {
    pub(super) fn carrier(&self) -> CarrierId {
        match self {
            Self::Opened(carrier) | Self::Packet(carrier, _) | Self::Ended(carrier) => *carrier,
        }
    }
}

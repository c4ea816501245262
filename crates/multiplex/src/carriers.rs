//! All carriers of one session.

mod pick;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::carrier::Carrier;
use crate::config::{Config, SILENT_LIFE, SURPLUS_LIFE, SUSPECT_LIFE};
use crate::health::{State, Verdict};
pub use pick::Grant;

/// What the session has to do for its carriers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Ask this carrier for proof of life.
    Probe(u32),
    /// Send again what this carrier holds, over others.
    Resend(u32),
    /// Give this carrier up.
    Close(u32),
    /// This carrier has shown that it works: one that has not should not take its place.
    Trust(u32),
    /// It has become suspect: it has no more right to its place than a new one.
    Doubt(u32),
}

/// What has become of data that was given to a carrier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// Bytes that have arrived.
    pub delivered: usize,
    /// Bytes that are no longer expected to.
    pub withdrawn: usize,
    /// How long ago the newest of what the peer has answered was sent, be it only a probe; `None` if it has answered
    /// nothing.
    pub answered: Option<Duration>,
    /// How long the quickest answer took, if that is known.
    pub round_trip: Option<Duration>,
}

/// The carriers of one session; see the [crate documentation](crate).
///
/// After any call that takes `&mut self`, take the orders with [`Carriers::poll_order`] until there are none, then ask
/// for [`Carriers::missing`] and [`Carriers::poll_timeout`] anew. A carrier that is not known is ignored everywhere.
#[derive(Debug)]
pub struct Carriers {
    config: Config,
    carriers: Vec<Carrier>,
    /// Whether this is still the session's beginning, with nothing that could be asked about.
    untouched: bool,
    orders: VecDeque<Order>,
    /// Since when there are more usable carriers than wanted.
    surplus_since: Option<Instant>,
    /// When a carrier that has room may be given more.
    held_until: Option<Instant>,
}

impl Carriers {
    /// No carrier yet.
    pub fn new(config: Config) -> Self {
        Self {
            config,
            carriers: Vec::new(),
            untouched: true,
            orders: VecDeque::new(),
            surplus_since: None,
            held_until: None,
        }
    }

    /// A new carrier is there. It is asked for proof at once, but for the first: a session begins with data.
    pub fn opened(&mut self, now: Instant, id: u32) {
        if !std::mem::take(&mut self.untouched) {
            self.orders.push_back(Order::Probe(id));
        }
        self.carriers.push(Carrier::new(now, id, self.config.probes_silence));
        self.reconsider(now);
    }

    /// A carrier has ended; what it held is sent again.
    pub fn ended(&mut self, now: Instant, id: u32) {
        self.carriers.retain(|carrier| carrier.id != id);
        self.orders.push_back(Order::Resend(id));
        self.reconsider(now);
    }

    /// A packet has come through a carrier.
    pub fn heard(&mut self, now: Instant, id: u32) {
        let Some(carrier) = self.get(id) else { return };
        if carrier.health.heard(now) {
            self.recovered(now, id);
        }
    }

    /// A probe was sent.
    pub fn probed(&mut self, now: Instant, id: u32) {
        if let Some(carrier) = self.get(id) {
            carrier.health.probed(now);
        }
    }

    /// A packet with `bytes` of data was given to a carrier.
    pub fn sent(&mut self, now: Instant, id: u32, bytes: usize) {
        let Some(carrier) = self.get(id) else { return };
        if bytes > 0 {
            carrier.congestion.sent(now, bytes);
            carrier.health.sent(now);
        }
    }

    /// Something has become of what a carrier was given.
    pub fn settled(&mut self, now: Instant, id: u32, settled: Settled) {
        let Some(carrier) = self.get(id) else { return };
        let Settled { delivered, withdrawn, answered, round_trip } = settled;
        carrier.congestion.withdrawn(withdrawn);
        if let Some(round_trip) = round_trip {
            carrier.congestion.measured(now, round_trip);
        }
        let recovered = answered.is_some_and(|age| carrier.health.answered(now, age, round_trip));
        if delivered > 0 {
            let smoothed = carrier.health.round_trip().unwrap_or_default();
            carrier.congestion.delivered(now, delivered, smoothed);
        }
        if carrier.congestion.in_flight() == 0 {
            carrier.health.settled();
        }
        if recovered {
            self.recovered(now, id);
        }
    }

    /// How many more carriers the session should have.
    pub fn missing(&self) -> usize {
        self.config.wanted.saturating_sub(self.usable().count())
    }

    /// The next thing to do.
    pub fn poll_order(&mut self) -> Option<Order> {
        self.orders.pop_front()
    }

    /// When to call [`Carriers::handle_timeout`]; `None` if never.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let surplus = self.surplus_since.map(|since| since + SURPLUS_LIFE);
        let carriers = self.carriers.iter();
        carriers
            .flat_map(|carrier| [carrier.health.deadline(), self.end_of_life(carrier)])
            .chain([surplus, self.held_until])
            .flatten()
            .min()
    }

    /// Notes that time has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.held_until.take_if(|until| *until <= now);
        for index in 0..self.carriers.len() {
            let carrier = &mut self.carriers[index];
            if carrier.health.deadline().is_none_or(|deadline| deadline > now) {
                continue;
            }
            let verdict = carrier.health.handle_deadline(now);
            if verdict == Verdict::Suspect {
                carrier.owes_resend = true;
                self.orders.push_back(Order::Doubt(carrier.id));
            }
            if verdict != Verdict::Alive {
                self.orders.push_back(Order::Probe(carrier.id));
            }
        }
        self.give_up_the_dead(now);
        self.give_up_surplus(now);
        self.reconsider(now);
    }

    /// What is thought of each carrier, and the rate in bytes a second that was measured for it.
    pub fn states(&self) -> impl Iterator<Item = (u32, State, u64)> {
        self.carriers.iter().map(|c| (c.id, c.health.state(), c.congestion.rate()))
    }

    /// The rates of all usable carriers, in bytes a second; 0 before one was measured.
    pub fn rate(&self) -> u64 {
        self.usable().map(|carrier| carrier.congestion.rate()).sum()
    }

    /// The rate of one carrier, in bytes a second; 0 before it was measured.
    pub fn rate_of(&self, id: u32) -> u64 {
        self.carriers.iter().find(|carrier| carrier.id == id).map_or(0, |c| c.congestion.rate())
    }

    /// The longest of the shortest round trips of usable carriers; `None` before one was measured.
    pub fn shortest_round_trip(&self) -> Option<Duration> {
        self.usable().filter_map(|carrier| carrier.congestion.shortest()).max()
    }

    fn get(&mut self, id: u32) -> Option<&mut Carrier> {
        self.carriers.iter_mut().find(|carrier| carrier.id == id)
    }

    fn usable(&self) -> impl Iterator<Item = &Carrier> {
        self.carriers.iter().filter(|carrier| carrier.is_usable())
    }

    /// A carrier works that was fresh or suspect. Those that owe a proof, be it only one, are no longer waited for:
    /// they become suspect.
    fn recovered(&mut self, now: Instant, id: u32) {
        for carrier in &mut self.carriers {
            if carrier.id == id {
                carrier.owes_resend = false;
            } else if carrier.health.is_doubtful() && carrier.is_usable() {
                carrier.health.suspect(now);
                carrier.owes_resend = true;
                self.orders.extend([Order::Doubt(carrier.id), Order::Probe(carrier.id)]);
            }
        }
        self.orders.push_back(Order::Trust(id));
        self.reconsider(now);
    }

    /// Gives what suspects hold to others as soon as there are others, and looks whether there are too many.
    fn reconsider(&mut self, now: Instant) {
        if self.carriers.iter().any(Carrier::is_usable) {
            for carrier in &mut self.carriers {
                if std::mem::take(&mut carrier.owes_resend) {
                    self.orders.push_back(Order::Resend(carrier.id));
                }
            }
        }
        let too_many = self.config.wanted > 0 && self.usable().count() > self.config.wanted;
        self.surplus_since = too_many.then(|| self.surplus_since.unwrap_or(now));
    }

    /// When a suspect is given up.
    ///
    /// That another works counts from when it does: after a pause of the whole network, the first carrier that comes
    /// back must not end the others.
    fn end_of_life(&self, carrier: &Carrier) -> Option<Instant> {
        let suspected = (!carrier.is_usable()).then(|| carrier.health.since())?;
        // A suspect is not sound, so these are others.
        let another_works =
            self.carriers.iter().filter_map(|other| other.health.sound_since()).min();
        let silent_end = suspected + SILENT_LIFE;
        let end = another_works.map(|since| suspected.max(since) + SUSPECT_LIFE);
        Some(end.map_or(silent_end, |end| end.min(silent_end)))
    }

    fn give_up_the_dead(&mut self, now: Instant) {
        let dead: Vec<u32> = self
            .carriers
            .iter()
            .filter(|carrier| self.end_of_life(carrier).is_some_and(|end| end <= now))
            .map(|carrier| carrier.id)
            .collect();
        dead.into_iter().for_each(|id| self.give_up(id));
    }

    /// Of too many carriers, the one that is worth least goes, and of equals the oldest, whose volunteer has given
    /// most.
    fn give_up_surplus(&mut self, now: Instant) {
        if self.surplus_since.is_none_or(|since| since + SURPLUS_LIFE > now) {
            return;
        }
        let worst = self.usable().min_by_key(|carrier| carrier.worth(now));
        if let Some(id) = worst.map(|carrier| carrier.id) {
            // If there still are too many, the next is given time, too.
            self.surplus_since = None;
            self.give_up(id);
        }
    }

    fn give_up(&mut self, id: u32) {
        self.carriers.retain(|carrier| carrier.id != id);
        self.orders.extend([Order::Resend(id), Order::Close(id)]);
    }
}

#[cfg(test)]
mod tests;

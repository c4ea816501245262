//! One carrier: what it holds and how it fares.

use std::time::{Duration, Instant};

use crate::config::SURPLUS_LIFE;
use crate::congestion::Congestion;
use crate::health::{Health, State};

/// What a [`Carriers`](crate::Carriers) knows of one of its carriers.
#[derive(Debug)]
pub(crate) struct Carrier {
    pub(crate) id: u32,
    pub(crate) congestion: Congestion,
    pub(crate) health: Health,
    /// It is suspect, and what it holds was not given to another yet, for want of another.
    pub(crate) owes_resend: bool,
}

impl Carrier {
    pub(crate) fn new(now: Instant, id: u32, probes_silence: bool) -> Self {
        Self {
            id,
            congestion: Congestion::new(),
            health: Health::new(now, probes_silence),
            owes_resend: false,
        }
    }

    /// May get data: is not suspect.
    pub(crate) fn is_usable(&self) -> bool {
        self.health.state() != State::Suspect
    }

    /// Works, as far as anybody knows: is trusted, and owes no proof.
    pub(crate) fn is_sound(&self) -> bool {
        self.health.sound_since().is_some()
    }

    /// Who is worth more is kept: one that works, then one through which something comes, then the quicker.
    ///
    /// When nothing comes, that direction may be dead, while what goes the other way is answered over another carrier.
    pub(crate) fn worth(&self, now: Instant) -> (bool, bool, u64) {
        let is_heard = self.health.last_heard() + SURPLUS_LIFE > now;
        (self.is_sound(), is_heard, self.congestion.rate())
    }

    /// How long until something that is given to it now will have arrived and been answered; nothing for one that has
    /// not been measured, which is how a new one comes to be measured.
    pub(crate) fn completion(&self) -> Duration {
        let round_trip = self.health.round_trip().unwrap_or_default();
        match self.congestion.rate() {
            0 => round_trip,
            rate => {
                let queue = self.congestion.in_flight() as f64 / rate as f64;
                self.congestion.shortest().unwrap_or(round_trip) + Duration::from_secs_f64(queue)
            }
        }
    }
}

//! Which carrier comes next.

use std::time::{Duration, Instant};

use super::Carriers;
use crate::carrier::Carrier;
use crate::config::QUIET;

/// Leave to give data to a carrier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Which one.
    pub carrier: u32,
    /// How many bytes of data. A last packet may exceed it.
    pub bytes: usize,
}

impl Carriers {
    /// The carrier for the next data: of those with room, the one that will have delivered it first.
    ///
    /// `queue_room` is asked for the packets that a carrier's queue takes. Suspects get nothing new; doubtful and
    /// fresh carriers only if there is no sound one. `None`: what there is has to wait, at the most until
    /// [`Carriers::poll_timeout`].
    pub fn pick(
        &mut self,
        now: Instant,
        mut queue_room: impl FnMut(u32) -> usize,
    ) -> Option<Grant> {
        let any_sound = self.carriers.iter().any(Carrier::is_sound);
        let candidates = || self.usable().filter(|carrier| carrier.is_sound() || !any_sound);
        let grant = candidates()
            .map(|carrier| (carrier, carrier.congestion.room(now)))
            .filter(|(carrier, room)| *room > 0 && queue_room(carrier.id) > 0)
            .min_by_key(|(carrier, _)| carrier.completion())
            .map(|(carrier, bytes)| Grant { carrier: carrier.id, bytes });
        self.held_until = match grant {
            Some(_) => None,
            None => candidates().filter_map(|carrier| carrier.congestion.held_until(now)).min(),
        };
        grant
    }

    /// The carrier for packets without data: the quickest that is sound and not quieter than others; if there is none,
    /// any.
    ///
    /// Nobody answers such packets, so only what comes through a carrier shows that they may arrive. Else a peer that
    /// merely receives would send its acknowledgements into a dead carrier, and all others would look dead with it.
    pub fn pick_for_control(&self, mut queue_room: impl FnMut(u32) -> usize) -> Option<u32> {
        let newest = self.carriers.iter().map(|carrier| carrier.health.last_heard()).max()?;
        self.carriers
            .iter()
            .filter(|carrier| queue_room(carrier.id) > 0)
            .min_by_key(|carrier| {
                let is_quiet = carrier.health.last_heard() + QUIET < newest;
                let round_trip = carrier.health.round_trip().unwrap_or(Duration::MAX);
                (!carrier.is_usable(), !carrier.is_sound(), is_quiet, round_trip)
            })
            .map(|carrier| carrier.id)
    }

    /// A carrier that `has_lost` something, to send that over it once more, full or not: it takes the place of what is
    /// lost. `None` if only suspects have.
    pub fn pick_again(&self, mut has_lost: impl FnMut(u32) -> bool) -> Option<Grant> {
        let carrier = self.usable().find(|carrier| has_lost(carrier.id))?;
        Some(Grant { carrier: carrier.id, bytes: usize::MAX })
    }
}

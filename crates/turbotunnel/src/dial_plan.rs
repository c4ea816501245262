//! When to dial: at once, but not so often that the broker suffers.

use crate::config::{
    DIALS, EARN_DIAL, RACE, RACE_FACTOR, RACE_FIRST, RETRY_JITTER, RETRY_MAX, RETRY_MIN,
    SAVED_DIALS,
};
use std::time::{Duration, Instant};

/// Decides when dials begin and which are cancelled.
///
/// **Pure**: time and randomness are arguments. It dials as soon as a carrier is missing, and for each that is missing: a
/// session that has lost all its carriers must not wait until the first of two dials turns out to be in vain. If the
/// newest takes much longer than dials usually do, another is begun beside it, and the first to succeed wins. Three
/// things hold it back: [`DIALS`] at one time, a growing pause after failures, and a bound for the rate of all dials.
#[derive(Debug)]
pub(crate) struct DialPlan {
    missing: usize,
    /// Oldest first.
    under_way: Vec<Dialing>,
    next: u32,
    newest_start: Option<Instant>,
    /// Failures since a carrier was last of use; of dials that were under way together, one.
    failures: u32,
    /// When the newest dial had begun that is part of the last failure.
    failed_with: Option<Instant>,
    /// At the least so long after one dial begins the next, whether it is the only one or not.
    pause: Duration,
    last_success: Option<Duration>,
    allowance: Allowance,
}

/// Names one dial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DialId(u32);

#[derive(Debug)]
struct Dialing {
    id: DialId,
    started: Instant,
}

/// What is to be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Begin this dial, and ask again.
    Dial(DialId),
    /// Cancel this dial, and ask again.
    Cancel(DialId),
    /// Nothing until then, or until something happens.
    Wait(Option<Instant>),
}

impl DialPlan {
    /// A plan by which nothing is missing yet.
    pub(crate) fn new() -> Self {
        Self {
            missing: 0,
            under_way: Vec::new(),
            next: 0,
            newest_start: None,
            failures: 0,
            failed_with: None,
            pause: Duration::ZERO,
            last_success: None,
            allowance: Allowance::default(),
        }
    }

    /// How many carriers are missing, those that are being dialed included.
    pub(crate) fn set_missing(&mut self, carriers: usize) {
        self.missing = carriers;
    }

    /// What to do at `now`; to be asked until it is to wait.
    pub(crate) fn poll(&mut self, now: Instant) -> Step {
        if self.missing == 0 {
            let unneeded = self.under_way.pop();
            return unneeded.map_or(Step::Wait(None), |dialing| Step::Cancel(dialing.id));
        }
        if self.under_way.len() >= DIALS {
            return Step::Wait(None);
        }
        let rested = self.newest_start.map(|start| start + self.pause);
        let holds = [rested, self.race_due(), self.allowance.due()];
        match holds.into_iter().flatten().max() {
            Some(due) if due > now => Step::Wait(Some(due)),
            _ => Step::Dial(self.begin(now)),
        }
    }

    /// A dial has succeeded; false if its carrier is not needed any more.
    pub(crate) fn opened(&mut self, dial: DialId, now: Instant) -> bool {
        let Some(started) = self.remove(dial) else { return false };
        self.last_success = Some(now.saturating_duration_since(started));
        self.pause = Duration::ZERO;
        let needed = self.missing > 0;
        self.missing = self.missing.saturating_sub(1);
        needed
    }

    /// A dial has failed. One that was cancelled before does not count, nor one that was under way when another failed:
    /// they tell the same thing about the broker, which is no worse because more carriers were missing.
    pub(crate) fn failed(&mut self, dial: DialId, random: u32) {
        let Some(started) = self.remove(dial) else { return };
        if self.failed_with.is_none_or(|newest| started > newest) {
            self.back_off(random);
        }
    }

    /// A carrier has ended that brought nothing: as bad as one that did not open.
    pub(crate) fn was_barren(&mut self, random: u32) {
        self.back_off(random);
    }

    /// A carrier has brought its first packet: past failures do not count any more.
    pub(crate) fn was_fruitful(&mut self) {
        self.failures = 0;
        self.failed_with = None;
        self.pause = Duration::ZERO;
    }

    fn begin(&mut self, now: Instant) -> DialId {
        let id = DialId(self.next);
        self.next = self.next.wrapping_add(1);
        self.under_way.push(Dialing { id, started: now });
        self.newest_start = Some(now);
        self.allowance.spend(now);
        id
    }

    fn remove(&mut self, dial: DialId) -> Option<Instant> {
        let index = self.under_way.iter().position(|dialing| dialing.id == dial)?;
        Some(self.under_way.remove(index).started)
    }

    /// Makes the pause twice as long as the last time, within the limits, then moves it by the jitter.
    fn back_off(&mut self, random: u32) {
        let doubled = RETRY_MIN.saturating_mul(1 << self.failures.min(16));
        self.failures = self.failures.saturating_add(1);
        self.failed_with = self.newest_start;
        let unit = f64::from(random) / f64::from(u32::MAX);
        self.pause = doubled.min(RETRY_MAX).mul_f64(1.0 + RETRY_JITTER * (2.0 * unit - 1.0));
    }

    /// When the newest dial has taken so long that it gets company; `None` if it does so in any case, as there are fewer
    /// than are missing.
    fn race_due(&self) -> Option<Instant> {
        if self.under_way.len() < self.missing {
            return None;
        }
        let usual = self.last_success.map_or(RACE_FIRST, |took| {
            took.saturating_mul(RACE_FACTOR).clamp(*RACE.start(), *RACE.end())
        });
        self.under_way.last().map(|dialing| dialing.started + usual)
    }
}

/// [`SAVED_DIALS`] at once, then one every [`EARN_DIAL`].
#[derive(Debug, Default)]
struct Allowance {
    /// When as many will be saved as can be.
    full_at: Option<Instant>,
}

impl Allowance {
    /// When the next dial may begin, if not at once.
    fn due(&self) -> Option<Instant> {
        self.full_at?.checked_sub(EARN_DIAL * (SAVED_DIALS - 1))
    }

    fn spend(&mut self, now: Instant) {
        self.full_at = Some(self.full_at.map_or(now, |at| at.max(now)) + EARN_DIAL);
    }
}

#[cfg(test)]
mod tests;

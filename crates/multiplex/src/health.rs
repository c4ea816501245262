//! Whether a carrier is alive.

use std::time::{Duration, Instant};

use crate::config::{
    ANSWER_DELAY, BUSY, CLOCK_TICK, FIRST_PROOF, MAX_PROOF, MAX_SILENCE, MIN_PROOF, PROOFS,
    SUSPECT_PROBE,
};

/// What is thought of a carrier. A dead one is not in any state: it is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing has come through it yet.
    Fresh,
    /// It has shown that it works.
    Trusted,
    /// It owes three proofs of life, or one if another carrier has come to life meanwhile. It gets no data.
    Suspect,
}

/// What a deadline that has passed calls for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing: there was a sign of life meanwhile.
    Alive,
    /// A probe.
    Probe,
    /// It is suspect from now on, and gets another probe.
    Suspect,
}

/// The signs of life of one carrier, and how long they have been missing.
///
/// The deadline is not moved by each sign, only looked at again when it has passed, so that a busy carrier costs no
/// timer.
#[derive(Debug)]
pub(crate) struct Health {
    state: State,
    since: Instant,
    /// Since when it is trusted and owes nothing, if it is.
    sound_since: Option<Instant>,
    last_sign: Instant,
    last_heard: Instant,
    /// Since when something has been under way that has to be answered; never `None` while a proof is missing.
    expecting: Option<Instant>,
    /// Whether that is data, whose answer is certain to be seen.
    expects_data: bool,
    /// Proof times that have passed without a sign.
    unanswered: u32,
    deadline: Option<Instant>,
    round_trip: RoundTrip,
    /// How long an idle carrier may be silent before it is probed; `None` if silence is no matter.
    patience: Option<Duration>,
    /// Packets heard since it was last probed for its silence.
    heard: u32,
}

impl Health {
    /// A carrier that has just opened.
    pub(crate) fn new(now: Instant, probes_silence: bool) -> Self {
        Self {
            state: State::Fresh,
            since: now,
            sound_since: None,
            last_sign: now,
            last_heard: now,
            expecting: None,
            expects_data: false,
            unanswered: 0,
            deadline: None,
            round_trip: RoundTrip::default(),
            patience: probes_silence.then_some(Duration::ZERO),
            heard: 0,
        }
    }

    pub(crate) fn state(&self) -> State {
        self.state
    }

    /// Since when it has been in this state.
    pub(crate) fn since(&self) -> Instant {
        self.since
    }

    /// Since when it works, as far as anybody knows; `None` if it is not trusted or owes a proof.
    pub(crate) fn sound_since(&self) -> Option<Instant> {
        self.sound_since
    }

    /// When a packet last came through it. What went over it may have been answered over another.
    pub(crate) fn last_heard(&self) -> Instant {
        self.last_heard
    }

    /// Whether it owes at least one proof of life.
    pub(crate) fn is_doubtful(&self) -> bool {
        self.unanswered > 0
    }

    /// The smoothed round trip; `None` before the first.
    pub(crate) fn round_trip(&self) -> Option<Duration> {
        self.round_trip.smoothed
    }

    /// How long an answer may take.
    pub(crate) fn proof_time(&self) -> Duration {
        self.round_trip.proof_time()
    }

    /// Data was sent, which the peer has to acknowledge.
    pub(crate) fn sent(&mut self, now: Instant) {
        self.expects_data = true;
        self.expect(now);
    }

    /// A probe was sent. Its answer may be left out for a newer one over another carrier.
    pub(crate) fn probed(&mut self, now: Instant) {
        self.expect(now);
    }

    fn expect(&mut self, now: Instant) {
        if self.expecting.is_none() {
            self.expecting = Some(now);
            self.look_at(now + self.proof_time());
        }
    }

    /// A packet has come through it. Returns whether it was fresh and is trusted now.
    pub(crate) fn heard(&mut self, now: Instant) -> bool {
        self.last_heard = now;
        self.heard = self.heard.saturating_add(1);
        if let Some(patience) = &mut self.patience {
            if self.heard >= BUSY {
                *patience = Duration::ZERO;
            }
            let deadline = now + (*patience).max(self.round_trip.proof_time());
            if self.deadline.is_none() {
                self.deadline = Some(deadline);
            }
        }
        // What is heard proves one direction; data has to be acknowledged, and a suspect has to prove both.
        let proves =
            self.state == State::Fresh || !self.expects_data && self.state != State::Suspect;
        proves && self.sign(now)
    }

    /// The peer has answered what went over it `age` ago, after `round_trip` if that is known. Returns whether it was not
    /// trusted before.
    ///
    /// An answer that was under way for longer than suspicion takes proves nothing about now: a data channel repeats what
    /// was lost in a silence for as long as it lives, and what arrives in a moment of light may be answered in the next,
    /// or over another carrier. So a suspect has to answer what it was given as a suspect.
    pub(crate) fn answered(
        &mut self,
        now: Instant,
        age: Duration,
        round_trip: Option<Duration>,
    ) -> bool {
        let proof_time = self.round_trip.proof_time();
        let is_suspect = self.state == State::Suspect;
        // Before the first round trip nobody knows what is late.
        let is_first = self.round_trip.smoothed.is_none();
        let as_suspect = now.saturating_duration_since(self.since);
        let limit = CLOCK_TICK + if is_suspect { as_suspect } else { proof_time * PROOFS };
        if age > limit && !is_first {
            if is_suspect {
                // But something moves: worth a question before it is due.
                self.look_at(now + proof_time);
            }
            return false;
        }
        match round_trip {
            // A silence is no round trip; but if that has grown, the next answer must come in time to be one.
            Some(late) if is_suspect && late > proof_time && !is_first => self.round_trip.double(),
            // The quickest of several answers may be older than the newest.
            Some(round_trip) if round_trip <= limit || is_first => {
                self.round_trip.sample(round_trip)
            }
            Some(_) | None => {}
        }
        self.sign(now)
    }

    /// Nothing is under way any more that the peer has to answer.
    ///
    /// One that owes a proof still owes it: what it held may have been given to another, and its probe is under way.
    pub(crate) fn settled(&mut self) {
        if self.state == State::Suspect {
            return;
        }
        self.expects_data = false;
        if self.unanswered == 0 {
            self.expecting = None;
        }
    }

    fn sign(&mut self, now: Instant) -> bool {
        self.last_sign = now;
        self.unanswered = 0;
        self.sound_since.get_or_insert(now);
        let news = self.state != State::Trusted;
        if news {
            self.state = State::Trusted;
            self.since = now;
        }
        news
    }

    /// Makes it suspect, in its time or before it: another carrier works and this one owes a proof.
    ///
    /// From now on a proof is expected of it, whatever it holds: that is how it comes back.
    pub(crate) fn suspect(&mut self, now: Instant) {
        if self.state != State::Suspect {
            self.state = State::Suspect;
            self.since = now;
            self.sound_since = None;
            self.expecting.get_or_insert(now);
            self.look_at(now + SUSPECT_PROBE);
        }
    }

    /// When to look again; `None` if there is nothing to wait for.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// What has to be done at the deadline.
    pub(crate) fn handle_deadline(&mut self, now: Instant) -> Verdict {
        self.deadline = None;
        let Some(due) = self.due() else { return Verdict::Alive };
        if due > now {
            self.deadline = Some(due);
            return Verdict::Alive;
        }
        if self.expecting.is_none() {
            return self.probe_silence(now);
        }
        self.unanswered = self.unanswered.saturating_add(1);
        self.sound_since = None;
        if self.state == State::Suspect {
            self.deadline = Some(now + self.proof_time().max(SUSPECT_PROBE));
            return Verdict::Probe;
        }
        self.deadline = Some(now + self.proof_time());
        if self.unanswered < PROOFS {
            return Verdict::Probe;
        }
        self.suspect(now);
        Verdict::Suspect
    }

    /// When the next proof is due, by what is known now.
    fn due(&self) -> Option<Instant> {
        match (self.expecting, self.patience) {
            // Each proof time without a sign counts from the end of the one before.
            (Some(since), _) if self.unanswered == 0 => {
                Some(since.max(self.last_sign) + self.proof_time())
            }
            (Some(since), _) => Some(since),
            (None, Some(patience)) => Some(self.last_sign + patience.max(self.proof_time())),
            (None, None) => None,
        }
    }

    fn probe_silence(&mut self, now: Instant) -> Verdict {
        let patience = self.patience.unwrap_or_default().max(self.proof_time());
        self.patience = Some((patience * 2).min(MAX_SILENCE));
        self.heard = 0;
        self.expecting = Some(now);
        self.deadline = Some(now + self.proof_time());
        Verdict::Probe
    }

    fn look_at(&mut self, at: Instant) {
        self.deadline = Some(self.deadline.map_or(at, |deadline| deadline.min(at)));
    }
}

/// The round trip over one carrier, after RFC 6298.
#[derive(Debug, Default)]
struct RoundTrip {
    smoothed: Option<Duration>,
    variation: Duration,
    /// How often the proof time was doubled since the last sample.
    doubled: u32,
}

impl RoundTrip {
    /// Doubles the proof time until there is a sample again.
    fn double(&mut self) {
        self.doubled = self.doubled.saturating_add(1);
    }

    fn sample(&mut self, measured: Duration) {
        self.doubled = 0;
        let Some(smoothed) = self.smoothed else {
            self.smoothed = Some(measured);
            self.variation = measured / 2;
            return;
        };
        self.variation = (self.variation * 3 + smoothed.abs_diff(measured)) / 4;
        self.smoothed = Some((smoothed * 7 + measured) / 8);
    }

    fn proof_time(&self) -> Duration {
        let measured = self.smoothed.map_or(FIRST_PROOF, |smoothed| {
            (smoothed + 4 * self.variation + ANSWER_DELAY).max(MIN_PROOF)
        });
        measured.saturating_mul(1 << self.doubled.min(16)).min(MAX_PROOF)
    }
}

#[cfg(test)]
mod tests;

//! What arrived when, and what can be said about it afterwards.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::pattern::{Mismatch, Pattern};

/// Arrivals within this time are one: more is not needed, and it bounds the memory of a run to 1000 entries for each second.
const GRAIN: Duration = Duration::from_millis(1);

/// The bulk of one direction, where it arrives.
#[derive(Debug)]
pub struct Bulk(Mutex<Arrived>);

#[derive(Debug)]
struct Arrived {
    pattern: Pattern,
    total: u64,
    /// Times and bytes, in order.
    entries: Vec<(Instant, u64)>,
}

impl Bulk {
    /// Nothing yet; the bytes have to be the pattern with this seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(Mutex::new(Arrived { pattern: Pattern::new(seed), total: 0, entries: Vec::new() }))
    }

    /// Takes bytes that have arrived.
    pub(crate) fn arrive(&self, now: Instant, bytes: &[u8]) -> Result<(), Mismatch> {
        let mut arrived = self.lock();
        arrived.pattern.check(bytes)?;
        let count = bytes.len() as u64;
        arrived.total += count;
        match arrived.entries.last_mut() {
            Some((at, sum)) if now - *at < GRAIN => *sum += count,
            _ => arrived.entries.push((now, count)),
        }
        Ok(())
    }

    /// Bytes so far, every one of which was right.
    pub fn total(&self) -> u64 {
        self.lock().total
    }

    /// When the first byte came.
    pub fn first(&self) -> Option<Instant> {
        self.lock().entries.first().map(|(at, _)| *at)
    }

    /// Bytes that arrived from `start` on and before `end`.
    pub fn bytes(&self, start: Instant, end: Instant) -> u64 {
        let arrived = self.lock();
        let within = arrived.entries.iter().filter(|(at, _)| (start..end).contains(at));
        within.map(|(_, bytes)| bytes).sum()
    }

    /// Mbit/s from `start` to `end`.
    pub fn rate(&self, start: Instant, end: Instant) -> f64 {
        self.bytes(start, end) as f64 / 125_000.0 / (end - start).as_secs_f64()
    }

    /// The longest time without a byte from `start` to `end`, both of which bound a gap too.
    pub fn longest_gap(&self, start: Instant, end: Instant) -> Duration {
        let arrived = self.lock();
        let within = arrived.entries.iter().map(|(at, _)| *at);
        let within = within.filter(|at| (start..end).contains(at)).chain([end]);
        let gaps = within.scan(start, |last, at| Some(at - std::mem::replace(last, at)));
        gaps.max().unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, Arrived> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The echoes of a session: when each was due, and how long it took from then on.
///
/// An echo is due every [`ASK_INTERVAL`](super::ASK_INTERVAL), whether or not the connection takes it then: who types a key
/// waits from that moment on.
#[derive(Debug)]
pub struct Echoes {
    start: Instant,
    times: Mutex<Vec<Option<Duration>>>,
}

impl Echoes {
    /// None yet; the first one is due at `start`.
    pub(crate) fn new(start: Instant) -> Self {
        Self { start, times: Mutex::new(Vec::new()) }
    }

    /// The answer to ask number `number` is there; false if that was never asked.
    pub(crate) fn answered(&self, now: Instant, number: u64) -> bool {
        let Ok(number) = u32::try_from(number) else { return false };
        let Some(time) = now.checked_duration_since(self.due(number)) else { return false };
        let mut times = self.lock();
        if times.len() <= number as usize {
            times.resize(number as usize + 1, None);
        }
        times[number as usize] = Some(time);
        true
    }

    /// When the first one is due.
    pub(crate) fn start(&self) -> Instant {
        self.start
    }

    /// Whether the echo that was due first at or after `from` is back.
    pub fn is_back(&self, from: Instant) -> bool {
        let times = self.lock();
        let number = (0..).find(|number| self.due(*number) >= from);
        number.is_some_and(|number| times.get(number as usize).is_some_and(Option::is_some))
    }

    /// Milliseconds of every echo that was due from `start` on and before `end`; for one without an answer, those until `now`.
    pub fn milliseconds(&self, start: Instant, end: Instant, now: Instant) -> Vec<f64> {
        let times = self.lock();
        let due = (0..).map(|number| (number as usize, self.due(number)));
        let due = due.skip_while(|(_, due)| *due < start).take_while(|(_, due)| *due < end);
        due.map(|(number, due)| {
            let time = times.get(number).copied().flatten().unwrap_or(now - due);
            time.as_secs_f64() * 1000.0
        })
        .collect()
    }

    fn due(&self, number: u32) -> Instant {
        self.start + super::ASK_INTERVAL * number
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Option<Duration>>> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[tokio::test(start_paused = true)]
    async fn spans_are_told_apart() {
        let (bulk, start) = (Bulk::new(3), Instant::now());
        let mut bytes = [0; 4000];
        Pattern::new(3).fill(&mut bytes);
        for (at, part) in [0, 100, 700, 1500].into_iter().zip(bytes.chunks(1000)) {
            bulk.arrive(start + at * MS, part).unwrap();
        }
        assert_eq!(bulk.bytes(start, start + 700 * MS), 2000);
        assert_eq!(bulk.rate(start, start + 1000 * MS), 0.024);
        assert_eq!(bulk.longest_gap(start, start + 1000 * MS), 600 * MS);
        assert_eq!(bulk.longest_gap(start, start + 3000 * MS), 1500 * MS, "the end counts");
        assert_eq!(bulk.longest_gap(start + 200 * MS, start + 800 * MS), 500 * MS);
        assert!(bulk.arrive(start, &[0; 8]).is_err());
        assert_eq!((bulk.total(), bulk.first()), (4000, Some(start)));
    }

    #[tokio::test(start_paused = true)]
    async fn an_echo_that_never_came_counts_as_late() {
        let start = Instant::now();
        let echoes = Echoes::new(start);
        assert!(echoes.answered(start + 30 * MS, 0) && echoes.answered(start + 250 * MS, 2));
        assert!(!echoes.answered(start + 250 * MS, 3), "not due yet");
        let all = echoes.milliseconds(start, start + 300 * MS, start + 1000 * MS);
        assert_eq!(all, [30.0, 900.0, 50.0]);
        assert_eq!(
            echoes.milliseconds(start + 150 * MS, start + 201 * MS, start + 999 * MS),
            [50.0]
        );
    }
}

//! What one transfer did over time: how much, how fast, and how long it stood still.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::watch, time::Instant};

/// Counts the bytes of one transfer where they arrive.
#[derive(Debug)]
pub struct Meter {
    size: u64,
    state: Mutex<State>,
    total: watch::Sender<u64>,
}

#[derive(Debug)]
struct State {
    started: Instant,
    first: Option<Instant>,
    last: Instant,
    killed: bool,
    stall: Duration,
}

/// The figures of a finished transfer.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    /// From the first byte to the last.
    pub moving: Duration,
    /// From the start of the connection to the first byte.
    pub first_byte: Duration,
    /// The longest time without a byte that ended after the kill; zero if nothing was killed.
    pub stall: Duration,
}

impl Meter {
    /// A transfer of `size` bytes that starts now.
    pub fn start(size: u64) -> Self {
        let now = Instant::now();
        let state =
            State { started: now, first: None, last: now, killed: false, stall: Duration::ZERO };
        Self { size, state: Mutex::new(state), total: watch::Sender::new(0) }
    }

    /// Bytes that the transfer will have at its end.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Bytes that have arrived.
    pub fn total(&self) -> u64 {
        *self.total.borrow()
    }

    /// Notes that `n` bytes have arrived.
    pub fn add(&self, n: usize) {
        let now = Instant::now();
        let mut state = self.state();
        if state.killed {
            state.stall = state.stall.max(now - state.last);
        }
        state.first.get_or_insert(now);
        state.last = now;
        drop(state);
        self.total.send_modify(|total| *total += n as u64);
    }

    /// Notes that the carrying proxy was killed: gaps count from here on.
    pub fn mark_kill(&self) {
        self.state().killed = true;
    }

    /// Waits until `bytes` have arrived. Cancel safe.
    pub async fn reached(&self, bytes: u64) {
        // The sender is ours, so the channel cannot close.
        let _ = self.total.subscribe().wait_for(|total| *total >= bytes).await;
    }

    /// Waits until no byte has arrived for `limit`. Cancel safe.
    pub async fn stuck(&self, limit: Duration) {
        let mut total = self.total.subscribe();
        while tokio::time::timeout(limit, total.changed()).await.is_ok() {}
    }

    /// The figures, sensible once the last byte is in.
    pub fn reading(&self) -> Reading {
        let state = self.state();
        let first = state.first.unwrap_or(state.last);
        Reading {
            moving: state.last - first,
            first_byte: first - state.started,
            stall: state.stall,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{advance, sleep};

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[tokio::test(start_paused = true)]
    async fn only_gaps_that_end_after_the_kill_are_the_stall() {
        let meter = Meter::start(40);
        advance(100 * MS).await;
        meter.add(10);
        advance(500 * MS).await;
        meter.add(10);
        meter.mark_kill();
        advance(20 * MS).await;
        meter.add(10);
        advance(200 * MS).await;
        meter.add(10);
        let reading = meter.reading();
        assert_eq!(reading.first_byte, 100 * MS);
        assert_eq!(reading.moving, 720 * MS);
        assert_eq!(reading.stall, 200 * MS);
        assert_eq!(meter.total(), meter.size());
    }

    #[tokio::test(start_paused = true)]
    async fn stuck_waits_for_silence() {
        let meter = Meter::start(40);
        let start = Instant::now();
        let feed = async {
            for _ in 0..3 {
                sleep(600 * MS).await;
                meter.add(1);
            }
        };
        tokio::join!(feed, meter.stuck(1000 * MS));
        assert_eq!(start.elapsed(), 2800 * MS);
    }
}

//! Several ways to a broker at once.
//!
//! ```text
//!  0 ms     250 ms        750 ms
//!  A ─ connects ─ ─ ─ ─ ─ ─ ─ ─ ─
//!           B ─ connects ─ has its turn: sends the poll ──> answer
//!                         (C does not begin: B has its turn)
//! ```
//!
//! What is raced for is the turn to ask, not the answer: there is one offer, and at most one poll with it under way, so that
//! no second proxy answers what the first has answered. Whoever is ready to send first has the turn; who has failed gives
//! it on. Only one that is silent for longer than a broker is loses it without having failed; then the first answer
//! counts, and the others are not waited for. An offer for each way would avoid that, too, but each costs sockets and a
//! round of questions to STUN servers, and a proxy whose answer comes second would wait for nobody all the same.

use crate::timers::{RACE_GAP, RACE_PATIENCE};
use futures_util::{StreamExt, stream::FuturesUnordered};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};

/// Runs these, which were given a turn each, until one has a result; the others are dropped.
///
/// The second begins 250 ms after the first, then each after twice the time; at once when one has failed; and none while one
/// has its turn, for at most 6 s.
///
/// Returns whose result it is, and the result: the last error, when all have failed. Nothing, if there is nobody.
pub(super) async fn race<T, E>(
    turns: &Turns,
    runners: Vec<impl Future<Output = Result<T, E>>>,
) -> Option<(usize, Result<T, E>)> {
    let runners = runners.into_iter().enumerate();
    let mut waiting = runners.map(|(place, runner)| async move { (place, runner.await) });
    let mut running = FuturesUnordered::new();
    let mut gap = RACE_GAP;
    loop {
        running.extend(waiting.next());
        tokio::select! {
            // Whoever is done, or ready to ask, is so before the next begins.
            biased;
            ended = running.next() => {
                let is_last = running.is_empty() && waiting.len() == 0;
                if is_last || matches!(ended, Some((_, Ok(_))) | None) {
                    return ended;
                }
            }
            () = turns.stand_open(gap) => gap *= 2,
        }
    }
}

/// Who may ask: one at a time.
#[derive(Debug)]
pub(super) struct Turns(Arc<Semaphore>);

impl Default for Turns {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }
}

impl Turns {
    /// The turn of one more.
    pub(super) fn next(&self) -> Turn {
        Turn { turns: self.0.clone(), mine: Arc::default() }
    }

    /// Waits until it is time for another one to begin. One that has its turn by then is left alone for a while.
    async fn stand_open(&self, gap: Duration) {
        sleep(gap).await;
        if timeout(RACE_PATIENCE, self.0.acquire()).await.is_err() {
            self.0.add_permits(1);
        }
    }
}

/// One's turn to ask: from when it has come until all clones are dropped.
#[derive(Clone, Debug)]
pub(super) struct Turn {
    turns: Arc<Semaphore>,
    mine: Arc<OnceCell<Option<OwnedSemaphorePermit>>>,
}

impl Turn {
    /// Waits until it has come; once it has, it stays.
    pub(super) async fn come(self) {
        // It is never closed.
        self.mine.get_or_init(async || self.turns.clone().acquire_owned().await.ok()).await;
    }
}

#[cfg(test)]
mod tests;

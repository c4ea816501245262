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
//! it on. Only one that is silent for longer than its [patience](snowflake_rendezvous::Rendezvous::patience) loses it
//! without having failed; then the first answer counts, and the others are not waited for. An offer for each way would
//! avoid that, too, but each costs sockets and a round of questions to STUN servers, and a proxy whose answer comes second
//! would wait for nobody all the same.

use crate::timers::RACE_GAP;
use futures_util::{StreamExt, stream::FuturesUnordered};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};

/// Runs these, which were given a turn each, until one has a result; the others are dropped.
///
/// The second begins 250 ms after the first, then each after twice the time; at once when one has failed; and none while one
/// has its turn, for as long as its patience lasts.
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
pub(super) struct Turns(Arc<watch::Sender<Option<Holder>>>);

/// Who has the turn, and for how long nobody else gets it.
#[derive(Clone, Copy, Debug)]
struct Holder {
    place: usize,
    until: Instant,
}

impl Default for Turns {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(None)))
    }
}

impl Turns {
    /// The turn of the runner at this place, who keeps it so long without an answer.
    pub(super) fn of(&self, place: usize, patience: Duration) -> Turn {
        Turn(Arc::new(Mine { holder: self.0.clone(), place, patience }))
    }

    /// Waits until it is time for another one to begin. One that has its turn by then is left alone for a while.
    async fn stand_open(&self, gap: Duration) {
        sleep(gap).await;
        let mut holder = self.0.subscribe();
        loop {
            let Some(Holder { place, until }) = *holder.borrow_and_update() else { return };
            // The sender is ours.
            if timeout_at(until, holder.changed()).await.is_err() {
                release(&self.0, place);
            }
        }
    }
}

/// One's turn to ask: from when it has come until all clones are dropped, or it is lost.
#[derive(Clone, Debug)]
pub(super) struct Turn(Arc<Mine>);

#[derive(Debug)]
struct Mine {
    holder: Arc<watch::Sender<Option<Holder>>>,
    place: usize,
    patience: Duration,
}

impl Turn {
    /// Waits until it has come; at once if it is there still, and then patience begins anew: there is another question.
    pub(super) async fn come(self) {
        let Mine { holder, place, patience } = &*self.0;
        let mut changes = holder.subscribe();
        loop {
            holder.send_if_modified(|holder| {
                let may_ask = holder.is_none_or(|holder| holder.place == *place);
                if may_ask {
                    *holder = Some(Holder { place: *place, until: Instant::now() + *patience });
                }
                may_ask
            });
            if changes.borrow_and_update().is_some_and(|holder| holder.place == *place) {
                return;
            }
            // The sender is ours.
            let _ = changes.changed().await;
        }
    }
}

impl Drop for Mine {
    fn drop(&mut self) {
        release(&self.holder, self.place);
    }
}

/// Takes the turn from the one at this place, if it is his.
fn release(holder: &watch::Sender<Option<Holder>>, place: usize) {
    holder.send_if_modified(|holder| holder.take_if(|holder| holder.place == place).is_some());
}

#[cfg(test)]
mod tests;

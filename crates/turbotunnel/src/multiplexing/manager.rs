//! The task that owns all carriers and all dials of a conn.

use crate::dial_plan::{DialId, DialPlan, Step};
use crate::lanes::{Lane, Lanes};
use crate::pump::{Pumped, close, pump};
use crate::{CarrierId, Dial, MultiplexingConfig};
use bytes::Bytes;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};

/// What the session wishes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Want {
    /// How many more carriers it would like to have.
    pub(super) missing: usize,
    /// The newest carrier that it knew of then.
    pub(super) newest: Option<CarrierId>,
}

/// What became of a dial.
type Dialed<D> = Result<<D as Dial>::Carrier, <D as Dial>::Error>;

/// Does what the [`DialPlan`] says, and tells it what became of it.
pub(super) struct Manager<D: Dial> {
    dialer: Arc<D>,
    preamble: Bytes,
    lanes: Arc<Lanes>,
    want: watch::Receiver<Want>,
    config: MultiplexingConfig,
    jitter: Jitter,
    plan: DialPlan,
    dials: JoinSet<(DialId, Dialed<D>)>,
    /// Those that can still be cancelled.
    cancels: Vec<(DialId, AbortHandle)>,
    carriers: JoinSet<Pumped<D::Carrier, Lane>>,
    in_use: Vec<InUse>,
    /// Carriers on their way out, each for a second at most.
    closing: JoinSet<()>,
}

/// A carrier that the session has, or is about to have.
struct InUse {
    id: CarrierId,
    /// Whether the plan knows that it has brought a packet.
    is_fruitful: bool,
}

/// Also when a dialer panics: the session must not wait for carriers that nobody dials.
impl<D: Dial> Drop for Manager<D> {
    fn drop(&mut self) {
        self.lanes.close();
    }
}

impl<D: Dial> Manager<D> {
    pub(super) fn new(
        dialer: D,
        preamble: Bytes,
        lanes: Arc<Lanes>,
        want: watch::Receiver<Want>,
        config: MultiplexingConfig,
    ) -> Self {
        Self {
            dialer: Arc::new(dialer),
            preamble,
            lanes,
            want,
            jitter: Jitter::new(config.seed),
            config,
            plan: DialPlan::new(),
            dials: JoinSet::new(),
            cancels: Vec::new(),
            carriers: JoinSet::new(),
            in_use: Vec::new(),
            closing: JoinSet::new(),
        }
    }

    /// Runs until the conn is gone.
    pub(super) async fn run(mut self) {
        loop {
            let next = self.follow_plan();
            tokio::select! {
                biased;
                changed = self.want.changed() => if changed.is_err() { return },
                Some(joined) = self.dials.join_next() => {
                    if let Some((dial, result)) = finished(joined) {
                        self.dialed(dial, result);
                    }
                }
                Some(joined) = self.carriers.join_next() => {
                    if let Some(pumped) = finished(joined) {
                        self.ended(pumped);
                    }
                }
                Some(_) = self.closing.join_next() => {}
                () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {}
            }
        }
    }

    /// Begins and cancels dials; returns when to look again.
    fn follow_plan(&mut self) -> Option<Instant> {
        self.update_missing();
        loop {
            match self.plan.poll(Instant::now().into_std()) {
                Step::Dial(dial) => self.dial(dial),
                Step::Cancel(dial) => {
                    if let Some(cancel) = self.take_cancel(dial) {
                        cancel.abort();
                    }
                }
                Step::Wait(until) => return until.map(Instant::from_std),
            }
        }
    }

    /// Tells the plan what the session wants, less the carriers that it does not know of yet.
    fn update_missing(&mut self) {
        let want = *self.want.borrow_and_update();
        let unknown = self.in_use.iter().filter(|carrier| Some(carrier.id) > want.newest).count();
        let places = self.config.carriers.saturating_sub(self.in_use.len());
        self.plan.set_missing(want.missing.saturating_sub(unknown).min(places));
    }

    fn dial(&mut self, dial: DialId) {
        let (dialer, preamble) = (self.dialer.clone(), self.preamble.clone());
        let task = self.dials.spawn(async move { (dial, dialer.dial(preamble).await) });
        self.cancels.push((dial, task));
    }

    fn take_cancel(&mut self, dial: DialId) -> Option<AbortHandle> {
        let index = self.cancels.iter().position(|(known, _)| *known == dial)?;
        Some(self.cancels.swap_remove(index).1)
    }

    fn dialed(&mut self, dial: DialId, result: Dialed<D>) {
        self.take_cancel(dial);
        self.note_fruitful();
        self.update_missing();
        match result {
            Ok(carrier) if self.plan.opened(dial, Instant::now().into_std()) => self.adopt(carrier),
            Ok(unneeded) => {
                self.closing.spawn(close(unneeded));
            }
            Err(error) => {
                tracing::debug!(%error, "no carrier this time");
                self.plan.failed(dial, self.jitter.next());
            }
        }
    }

    fn adopt(&mut self, carrier: D::Carrier) {
        let lane = self.lanes.open();
        self.in_use.push(InUse { id: lane.id(), is_fruitful: false });
        self.carriers.spawn(pump(carrier, Bytes::new(), lane, self.config.silence));
    }

    fn ended(&mut self, used: Pumped<D::Carrier, Lane>) {
        let Pumped { carrier, place: lane, end, received } = used;
        tracing::debug!(%end, received, "a carrier ended");
        self.note_fruitful();
        let index = self.in_use.iter().position(|carrier| carrier.id == lane.id());
        if !index.is_some_and(|index| self.in_use.swap_remove(index).is_fruitful) {
            self.plan.was_barren(self.jitter.next());
        }
        self.dialer.ended(&end);
        // Only now the session hears of it, and may ask for another: the plan knows already whether to pause.
        drop(lane);
        self.closing.spawn(close(carrier));
    }

    /// Tells the plan if carriers have brought their first packets since the last time.
    fn note_fruitful(&mut self) {
        for carrier in self.in_use.iter_mut().filter(|carrier| !carrier.is_fruitful) {
            if self.lanes.has_delivered(carrier.id) {
                carrier.is_fruitful = true;
                self.plan.was_fruitful();
            }
        }
    }
}

/// What a task returned, unless it was cancelled. Its panic goes on here.
fn finished<T>(joined: Result<T, JoinError>) -> Option<T> {
    match joined {
        Ok(output) => Some(output),
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => None,
    }
}

/// Random numbers that need not surprise anybody (Steele and others, SplitMix).
struct Jitter(u32);

impl Jitter {
    /// Without a seed and without randomness every client has the same pauses, which is no great harm.
    fn new(seed: Option<u32>) -> Self {
        Self(seed.or_else(|| getrandom::u32().ok()).unwrap_or(0))
    }

    fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9);
        let mixed = (self.0 ^ (self.0 >> 16)).wrapping_mul(0x21f0_aaad);
        let mixed = (mixed ^ (mixed >> 15)).wrapping_mul(0x735a_2d97);
        mixed ^ (mixed >> 15)
    }
}

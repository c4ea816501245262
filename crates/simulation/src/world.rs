//! One simulation: a server, clients, a clock, and a seed that everything follows from.

use crate::bug::Stray;
use crate::flow::Flows;
use crate::server::Server;
use crate::volunteers::{Offer, Volunteers};
use crate::watched::Conversations;
use crate::{Bug, Check, Client, Failure, Verdict};
use snowflake_netsim::Rng;
use snowflake_turbotunnel::ClientId;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::{Builder, Handle};

/// The longest that a simulation may last on its own clock.
const LONGEST: Duration = Duration::from_secs(4 * 3600);

/// Runs only this seed, if it is set.
const SEED: &str = "SIMULATION_SEED";

/// What every part of a simulation knows.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    pub(crate) seed: u64,
    pub(crate) bug: Option<Bug>,
    pub(crate) verdict: Verdict,
    pub(crate) flows: Flows,
    pub(crate) conversations: Conversations,
    pub(crate) stray: Stray,
}

/// A simulation that is going on.
#[derive(Debug)]
pub struct World {
    setting: Setting,
    server: Arc<Server>,
    rng: Mutex<Rng>,
}

impl World {
    fn new(seed: u64, bug: Option<Bug>) -> Self {
        let setting = Setting {
            seed,
            bug,
            verdict: Verdict::new(),
            flows: Flows::default(),
            conversations: Conversations::default(),
            stray: Stray::default(),
        };
        // Every second simulation goes through the real listener; with a bug the server's conns have to be had.
        let server = Arc::new(Server::new(&setting, bug.is_some() || seed % 2 == 1));
        Self { setting, server, rng: Mutex::new(Rng::new(seed)) }
    }

    /// A generator of its own for some part of the simulation.
    pub fn rng(&self) -> Rng {
        Rng::new(self.rng.lock().unwrap_or_else(PoisonError::into_inner).next_u64())
    }

    /// A client that wants so many carriers, whose dials get what `plan` says: it is given the number of the dial,
    /// counted from 0, and a generator.
    pub fn client(
        &self,
        wanted: usize,
        plan: impl FnMut(usize, &mut Rng) -> Offer + Send + 'static,
    ) -> Client {
        let mut rng = self.rng();
        let id = match self.setting.bug {
            Some(Bug::SharedClientId) => ClientId::from_bytes([1; 8]),
            _ => ClientId::from_bytes(rng.next_u64().to_le_bytes()),
        };
        let seed = rng.next_u64();
        let volunteers =
            Volunteers::new(self.server.clone(), self.setting.bug, Box::new(plan), rng);
        Client::new(&self.setting, id, wanted, volunteers, seed)
    }

    /// Where failures come from.
    pub fn verdict(&self) -> &Verdict {
        &self.setting.verdict
    }

    /// Fails unless `holds`.
    ///
    /// # Errors
    ///
    /// The failure of `check`.
    pub fn expect(
        &self,
        check: Check,
        holds: bool,
        detail: impl FnOnce() -> String,
    ) -> Result<(), Failure> {
        self.setting.verdict.expect(check, holds, detail)
    }

    /// Tasks that are alive.
    pub fn tasks(&self) -> usize {
        Handle::current().metrics().num_alive_tasks()
    }
}

/// Runs `scenario` with one seed, and a bug if there is to be one.
///
/// # Errors
///
/// The first check that failed.
///
/// # Panics
///
/// If there is no runtime to be had.
pub fn simulate<T>(
    seed: u64,
    bug: Option<Bug>,
    scenario: impl AsyncFnOnce(&World) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime without I/O").block_on(async {
        let world = World::new(seed, bug);
        let verdict = world.verdict().clone();
        tokio::select! {
            biased;
            failure = verdict.failed() => Err(failure),
            result = scenario(&world) => result,
            () = tokio::time::sleep(LONGEST) => {
                Err(verdict.failure(Check::Hang, "the scenario does not end"))
            }
        }
    })
}

/// Runs `scenario` with each of `seeds` seeds, or with the one in the environment variable `SIMULATION_SEED`.
///
/// # Panics
///
/// If a check fails: the message says with which seed.
pub fn for_seeds<T>(seeds: u64, scenario: impl AsyncFn(&World) -> Result<T, Failure>) -> Vec<T> {
    let seeds = match std::env::var(SEED).ok().and_then(|seed| seed.parse().ok()) {
        Some(seed) => seed..seed + 1,
        None => 0..seeds,
    };
    let run = |seed| match simulate(seed, None, &scenario) {
        Ok(result) => result,
        Err(failure) => panic!("{SEED}={seed}: {failure}"),
    };
    seeds.map(run).collect()
}

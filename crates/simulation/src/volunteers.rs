//! Where the carriers of a simulated client come from.

use crate::bug::Keeper;
use crate::pipe::{Ends, Pipe, pair};
use crate::server::Server;
use crate::{Bug, Line, Link, Ways};
use bytes::Bytes;
use futures_util::SinkExt;
use snowflake_netsim::Rng;
use snowflake_turbotunnel::{Carrier, Dial};
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until};

/// What becomes of a dial.
#[derive(Clone, Copy, Debug)]
pub struct Offer {
    /// How long it takes.
    pub takes: Duration,
    /// Whether there is a carrier at its end.
    pub succeeds: bool,
    /// Whether the carrier is silent from the start.
    pub silent: Option<Ways>,
    /// From the client to the server.
    pub up: Line,
    /// From the server to the client.
    pub down: Line,
}

impl Offer {
    /// A carrier of equal rates in both directions, after 300 ms.
    pub fn new(line: Line) -> Self {
        Self {
            takes: Duration::from_millis(300),
            succeeds: true,
            silent: None,
            up: line,
            down: line,
        }
    }

    /// Sets how long the dial takes.
    pub fn takes(mut self, takes: Duration) -> Self {
        self.takes = takes;
        self
    }

    /// Makes the dial fail.
    pub fn fails(mut self) -> Self {
        self.succeeds = false;
        self
    }

    /// Makes the carrier silent from the start.
    pub fn silent(mut self, ways: Ways) -> Self {
        self.silent = Some(ways);
        self
    }
}

/// Decides what each dial, counted from 0, gets.
pub(crate) type Plan = Box<dyn FnMut(usize, &mut Rng) -> Offer + Send>;

/// The volunteers that a client may find, and the carriers that it has of them.
pub struct Volunteers {
    server: Arc<Server>,
    bug: Option<Bug>,
    inner: Mutex<Inner>,
    pub(crate) ends: Ends,
    keeper: Keeper,
}

struct Inner {
    plan: Plan,
    rng: Rng,
    dials: usize,
    links: Vec<Link>,
    paused_until: Instant,
}

impl fmt::Debug for Volunteers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Volunteers").finish_non_exhaustive()
    }
}

impl Volunteers {
    pub(crate) fn new(server: Arc<Server>, bug: Option<Bug>, plan: Plan, rng: Rng) -> Arc<Self> {
        let (links, paused_until) = (Vec::new(), Instant::now());
        let inner = Mutex::new(Inner { plan, rng, dials: 0, links, paused_until });
        let (ends, keeper) = (Ends::default(), Keeper::default());
        Arc::new(Self { server, bug, inner, ends, keeper })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The carriers that work, oldest first.
    pub fn links(&self) -> Vec<Link> {
        let mut inner = self.lock();
        inner.links.retain(Link::is_alive);
        inner.links.clone()
    }

    /// Dials that have begun.
    pub fn dials(&self) -> usize {
        self.lock().dials
    }

    /// The carrier that works and carries most, judged by the next half second.
    pub async fn carrying(&self) -> Option<Link> {
        let links: Vec<_> = self.links().into_iter().map(|link| (link.carried(), link)).collect();
        sleep(Duration::from_millis(500)).await;
        let most = links.into_iter().max_by_key(|(before, link)| link.carried() - before);
        most.map(|(_, link)| link)
    }

    /// For `time` nothing moves in the whole network, dials included.
    pub fn pause(&self, time: Duration) {
        self.links().iter().for_each(|link| link.freeze(Ways::Both, time));
        self.lock().paused_until = Instant::now() + time;
    }

    fn offer(&self) -> Offer {
        let Inner { plan, rng, dials, .. } = &mut *self.lock();
        *dials += 1;
        plan(*dials - 1, rng)
    }

    fn connect(&self, offer: &Offer) -> Pipe {
        let (near, far) = {
            let Inner { rng, links, .. } = &mut *self.lock();
            links.retain(Link::is_alive);
            let (near, far, link) = pair(offer.up, offer.down, rng, &self.ends);
            if let Some(ways) = offer.silent {
                link.silence(ways);
            }
            links.push(link);
            (near, far)
        };
        self.server.take(far);
        near
    }

    /// Ends of carriers, at both sides, that somebody holds.
    pub fn ends_held(&self) -> usize {
        self.ends.held()
    }
}

/// How a client gets at its volunteers.
pub(crate) struct Dialer(pub(crate) Arc<Volunteers>);

impl Dial for Dialer {
    type Carrier = Box<dyn Carrier>;
    type Error = io::Error;

    async fn dial(&self, preamble: Bytes) -> io::Result<Box<dyn Carrier>> {
        let Self(volunteers) = self;
        let offer = volunteers.offer();
        sleep(offer.takes).await;
        let until = volunteers.lock().paused_until;
        sleep_until(until).await;
        if !offer.succeeds {
            if volunteers.bug == Some(Bug::TaskLeaked) {
                tokio::spawn(std::future::pending::<()>());
            }
            return Err(io::Error::other("no volunteer"));
        }
        let mut near = volunteers.connect(&offer);
        near.send(preamble).await?;
        Ok(match volunteers.bug {
            Some(Bug::CarriersKept) => Box::new(volunteers.keeper.keep(near)),
            _ => Box::new(near),
        })
    }
}

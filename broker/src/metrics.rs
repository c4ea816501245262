//! What the broker counts, and how it publishes it: rounded, so that nobody finds a single user in
//! it.
//!
//! Twice: as a block a day for researchers (`metrics/block.rs`), and as figures that a Prometheus
//! server reads when it likes (`metrics/figures.rs`). Names, labels and rounding are those of the
//! Go broker.

mod addresses;
mod block;
mod figures;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use snowflake_geoip::Country;
use snowflake_messages::{NatType, ProxyPollRequest, ProxyType};
use snowflake_metrics::Held;
use tracing::warn;

use self::addresses::Addresses;
use self::figures::Figures;
use crate::limits::MAX_COUNTED_ADDRESSES;
use crate::origin::Rendezvous;
use crate::waiting::NoAnswer;

/// What became of a proxy's poll, for statistics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProxyEvent {
    /// It said which relays it accepts.
    WithPattern,
    /// It did not.
    WithoutPattern,
    /// It does not accept ours.
    Rejected,
    /// No client came.
    Idle,
    /// A client came.
    Matched,
}

/// A client, as far as it is counted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Client {
    pub(crate) nat: NatType,
    pub(crate) country: Country,
    pub(crate) rendezvous: Rendezvous,
}

/// How many of each country.
type ByCountry = HashMap<Country, u64>;

/// What was counted since the last block.
///
/// Bounded: there are six NAT types, three rendezvous, and the countries of two files; of addresses
/// see [`Addresses`].
#[derive(Debug)]
struct Counts {
    proxies: Addresses,
    proxy_countries: ByCountry,
    idle: u64,
    with_pattern: u64,
    without_pattern: u64,
    rejected: u64,
    denied: HashMap<NatType, u64>,
    matched: u64,
    timed_out: u64,
    clients: HashMap<Rendezvous, ByCountry>,
}

/// All that is counted.
#[derive(Debug)]
pub(crate) struct Metrics {
    counts: Mutex<Counts>,
    figures: Figures,
}

impl Default for Metrics {
    fn default() -> Self {
        Self { counts: Mutex::new(Counts::new(MAX_COUNTED_ADDRESSES)), figures: Figures::new() }
    }
}

impl Metrics {
    /// Counts a proxy's poll; most are counted twice, for their pattern and for their outcome.
    pub(crate) fn count_proxy(&self, poll: &ProxyPollRequest, event: ProxyEvent) {
        self.figures.count_proxy(poll, event);
        let mut counts = self.lock();
        match event {
            ProxyEvent::WithPattern => counts.with_pattern += 1,
            ProxyEvent::WithoutPattern => counts.without_pattern += 1,
            ProxyEvent::Rejected => counts.rejected += 1,
            ProxyEvent::Idle => counts.idle += 1,
            ProxyEvent::Matched => {}
        }
    }

    /// Counts a proxy's address, once a day for each type and NAT that polls from there.
    pub(crate) fn count_address(&self, poll: &ProxyPollRequest, from: IpAddr, country: Country) {
        let mut counts = self.lock();
        let seen = counts.proxies.see(from, poll.proxy_type, poll.nat);
        if seen.new_address {
            *counts.proxy_countries.entry(country).or_default() += 1;
        }
        drop(counts);
        if seen.new_kind {
            self.figures.count_address(poll, country);
        }
    }

    /// Counts a proxy as available for as long as the result lives.
    pub(crate) fn available(&self, poll: &ProxyPollRequest) -> Held {
        self.figures.available(poll)
    }

    /// Counts a proxy's answer, by the proxy's type if its client still waited.
    pub(crate) fn count_answer(&self, taken_from: Option<ProxyType>) {
        self.figures.count_answer(taken_from);
    }

    /// Counts a client's poll by its outcome.
    pub(crate) fn count_client(&self, client: Client, outcome: Result<(), NoAnswer>) {
        self.figures.count_client(client, outcome);
        let mut counts = self.lock();
        match outcome {
            Ok(()) => counts.matched += 1,
            Err(NoAnswer::TimedOut) => counts.timed_out += 1,
            Err(NoAnswer::NoProxies) => *counts.denied.entry(client.nat).or_default() += 1,
        }
        let countries = counts.clients.entry(client.rendezvous).or_default();
        *countries.entry(client.country).or_default() += 1;
    }

    /// Writes the block of the interval that ends at `end`, and starts counting anew.
    pub(crate) fn take_block(&self, end: SystemTime) -> String {
        let counts = std::mem::replace(&mut *self.lock(), Counts::new(MAX_COUNTED_ADDRESSES));
        if counts.proxies.is_full() {
            warn!(limit = MAX_COUNTED_ADDRESSES, "more proxies' addresses than can be counted");
        }
        block::write(&counts, end)
    }

    /// The page for Prometheus.
    pub(crate) fn page(&self) -> String {
        self.figures.text()
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn new(most_addresses: usize) -> Self {
        Self {
            proxies: Addresses::new(most_addresses),
            proxy_countries: HashMap::new(),
            idle: 0,
            with_pattern: 0,
            without_pattern: 0,
            rejected: 0,
            denied: HashMap::new(),
            matched: 0,
            timed_out: 0,
            clients: HashMap::new(),
        }
    }
}

#[cfg(test)]
mod tests;

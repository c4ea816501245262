//! What this machine's NAT does, and what a broker is told about it.
//!
//! ```text
//!  every dial ──> measure ──> discovery, beside the dial ──> known for all sessions
//!             ──> claim ──> word ──> broker
//!             <── did not help
//! ```

mod discovery;
mod knowledge;
mod policy;
mod sockets;

pub(crate) use policy::{Claim, Policy, old_word};

use crate::timers::MAX_BROKERS;
use knowledge::Knowledge;
use snowflake_messages::NatType;
use snowflake_nat::Behaviour;
use snowflake_socks5::Proxy;
use snowflake_webrtc::{Config, StunServer, local_addresses};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

/// What is known about this machine's NAT; clones know the same.
///
/// One is enough for a process. It is measured when the first session dials its first proxy, and again at a later dial
/// when that is long ago, when the machine has other addresses, or when a proxy did not reach us. No dial waits for it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Nat(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    knowledge: Knowledge,
    /// The measurement under way; it ends with the last handle, and takes [`NAT_LIMIT`](crate::timers::NAT_LIMIT) at the most.
    discovery: Option<AbortOnDropHandle<()>>,
    /// Brokers that know the old words only, at most [`MAX_BROKERS`]: until this program ends.
    old_brokers: VecDeque<String>,
}

impl Nat {
    /// Has it measured in the background, if that is worth it. Must be called within a tokio runtime.
    fn measure(&self, config: &Config) {
        // Without them only a change of networks goes unnoticed.
        let addresses = local_addresses(config).unwrap_or_default();
        let mut state = self.state();
        let is_under_way = state.discovery.as_ref().is_some_and(|task| !task.is_finished());
        if config.stun_servers.is_empty()
            || is_under_way
            || !state.knowledge.begin(Instant::now().into_std(), addresses)
        {
            return;
        }
        let (servers, upstream) = (config.stun_servers.clone(), config.upstream.clone());
        let task = run(Arc::downgrade(&self.0), servers, upstream);
        state.discovery = Some(AbortOnDropHandle::new(tokio::spawn(task)));
    }

    fn nat_type(&self) -> NatType {
        self.state().knowledge.nat_type()
    }

    /// A proxy did not reach us.
    fn doubt(&self) {
        self.state().knowledge.doubt();
    }

    fn knows_old_words_only(&self, broker: &str) -> bool {
        self.state().old_brokers.iter().any(|known| known == broker)
    }

    fn remember_old_broker(&self, broker: &str) {
        if self.knows_old_words_only(broker) {
            return;
        }
        let mut state = self.state();
        if state.old_brokers.len() == MAX_BROKERS {
            state.old_brokers.pop_front();
        }
        state.old_brokers.push_back(broker.to_owned());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Measures; does not keep alive what it is for.
async fn run(nat: Weak<Mutex<State>>, servers: Vec<StunServer>, upstream: Option<Proxy>) {
    let behaviour = discovery::discover(&servers, upstream.as_ref()).await;
    let nat_type = behaviour.map_or(NatType::Unknown, |behaviour| match behaviour {
        Behaviour::Open => NatType::Open,
        Behaviour::Moderate => NatType::Moderate,
        Behaviour::Strict => NatType::Strict,
    });
    // Go's text.
    tracing::info!("NAT Type: {nat_type}");
    if let Some(nat) = nat.upgrade().map(Nat) {
        nat.state().knowledge.learn(nat_type);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_brokers_are_remembered_up_to_a_number() {
        let nat = Nat::default();
        for number in 0..=MAX_BROKERS {
            let broker = format!("https://{number}.example/");
            assert!(!nat.knows_old_words_only(&broker));
            for _ in 0..2 {
                nat.remember_old_broker(&broker);
            }
            assert!(nat.knows_old_words_only(&broker));
        }
        assert!(!nat.knows_old_words_only("https://0.example/"));
        assert!(nat.clone().knows_old_words_only("https://1.example/"));
    }
}

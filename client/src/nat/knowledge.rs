//! What is known about our NAT, and when to measure it again.

use crate::timers::{NAT_DOUBTED_LIFE, NAT_LIFE};
use snowflake_messages::NatType;
use std::net::IpAddr;
use std::time::Instant;

/// What the latest measurement said.
#[derive(Debug, Default)]
pub(super) struct Knowledge {
    nat: NatType,
    /// When it began.
    since: Option<Instant>,
    /// The addresses that this machine had then.
    addresses: Vec<IpAddr>,
    is_doubted: bool,
}

impl Knowledge {
    /// Whether to measure now. What was known on another network is forgotten.
    pub(super) fn begin(&mut self, now: Instant, addresses: Vec<IpAddr>) -> bool {
        let moved = self.addresses != addresses;
        let life = if self.is_doubted || self.nat == NatType::Unknown {
            NAT_DOUBTED_LIFE
        } else {
            NAT_LIFE
        };
        if !moved && self.since.is_some_and(|since| now.saturating_duration_since(since) < life) {
            return false;
        }
        if moved {
            self.nat = NatType::Unknown;
        }
        (self.since, self.addresses, self.is_doubted) = (Some(now), addresses, false);
        true
    }

    /// Takes the result of a measurement.
    pub(super) fn learn(&mut self, nat: NatType) {
        self.nat = nat;
    }

    /// A proxy did not reach us: perhaps it is not so any more.
    pub(super) fn doubt(&mut self) {
        self.is_doubted = true;
    }

    /// What our NAT does; unknown at first.
    pub(super) fn nat_type(&self) -> NatType {
        self.nat
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const SECOND: Duration = Duration::from_secs(1);

    /// Measured at `now`, on a network on which we have this address.
    fn measured(nat: NatType, now: Instant) -> Knowledge {
        let mut knowledge = Knowledge::default();
        assert!(knowledge.begin(now, home()));
        knowledge.learn(nat);
        knowledge
    }

    fn home() -> Vec<IpAddr> {
        vec![[192, 0, 2, 1].into()]
    }

    #[test]
    fn it_is_measured_again_when_it_is_old_doubted_or_unknown() {
        let now = snowflake_netsim::epoch();
        let mut known = measured(NatType::Strict, now);
        assert!(!known.begin(now + NAT_LIFE - SECOND, home()));
        assert!(known.begin(now + NAT_LIFE, home()));
        assert_eq!(known.nat_type(), NatType::Strict, "until something else is known");

        let mut doubted = measured(NatType::Open, now);
        doubted.doubt();
        assert!(!doubted.begin(now + NAT_DOUBTED_LIFE - SECOND, home()));
        assert!(doubted.begin(now + NAT_DOUBTED_LIFE, home()));
        assert!(!doubted.begin(now + 3 * NAT_DOUBTED_LIFE, home()), "the doubt is over");

        let mut unknown = measured(NatType::Unknown, now);
        assert!(!unknown.begin(now + NAT_DOUBTED_LIFE - SECOND, home()));
        assert!(unknown.begin(now + NAT_DOUBTED_LIFE, home()));
    }

    #[test]
    fn on_another_network_nothing_is_known() {
        let now = snowflake_netsim::epoch();
        let mut known = measured(NatType::Open, now);
        assert!(known.begin(now + SECOND, vec![[198, 51, 100, 1].into()]));
        assert_eq!(known.nat_type(), NatType::Unknown);
        assert!(!known.begin(now + 2 * SECOND, vec![[198, 51, 100, 1].into()]));
    }
}

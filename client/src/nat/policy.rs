//! What a session tells its broker about our NAT.

use super::Nat;
use snowflake_messages::NatType;
use snowflake_webrtc::Config;
use std::sync::atomic::{AtomicBool, Ordering};

/// The claims of one session; all its dials learn from each other.
///
/// As Go's client: while the NAT is not known, it is said to be unrestricted, because most are and because the proxies
/// that can serve such clients are plentiful; after a data channel that did not open then, that it is not known. What is
/// known is told as it is.
#[derive(Debug)]
pub(crate) struct Policy {
    nat: Nat,
    optimism_failed: AtomicBool,
}

/// What a broker is told in one attempt, and what is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    actual: NatType,
    told: NatType,
}

impl Policy {
    pub(crate) fn new(nat: Nat) -> Self {
        Self { nat, optimism_failed: AtomicBool::new(false) }
    }

    /// Has the NAT measured beside the dial that begins now.
    pub(crate) fn measure(&self, config: &Config) {
        self.nat.measure(config);
    }

    /// What to tell in the next attempt.
    pub(crate) fn claim(&self) -> Claim {
        self.about(self.nat.nat_type())
    }

    fn about(&self, actual: NatType) -> Claim {
        let is_a_guess =
            actual == NatType::Unknown && !self.optimism_failed.load(Ordering::Relaxed);
        Claim { actual, told: if is_a_guess { NatType::Unrestricted } else { actual } }
    }

    /// The claim in a word that `broker` understands; says so in the log.
    pub(crate) fn word(&self, claim: Claim, broker: &str) -> NatType {
        let word = match self.nat.knows_old_words_only(broker) {
            true => old_word(claim.told),
            false => claim.told,
        };
        // Go's texts.
        if word == claim.actual {
            tracing::info!("natTypeToSend: \"{word}\" (same as actualNatType)");
        } else {
            let actual = claim.actual;
            tracing::info!(
                "Our NAT type is \"{actual}\", but let's tell the broker it's \"{word}\"."
            );
        }
        word
    }

    /// The broker refused a new word.
    pub(crate) fn knows_old_words_only(&self, broker: &str) {
        self.nat.remember_old_broker(broker);
    }

    /// The data channel did not open in time.
    pub(crate) fn did_not_help(&self, claim: Claim) {
        self.nat.doubt();
        if claim.told != claim.actual {
            self.optimism_failed.store(true, Ordering::Relaxed);
        }
    }
}

/// What brokers up to 2.14.1 understand. Their clients looked at the mapping alone.
pub(crate) const fn old_word(nat: NatType) -> NatType {
    match nat {
        NatType::Open | NatType::Moderate => NatType::Unrestricted,
        NatType::Strict => NatType::Restricted,
        old @ (NatType::Unknown | NatType::Restricted | NatType::Unrestricted) => old,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_guessed_until_that_fails() {
        let policy = Policy::new(Nat::default());
        let told = |actual| policy.about(actual).told;
        assert_eq!(told(NatType::Unknown), NatType::Unrestricted);
        assert_eq!(told(NatType::Strict), NatType::Strict);
        policy.did_not_help(policy.about(NatType::Strict));
        assert_eq!(told(NatType::Unknown), NatType::Unrestricted, "that was no guess");
        policy.did_not_help(policy.about(NatType::Unknown));
        assert_eq!(told(NatType::Unknown), NatType::Unknown);
        assert_eq!(told(NatType::Open), NatType::Open);
    }

    #[test]
    fn a_broker_that_knows_the_old_words_hears_them() {
        let policy = Policy::new(Nat::default());
        let [old, new] = ["https://old.example/", "https://new.example/"];
        policy.knows_old_words_only(old);
        for (nat, in_old_words) in [
            (NatType::Open, NatType::Unrestricted),
            (NatType::Moderate, NatType::Unrestricted),
            (NatType::Strict, NatType::Restricted),
        ] {
            let claim = policy.about(nat);
            assert_eq!(policy.word(claim, old), in_old_words);
            assert_eq!(policy.word(claim, new), nat);
        }
    }
}

//! [`Findings`]: what several probes mean together.

use std::net::SocketAddr;

use crate::{Behaviour, Unusable};

/// What is known from the probes that are over.
///
/// The first server that can tell decides. IPv4 comes before IPv6: every proxy has the one, and behind the other there
/// is seldom a NAT. What a server says over IPv6 counts only where IPv4 does not work at all.
#[derive(Clone, Copy, Debug, Default)]
pub struct Findings {
    has_ipv4: bool,
    over_ipv6: Option<Behaviour>,
}

impl Findings {
    /// Adds what came of a probe; returns what there is no need to wait any longer for.
    pub fn add(
        &mut self,
        server: SocketAddr,
        outcome: Result<Behaviour, Unusable>,
    ) -> Option<Behaviour> {
        if server.is_ipv6() {
            self.over_ipv6 = self.over_ipv6.or(outcome.ok());
            return None;
        }
        self.has_ipv4 |= outcome != Err(Unusable::Silent);
        outcome.ok()
    }

    /// What can be said when all probes are over; `None` if it is not known.
    pub fn when_all_are_over(self) -> Option<Behaviour> {
        self.over_ipv6.filter(|_| !self.has_ipv4)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ipv6_counts_only_where_ipv4_does_not_work() {
        let [four, six] = ["192.0.2.1:3478", "[2001:db8::1]:3478"].map(|at| at.parse().unwrap());
        let mut findings = Findings::default();
        assert_eq!(findings.add(six, Ok(Behaviour::Open)), None);
        assert_eq!(findings.add(six, Ok(Behaviour::Moderate)), None);
        assert_eq!(findings.add(four, Err(Unusable::Silent)), None);
        assert_eq!(findings.when_all_are_over(), Some(Behaviour::Open));
        assert_eq!(findings.add(four, Err(Unusable::NoOtherAddress)), None);
        assert_eq!(findings.when_all_are_over(), None);
        assert_eq!(findings.add(four, Ok(Behaviour::Strict)), Some(Behaviour::Strict));
    }
}

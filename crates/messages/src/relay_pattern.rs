//! Patterns of relay host names: which relays a proxy is willing to connect to.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use crate::PatternError;

/// A set of host names, given by the text with which they end.
///
/// `^` at the start: only the host that equals the text. `$` at the end is dropped. One of each;
/// any more are literal text. The comparison is of bytes: no dot boundary, case matters, so
/// `example.com$` also takes `not-example.com`. The default is the empty pattern, which takes every
/// host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RelayPattern(String);

impl RelayPattern {
    /// Takes any text, as brokers do.
    pub fn new(pattern: impl Into<String>) -> Self {
        Self(pattern.into())
    }

    /// Takes only a rule that is meant as one: it must end with `$`. What a proxy's operator gives
    /// goes through here.
    ///
    /// # Errors
    /// If the `$` is missing; the Go proxy refuses to start then.
    pub fn rule(pattern: &str) -> Result<Self, PatternError> {
        if pattern.ends_with('$') { Ok(Self::new(pattern)) } else { Err(PatternError) }
    }

    /// The pattern as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `host` (no port, no brackets) is in the set.
    pub fn matches(&self, host: &str) -> bool {
        if self.is_exact() { host == self.text() } else { host.ends_with(self.text()) }
    }

    /// Whether every host of `other` is also in this set. A broker accepts a proxy whose pattern
    /// contains the broker's own.
    pub fn contains(&self, other: &RelayPattern) -> bool {
        if self.is_exact() {
            other.is_exact() && other.text() == self.text()
        } else {
            other.text().ends_with(self.text())
        }
    }

    fn is_exact(&self) -> bool {
        self.0.starts_with('^')
    }

    fn text(&self) -> &str {
        let text = self.0.strip_prefix('^').unwrap_or(&self.0);
        text.strip_suffix('$').unwrap_or(text)
    }
}

impl fmt::Display for RelayPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for RelayPattern {
    type Err = Infallible;

    fn from_str(pattern: &str) -> Result<Self, Infallible> {
        Ok(Self::new(pattern))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matching_table() {
        // Wire format vectors: pattern, valid at a proxy, then one column per host.
        const HOSTS: [&str; 5] = [
            "snowflake.torproject.net",
            "02.snowflake.torproject.net",
            "evilsnowflake.torproject.net",
            "torproject.net",
            "Snowflake.torproject.net",
        ];
        for (pattern, valid, matched) in [
            ("snowflake.torproject.net$", true, [true, true, true, false, false]),
            ("^snowflake.torproject.net$", true, [true, false, false, false, false]),
            ("snowflake.torproject.net", false, [true, true, true, false, false]),
            ("torproject.net$", true, [true; 5]),
            ("$", true, [true; 5]),
            ("", false, [true; 5]),
            ("^$", true, [false; 5]),
            ("^", false, [false; 5]),
            ("$$", true, [false; 5]),
        ] {
            assert_eq!(RelayPattern::rule(pattern).is_ok(), valid, "{pattern:?} at a proxy");
            assert_eq!(
                HOSTS.map(|host| RelayPattern::new(pattern).matches(host)),
                matched,
                "{pattern:?}"
            );
        }
        for exact in ["^$", "^"] {
            assert!(RelayPattern::new(exact).matches(""), "{exact:?} is the empty host only");
        }
        assert!(RelayPattern::new("$$").matches("a$"), "the second $ is text");
    }

    #[test]
    fn containing_table() {
        // Wire format vectors: the proxy's pattern, then one column per pattern of the broker.
        const BROKER: [&str; 4] =
            ["snowflake.torproject.net$", "^snowflake.torproject.net$", "torproject.net$", ""];
        for (proxy, accepted) in [
            ("snowflake.torproject.net$", [true, true, false, false]),
            ("^snowflake.torproject.net$", [false, true, false, false]),
            ("torproject.net$", [true, true, true, false]),
            ("$", [true; 4]),
            ("", [true; 4]),
            ("^$", [false; 4]),
        ] {
            let proxy = RelayPattern::new(proxy);
            assert_eq!(
                BROKER.map(|broker| proxy.contains(&RelayPattern::new(broker))),
                accepted,
                "{proxy}"
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn containing_means_matching_more(a in "\\^?[ab.]{0,3}\\$?", b in "\\^?[ab.]{0,3}\\$?", host in "[ab.]{0,5}") {
            let (a, b) = (RelayPattern::new(a), RelayPattern::new(b));
            if a.contains(&b) && b.matches(&host) {
                proptest::prop_assert!(a.matches(&host));
            }
        }
    }
}

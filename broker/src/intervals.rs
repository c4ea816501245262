//! When proxies should poll again.

use std::time::Duration;

use serde::Deserialize;
use snowflake_messages::{NatType, Pool};

use crate::limits::POLL_INTERVAL;

/// How long the proxies of each pool should wait between polls. Default: 20 s each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PollIntervals {
    open: Duration,
    moderate: Duration,
    strict: Duration,
}

/// The file: milliseconds, under the words of three pools or under the older ones of two.
#[derive(Deserialize)]
struct File {
    open_poll_interval: Option<u64>,
    moderate_poll_interval: Option<u64>,
    strict_poll_interval: Option<u64>,
    unrestricted_poll_interval: Option<u64>,
    restricted_poll_interval: Option<u64>,
}

impl PollIntervals {
    /// Reads `{"open_poll_interval": 20000, "moderate_poll_interval": ..., "strict_poll_interval":
    /// ...}`, in milliseconds.
    ///
    /// Before there were three pools, the keys were `unrestricted_poll_interval` and
    /// `restricted_poll_interval`; they count for the open pool and for the other two where the new
    /// keys are absent. What is absent altogether is 20 s (with Go 0, so that a misspelt key let
    /// proxies poll as often as they liked). Other keys are ignored.
    ///
    /// # Errors
    /// If it is not a JSON object or a value is not a whole number from 0 on.
    pub fn parse(json: &str) -> Result<Self, serde_json::Error> {
        let file: File = serde_json::from_str(json)?;
        let interval = |new: Option<u64>, old: Option<u64>| {
            new.or(old).map_or(POLL_INTERVAL, Duration::from_millis)
        };
        Ok(Self {
            open: interval(file.open_poll_interval, file.unrestricted_poll_interval),
            moderate: interval(file.moderate_poll_interval, file.restricted_poll_interval),
            strict: interval(file.strict_poll_interval, file.restricted_poll_interval),
        })
    }

    /// The interval for a proxy behind this NAT.
    pub fn of(&self, nat: NatType) -> Duration {
        match nat.pool() {
            Pool::Open => self.open,
            Pool::Moderate => self.moderate,
            Pool::Strict => self.strict,
        }
    }
}

impl Default for PollIntervals {
    fn default() -> Self {
        Self { open: POLL_INTERVAL, moderate: POLL_INTERVAL, strict: POLL_INTERVAL }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(json: &str) -> [u128; 3] {
        let intervals = PollIntervals::parse(json).unwrap();
        [NatType::Open, NatType::Moderate, NatType::Strict].map(|nat| intervals.of(nat).as_millis())
    }

    #[test]
    fn new_keys_old_keys_and_none() {
        assert_eq!(
            millis(
                r#"{"open_poll_interval":1,"moderate_poll_interval":2,"strict_poll_interval":3}"#
            ),
            [1, 2, 3]
        );
        assert_eq!(
            millis(r#"{"unrestricted_poll_interval": 10000, "restricted_poll_interval": 30000}"#),
            [10_000, 30_000, 30_000]
        );
        assert_eq!(
            millis(r#"{"open_poll_interval":0,"unrestricted_poll_interval":9,"other":"x"}"#),
            [0, 20_000, 20_000]
        );
        assert_eq!(millis("{}"), [20_000; 3]);
    }

    #[test]
    fn wrong_values_are_refused() {
        for bad in [
            "",
            "[]",
            r#"{"open_poll_interval":-1}"#,
            r#"{"open_poll_interval":"20s"}"#,
            r#"{"open_poll_interval":1.5}"#,
        ] {
            assert!(PollIntervals::parse(bad).is_err(), "{bad}");
        }
    }
}

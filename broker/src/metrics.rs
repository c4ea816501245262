//! What the broker counts, and how it publishes it: rounded, so that nobody finds a single user in
//! it.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use snowflake_messages::{NatType, Pool, ProxyType};

use crate::limits::METRICS_INTERVAL;
use crate::waiting::NoAnswer;

/// Published counts are rounded up to a multiple of this.
const BIN: u64 = 8;

/// A country that is not known. Statistics by country are not kept, so all are this one.
const UNKNOWN_COUNTRY: &str = "??";

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
}

/// Counters since the last block.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    idle: AtomicU64,
    with_pattern: AtomicU64,
    without_pattern: AtomicU64,
    rejected: AtomicU64,
    denied_restricted: AtomicU64,
    denied_unrestricted: AtomicU64,
    matched: AtomicU64,
    timed_out: AtomicU64,
}

impl Metrics {
    /// Counts a proxy's poll; most are counted twice, for their pattern and for their outcome.
    pub(crate) fn count_proxy(&self, event: ProxyEvent) {
        let counter = match event {
            ProxyEvent::WithPattern => &self.with_pattern,
            ProxyEvent::WithoutPattern => &self.without_pattern,
            ProxyEvent::Rejected => &self.rejected,
            ProxyEvent::Idle => &self.idle,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a client's poll by its NAT and outcome.
    pub(crate) fn count_client(&self, nat: NatType, outcome: Result<(), NoAnswer>) {
        let counter = match (outcome, nat.pool()) {
            (Ok(()), _) => &self.matched,
            (Err(NoAnswer::TimedOut), _) => &self.timed_out,
            (Err(NoAnswer::NoProxies), Pool::Open) => &self.denied_unrestricted,
            (Err(NoAnswer::NoProxies), Pool::Moderate | Pool::Strict) => &self.denied_restricted,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Writes the block of the interval that ends at `end`, and starts counting anew.
    ///
    /// The lines are those that CollecTor knows from the Go broker. Lines about addresses of
    /// proxies are as with Go's `-disable-geoip`: empty or 0.
    pub(crate) fn take_block(&self, end: SystemTime) -> String {
        let take = |counter: &AtomicU64| counter.swap(0, Ordering::Relaxed);
        let (restricted, unrestricted) =
            (take(&self.denied_restricted), take(&self.denied_unrestricted));
        let denied = restricted + unrestricted;
        let (matched, timed_out) = (take(&self.matched), take(&self.timed_out));
        let polls = denied + matched + timed_out;

        let mut block =
            format!("snowflake-stats-end {} ({} s)\n", utc(end), METRICS_INTERVAL.as_secs());
        block.push_str("snowflake-ips \n");
        for proxy_type in ProxyType::KNOWN {
            line(&mut block, &format!("snowflake-ips-{proxy_type}"), 0);
        }
        line(&mut block, "snowflake-ips-total", 0);
        for (key, count) in [
            ("snowflake-idle-count", take(&self.idle)),
            ("snowflake-proxy-poll-with-relay-url-count", take(&self.with_pattern)),
            ("snowflake-proxy-poll-without-relay-url-count", take(&self.without_pattern)),
            ("snowflake-proxy-rejected-for-relay-url-count", take(&self.rejected)),
            ("client-denied-count", denied),
            ("client-restricted-denied-count", restricted),
            ("client-unrestricted-denied-count", unrestricted),
            ("client-snowflake-match-count", matched),
            ("client-snowflake-timeout-count", timed_out),
        ] {
            line(&mut block, key, binned(count));
        }
        for (method, count) in [("http", polls), ("ampcache", 0), ("sqs", 0)] {
            line(&mut block, &format!("client-{method}-count"), binned(count));
            let countries = if count > 0 {
                format!("{UNKNOWN_COUNTRY}={}", binned(count))
            } else {
                String::new()
            };
            line(&mut block, &format!("client-{method}-ips"), countries);
        }
        for nat in ["restricted", "unrestricted", "unknown"] {
            line(&mut block, &format!("snowflake-ips-nat-{nat}"), 0);
        }
        block
    }
}

fn line(block: &mut String, key: &str, value: impl std::fmt::Display) {
    // Writing to a String cannot fail.
    let _ = writeln!(block, "{key} {value}");
}

const fn binned(count: u64) -> u64 {
    count.div_ceil(BIN) * BIN
}

/// `YYYY-MM-DD HH:MM:SS`.
fn utc(time: SystemTime) -> String {
    const DAY: u64 = 86_400;
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
    let (year, month, day) = date(seconds / DAY);
    let clock = seconds % DAY;
    format!(
        "{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}",
        clock / 3600,
        clock / 60 % 60,
        clock % 60
    )
}

/// Year, month and day of the Gregorian calendar, for a day counted from 1970-01-01.
fn date(mut day: u64) -> (u64, u64, u64) {
    let leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    // 400 years always have as many days, so that the loop is short even for absurd dates.
    const FOUR_CENTURIES: u64 = 146_097;
    let mut year = 1970 + day / FOUR_CENTURIES * 400;
    day %= FOUR_CENTURIES;
    while day >= 365 + u64::from(leap(year)) {
        day -= 365 + u64::from(leap(year));
        year += 1;
    }
    let lengths = [31, 28 + u64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 1;
    for length in lengths {
        if day < length {
            break;
        }
        day -= length;
        month += 1;
    }
    (year, month, day + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn dates() {
        for (seconds, text) in [
            (0, "1970-01-01 00:00:00"),
            (951_782_399, "2000-02-28 23:59:59"),
            (951_782_400, "2000-02-29 00:00:00"),
            (951_868_800, "2000-03-01 00:00:00"),
            (1_709_164_800, "2024-02-29 00:00:00"),
            (1_735_689_599, "2024-12-31 23:59:59"),
            (1_795_305_600, "2026-11-22 00:00:00"),
            (4_107_542_400, "2100-03-01 00:00:00"),
            (253_402_300_799, "9999-12-31 23:59:59"),
        ] {
            assert_eq!(utc(at(seconds)), text);
        }
    }

    #[test]
    fn an_empty_block() {
        // Wire format vector: keys and order are CollecTor's.
        assert_eq!(
            Metrics::default().take_block(at(1_795_305_600)),
            "snowflake-stats-end 2026-11-22 00:00:00 (86400 s)\n\
             snowflake-ips \n\
             snowflake-ips-standalone 0\n\
             snowflake-ips-webext 0\n\
             snowflake-ips-badge 0\n\
             snowflake-ips-iptproxy 0\n\
             snowflake-ips-bloco 0\n\
             snowflake-ips-total 0\n\
             snowflake-idle-count 0\n\
             snowflake-proxy-poll-with-relay-url-count 0\n\
             snowflake-proxy-poll-without-relay-url-count 0\n\
             snowflake-proxy-rejected-for-relay-url-count 0\n\
             client-denied-count 0\n\
             client-restricted-denied-count 0\n\
             client-unrestricted-denied-count 0\n\
             client-snowflake-match-count 0\n\
             client-snowflake-timeout-count 0\n\
             client-http-count 0\n\
             client-http-ips \n\
             client-ampcache-count 0\n\
             client-ampcache-ips \n\
             client-sqs-count 0\n\
             client-sqs-ips \n\
             snowflake-ips-nat-restricted 0\n\
             snowflake-ips-nat-unrestricted 0\n\
             snowflake-ips-nat-unknown 0\n"
        );
    }

    #[test]
    fn counts_are_rounded_up_and_start_anew() {
        let metrics = Metrics::default();
        for _ in 0..9 {
            metrics.count_proxy(ProxyEvent::Idle);
            metrics.count_client(NatType::Unrestricted, Err(NoAnswer::NoProxies));
        }
        metrics.count_client(NatType::Unknown, Err(NoAnswer::NoProxies));
        metrics.count_client(NatType::Unknown, Err(NoAnswer::TimedOut));
        metrics.count_client(NatType::Unknown, Ok(()));
        let block = metrics.take_block(at(0));
        for line in [
            "snowflake-idle-count 16",
            "client-denied-count 16",
            "client-restricted-denied-count 8",
            "client-unrestricted-denied-count 16",
            "client-snowflake-match-count 8",
            "client-snowflake-timeout-count 8",
            "client-http-count 16",
            "client-http-ips ??=16",
        ] {
            assert!(block.lines().any(|other| other == line), "{line} in\n{block}");
        }
        assert_eq!(metrics.take_block(at(0)), Metrics::default().take_block(at(0)));
    }
}

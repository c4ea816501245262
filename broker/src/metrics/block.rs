//! A day's block of the metrics log, line by line as CollecTor knows it from the Go broker.

use std::fmt::{Display, Write};
use std::time::{Duration, SystemTime};

use snowflake_messages::{NatType, ProxyType};
use snowflake_metrics::ROUNDED_TO;

use super::{ByCountry, Counts};
use crate::limits::METRICS_INTERVAL;
use crate::origin::Rendezvous;

/// Writes the block of the interval that ends at `end`.
///
/// Counts of polls are rounded up; those of addresses are exact, as with Go. Without geoip files no
/// addresses are counted, and all clients have an unknown country.
pub(super) fn write(counts: &Counts, end: SystemTime) -> String {
    let mut block =
        format!("snowflake-stats-end {} ({} s)\n", utc(end), METRICS_INTERVAL.as_secs());
    write_proxies(&mut block, counts);
    write_outcomes(&mut block, counts);
    for rendezvous in Rendezvous::ALL {
        let countries = counts.clients.get(&rendezvous);
        let polls = countries.map_or(0, |countries| countries.values().sum());
        line(&mut block, &format!("client-{rendezvous}-count"), rounded(polls));
        let list = countries.map_or_else(String::new, |countries| list(countries, rounded));
        line(&mut block, &format!("client-{rendezvous}-ips"), list);
    }
    use NatType::{Moderate, Open, Restricted, Strict, Unknown, Unrestricted};
    for nat in [Restricted, Unrestricted, Unknown, Strict, Moderate, Open] {
        line(&mut block, &format!("snowflake-ips-nat-{nat}"), counts.proxies.of_nat(nat));
    }
    block
}

fn write_proxies(block: &mut String, counts: &Counts) {
    line(block, "snowflake-ips", list(&counts.proxy_countries, |count| count));
    for proxy_type in ProxyType::KNOWN {
        let count = counts.proxies.of_type(proxy_type);
        line(block, &format!("snowflake-ips-{proxy_type}"), count);
    }
    line(block, "snowflake-ips-total", counts.proxies.total());
    for (key, count) in [
        ("snowflake-idle-count", counts.idle),
        ("snowflake-proxy-poll-with-relay-url-count", counts.with_pattern),
        ("snowflake-proxy-poll-without-relay-url-count", counts.without_pattern),
        ("snowflake-proxy-rejected-for-relay-url-count", counts.rejected),
    ] {
        line(block, key, rounded(count));
    }
}

fn write_outcomes(block: &mut String, counts: &Counts) {
    let denied = |nat| counts.denied.get(&nat).copied().unwrap_or(0);
    for (key, count) in [
        ("client-denied-count", counts.denied.values().sum()),
        ("client-restricted-denied-count", denied(NatType::Restricted)),
        ("client-unrestricted-denied-count", denied(NatType::Unrestricted)),
        ("client-nat-strict-denied-count", denied(NatType::Strict)),
        ("client-nat-moderate-denied-count", denied(NatType::Moderate)),
        ("client-nat-open-denied-count", denied(NatType::Open)),
        ("client-nat-unknown-denied-count", denied(NatType::Unknown)),
        ("client-snowflake-match-count", counts.matched),
        ("client-snowflake-timeout-count", counts.timed_out),
    ] {
        line(block, key, rounded(count));
    }
}

fn line(block: &mut String, key: &str, value: impl Display) {
    // Writing to a String cannot fail.
    let _ = writeln!(block, "{key} {value}");
}

/// `CC=N,CC=N`: as shown, highest first, then in the order of the letters. The order of what was
/// rounded away must not show.
fn list(countries: &ByCountry, shown: fn(u64) -> u64) -> String {
    let mut countries: Vec<_> =
        countries.iter().map(|(country, count)| (shown(*count), country)).collect();
    countries.sort_by(|(a, first), (b, second)| b.cmp(a).then(first.cmp(second)));
    let entries = countries.iter().map(|(count, country)| format!("{country}={count}"));
    entries.collect::<Vec<_>>().join(",")
}

const fn rounded(count: u64) -> u64 {
    count.next_multiple_of(ROUNDED_TO)
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
}

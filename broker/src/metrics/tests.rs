//! Whole blocks and pages, against those of the Go broker's own tests.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use snowflake_geoip::GeoIp;
use snowflake_messages::{RelayPattern, Sid};

use super::*;

/// 129.97.208.0/24 is in Canada, 198.51.100.n in a country of its own, a letter for each n.
fn countries() -> GeoIp {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, lines: String| -> PathBuf {
        let path = folder.path().join(name);
        std::fs::write(&path, lines).unwrap();
        path
    };
    let first = Ipv4Addr::new(198, 51, 100, 0).to_bits();
    let mut v4 = "2170671104,2170671359,CA\n".to_owned();
    for (number, letter) in (first..).zip('A'..='Z') {
        v4 += &format!("{number},{number},X{letter}\n");
    }
    GeoIp::read(&file("geoip", v4), &file("geoip6", String::new())).unwrap()
}

fn country(letters: &str) -> Country {
    match letters.strip_prefix('X') {
        None if letters == "CA" => countries().country([129, 97, 208, 23].into()),
        None => Country::UNKNOWN,
        Some(letter) => countries().country([198, 51, 100, letter.as_bytes()[0] - b'A'].into()),
    }
}

fn poll(proxy_type: ProxyType, nat: NatType) -> ProxyPollRequest {
    ProxyPollRequest {
        sid: Sid::parse("ymbcCMto7KHNGYlp".to_owned()).unwrap(),
        proxy_type,
        nat,
        clients: 0,
        accepted_relay_pattern: Some(RelayPattern::new("snowflake.torproject.net$")),
    }
}

fn client(nat: NatType, country: Country) -> Client {
    Client { nat, country, rendezvous: Rendezvous::Http }
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn has(block: &str, lines: &[&str]) {
    for line in lines {
        assert!(block.lines().any(|other| other == *line), "{line} in\n{block}");
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
         client-nat-strict-denied-count 0\n\
         client-nat-moderate-denied-count 0\n\
         client-nat-open-denied-count 0\n\
         client-nat-unknown-denied-count 0\n\
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
         snowflake-ips-nat-unknown 0\n\
         snowflake-ips-nat-strict 0\n\
         snowflake-ips-nat-moderate 0\n\
         snowflake-ips-nat-open 0\n"
    );
}

#[test]
fn a_whole_block() {
    let metrics = Metrics::default();
    // Vector: four Canadian addresses, one for each of four types, all idle.
    let types = [ProxyType::Unknown, ProxyType::Standalone, ProxyType::Badge, ProxyType::Webext];
    for (last, proxy_type) in (23..).zip(types) {
        let poll = poll(proxy_type, NatType::Unknown);
        metrics.count_proxy(&poll, ProxyEvent::WithPattern);
        metrics.count_address(&poll, [129, 97, 208, last].into(), country("CA"));
        metrics.count_proxy(&poll, ProxyEvent::Idle);
    }
    // Vector: a Canadian client without luck; and one more of each kind.
    metrics.count_client(client(NatType::Unknown, country("CA")), Err(NoAnswer::NoProxies));
    metrics.count_client(client(NatType::Open, Country::UNKNOWN), Err(NoAnswer::TimedOut));
    for rendezvous in [Rendezvous::AmpCache, Rendezvous::Sqs] {
        let client = Client { rendezvous, ..client(NatType::Strict, country("XA")) };
        metrics.count_client(client, Ok(()));
    }
    assert_eq!(
        metrics.take_block(at(0)),
        "snowflake-stats-end 1970-01-01 00:00:00 (86400 s)\n\
         snowflake-ips CA=4\n\
         snowflake-ips-standalone 1\n\
         snowflake-ips-webext 1\n\
         snowflake-ips-badge 1\n\
         snowflake-ips-iptproxy 0\n\
         snowflake-ips-bloco 0\n\
         snowflake-ips-total 4\n\
         snowflake-idle-count 8\n\
         snowflake-proxy-poll-with-relay-url-count 8\n\
         snowflake-proxy-poll-without-relay-url-count 0\n\
         snowflake-proxy-rejected-for-relay-url-count 0\n\
         client-denied-count 8\n\
         client-restricted-denied-count 0\n\
         client-unrestricted-denied-count 0\n\
         client-nat-strict-denied-count 0\n\
         client-nat-moderate-denied-count 0\n\
         client-nat-open-denied-count 0\n\
         client-nat-unknown-denied-count 8\n\
         client-snowflake-match-count 8\n\
         client-snowflake-timeout-count 8\n\
         client-http-count 8\n\
         client-http-ips ??=8,CA=8\n\
         client-ampcache-count 8\n\
         client-ampcache-ips XA=8\n\
         client-sqs-count 8\n\
         client-sqs-ips XA=8\n\
         snowflake-ips-nat-restricted 0\n\
         snowflake-ips-nat-unrestricted 0\n\
         snowflake-ips-nat-unknown 4\n\
         snowflake-ips-nat-strict 0\n\
         snowflake-ips-nat-moderate 0\n\
         snowflake-ips-nat-open 0\n"
    );
    assert_eq!(metrics.take_block(at(0)), Metrics::default().take_block(at(0)), "all anew");
}

#[test]
fn each_nat_counts_its_own_denials() {
    // Vector: one client of each type. Restricted is restricted alone, without the unknown.
    let metrics = Metrics::default();
    for nat in NatType::ALL {
        metrics.count_client(client(nat, Country::UNKNOWN), Err(NoAnswer::NoProxies));
    }
    has(
        &metrics.take_block(at(0)),
        &[
            "client-denied-count 8",
            "client-restricted-denied-count 8",
            "client-unrestricted-denied-count 8",
            "client-nat-strict-denied-count 8",
            "client-nat-moderate-denied-count 8",
            "client-nat-open-denied-count 8",
            "client-nat-unknown-denied-count 8",
        ],
    );
}

#[test]
fn the_ninth_is_rounded_up_to_sixteen() {
    let metrics = Metrics::default();
    for _ in 0..9 {
        metrics
            .count_client(client(NatType::Restricted, Country::UNKNOWN), Err(NoAnswer::NoProxies));
        let poll = poll(ProxyType::Standalone, NatType::Open);
        metrics.count_proxy(&poll, ProxyEvent::WithoutPattern);
        metrics.count_proxy(&poll, ProxyEvent::Rejected);
    }
    has(
        &metrics.take_block(at(0)),
        &[
            "client-denied-count 16",
            "client-restricted-denied-count 16",
            "client-http-ips ??=16",
            "snowflake-proxy-poll-without-relay-url-count 16",
            "snowflake-proxy-rejected-for-relay-url-count 16",
        ],
    );
}

#[test]
fn countries_are_listed_by_what_is_shown_of_them() {
    // Vector, with letters in the order of its countries: AT BE CA CN FR IT MY PH RU TZ ZA.
    let counts =
        [105, 1, 1, 250, 200, 50, 112, 1, 150, 100, 108].into_iter().zip("ABCDEFGHIJK".chars());
    let metrics = Metrics::default();
    let countries = counts.clone().map(|(_, letter)| country(&format!("X{letter}")));
    let mut address = 0;
    for ((count, _), country) in counts.zip(countries) {
        for _ in 0..count {
            address += 1;
            metrics.count_client(client(NatType::Open, country), Ok(()));
            let poll = poll(ProxyType::Standalone, NatType::Open);
            metrics.count_address(&poll, Ipv4Addr::from_bits(address).into(), country);
        }
    }
    has(
        &metrics.take_block(at(0)),
        &[
            "snowflake-ips XD=250,XE=200,XI=150,XG=112,XK=108,XA=105,XJ=100,XF=50,XB=1,XC=1,XH=1",
            "client-http-ips XD=256,XE=200,XI=152,XA=112,XG=112,XK=112,XJ=104,XF=56,XB=8,XC=8,XH=8",
        ],
    );
}

#[test]
fn an_address_is_one_proxy_in_each_block() {
    let metrics = Metrics::default();
    for _ in 0..2 {
        for nat in [NatType::Restricted, NatType::Open, NatType::Open] {
            let poll = poll(ProxyType::Webext, nat);
            metrics.count_address(&poll, [129, 97, 208, 23].into(), country("CA"));
        }
        has(
            &metrics.take_block(at(0)),
            &[
                "snowflake-ips CA=1",
                "snowflake-ips-webext 1",
                "snowflake-ips-total 1",
                "snowflake-ips-nat-restricted 1",
                "snowflake-ips-nat-open 1",
            ],
        );
    }
}

#[test]
fn a_whole_page() {
    let metrics = Metrics::default();
    let (standalone, badge) = (
        poll(ProxyType::Standalone, NatType::Unrestricted),
        poll(ProxyType::Badge, NatType::Unknown),
    );
    for _ in 0..9 {
        metrics.count_proxy(&standalone, ProxyEvent::WithPattern);
        metrics.count_address(&standalone, [129, 97, 208, 23].into(), country("CA"));
        metrics.count_proxy(&standalone, ProxyEvent::Idle);
    }
    metrics.count_proxy(&standalone, ProxyEvent::Matched);
    metrics.count_proxy(&badge, ProxyEvent::WithoutPattern);
    metrics.count_proxy(&badge, ProxyEvent::Rejected);
    let _waiting = metrics.available(&standalone);
    drop(metrics.available(&badge));
    metrics.count_answer(Some(ProxyType::Standalone));
    metrics.count_answer(None);
    metrics.count_client(client(NatType::Unknown, country("CA")), Ok(()));
    metrics.count_client(client(NatType::Unknown, Country::UNKNOWN), Err(NoAnswer::NoProxies));
    let amp =
        Client { rendezvous: Rendezvous::AmpCache, ..client(NatType::Open, Country::UNKNOWN) };
    metrics.count_client(amp, Err(NoAnswer::TimedOut));
    let text = r#"# HELP snowflake_available_proxies The number of currently available snowflake proxies
# TYPE snowflake_available_proxies gauge
snowflake_available_proxies{nat="unknown",type="badge"} 0
snowflake_available_proxies{nat="unrestricted",type="standalone"} 1
# HELP snowflake_proxy_total The number of unique snowflake IPs
# TYPE snowflake_proxy_total counter
snowflake_proxy_total{cc="CA",nat="unrestricted",type="standalone"} 1
# HELP snowflake_rounded_client_poll_total The number of snowflake client polls, rounded up to a multiple of 8
# TYPE snowflake_rounded_client_poll_total counter
snowflake_rounded_client_poll_total{cc="??",nat="open",rendezvous_method="ampcache",status="timeout"} 8
snowflake_rounded_client_poll_total{cc="??",nat="unknown",rendezvous_method="http",status="denied"} 8
snowflake_rounded_client_poll_total{cc="CA",nat="unknown",rendezvous_method="http",status="matched"} 8
# HELP snowflake_rounded_proxy_answer_total The number of snowflake proxy answers, rounded up to a multiple of 8
# TYPE snowflake_rounded_proxy_answer_total counter
snowflake_rounded_proxy_answer_total{status="success",type="standalone"} 8
snowflake_rounded_proxy_answer_total{status="timeout",type=""} 8
# HELP snowflake_rounded_proxy_poll_rejected_relay_url_extension_total The number of snowflake proxy polls rejected by Relay URL Extension, rounded up to a multiple of 8
# TYPE snowflake_rounded_proxy_poll_rejected_relay_url_extension_total counter
snowflake_rounded_proxy_poll_rejected_relay_url_extension_total{nat="unknown",type="badge"} 8
# HELP snowflake_rounded_proxy_poll_total The number of snowflake proxy polls, rounded up to a multiple of 8
# TYPE snowflake_rounded_proxy_poll_total counter
snowflake_rounded_proxy_poll_total{nat="unrestricted",status="idle",type="standalone"} 16
snowflake_rounded_proxy_poll_total{nat="unrestricted",status="matched",type="standalone"} 8
# HELP snowflake_rounded_proxy_poll_with_relay_url_extension_total The number of snowflake proxy polls with Relay URL Extension, rounded up to a multiple of 8
# TYPE snowflake_rounded_proxy_poll_with_relay_url_extension_total counter
snowflake_rounded_proxy_poll_with_relay_url_extension_total{nat="unrestricted",type="standalone"} 16
# HELP snowflake_rounded_proxy_poll_without_relay_url_extension_total The number of snowflake proxy polls without Relay URL Extension, rounded up to a multiple of 8
# TYPE snowflake_rounded_proxy_poll_without_relay_url_extension_total counter
snowflake_rounded_proxy_poll_without_relay_url_extension_total{nat="unknown",type="badge"} 8
"#;
    assert_eq!(metrics.page(), text);
    // A day's block does not begin the figures anew.
    metrics.take_block(at(0));
    assert_eq!(metrics.page(), text);
}

//! Times, on a clock that the tests turn; and what is counted of clients.

use std::net::Ipv4Addr;

use snowflake_messages::{RelayPattern, SessionDescription, Sid};

use super::*;
use crate::Config;
use crate::origin::Rendezvous;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));

fn broker() -> Arc<Broker> {
    let allowed_relay_pattern = RelayPattern::new("torproject.net$");
    Broker::new(Config { allowed_relay_pattern, ..Config::default() })
}

async fn poll(broker: &Broker, sid: &str, from: IpAddr) -> ProxyPollResponse {
    let poll = ProxyPollRequest {
        sid: Sid::parse(sid.to_owned()).unwrap(),
        proxy_type: ProxyType::Standalone,
        nat: NatType::Unrestricted,
        clients: 0,
        accepted_relay_pattern: Some(RelayPattern::new("$")),
    };
    let reply = broker.proxy_poll(poll.encode().as_bytes(), from).await.unwrap();
    ProxyPollResponse::decode(reply.as_bytes()).unwrap()
}

fn refused_for(seconds: u64) -> ProxyPollResponse {
    ProxyPollResponse {
        outcome: PollOutcome::Refused(status::TOO_SOON.to_owned()),
        next_poll: Some(Duration::from_secs(seconds)),
    }
}

fn idle_until(seconds: u64) -> ProxyPollResponse {
    ProxyPollResponse {
        outcome: PollOutcome::NoMatch,
        next_poll: Some(Duration::from_secs(seconds)),
    }
}

#[tokio::test(start_paused = true)]
async fn next_poll_is_the_time_left() {
    let broker = broker();
    // Of 20 s it is held for 10.
    assert_eq!(poll(&broker, "a", HERE).await, idle_until(10));
    assert_eq!(poll(&broker, "b", HERE).await, refused_for(10));
    tokio::time::sleep(Duration::from_secs(9)).await;
    assert_eq!(poll(&broker, "c", HERE).await, refused_for(1));
    assert_eq!(poll(&broker, "d", ELSEWHERE).await, idle_until(10));
    // A proxy that does as it is told is on time, twice in a row.
    assert_eq!(poll(&broker, "e", HERE).await, idle_until(10));
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(poll(&broker, "f", HERE).await, idle_until(10));
}

#[tokio::test(start_paused = true)]
async fn parts_of_a_millisecond_are_waited_for() {
    let start = now();
    assert_eq!(time_until(start), Duration::ZERO);
    for (nanos, millis) in [(1, 1), (999_999, 1), (1_000_000, 1), (1_000_001, 2)] {
        assert_eq!(time_until(start + Duration::from_nanos(nanos)).as_millis(), millis);
    }
    tokio::time::sleep(Duration::from_millis(5)).await;
    assert_eq!(time_until(start), Duration::ZERO, "a turn in the past");
}

#[tokio::test(start_paused = true)]
async fn an_interval_shorter_than_the_wait_leaves_the_next_poll_to_the_proxy() {
    let broker = Broker::new(Config {
        allowed_relay_pattern: RelayPattern::new("torproject.net$"),
        intervals: crate::PollIntervals::parse(r#"{"open_poll_interval":5000}"#).unwrap(),
        ..Config::default()
    });
    let response = poll(&broker, "a", HERE).await;
    assert_eq!(response.next_poll, None);
}

fn client_poll() -> Vec<u8> {
    let offer = SessionDescription::offer("v=0\r\n").to_text();
    ClientPollRequest { offer, nat: NatType::Unknown, fingerprint: Fingerprint::DEFAULT }.encode()
}

#[tokio::test(start_paused = true)]
async fn a_client_that_hangs_up_is_counted_as_timed_out() {
    let broker = broker();
    let from = ClientOrigin { rendezvous: Rendezvous::AmpCache, address: Some(ELSEWHERE) };
    let body = client_poll();
    let (matched, gone) = tokio::join!(
        poll(&broker, "a", HERE),
        tokio::time::timeout(Duration::from_secs(1), broker.client_poll(&body, from)),
    );
    assert!(matches!(matched.outcome, PollOutcome::Match { .. }));
    assert_eq!(matched.next_poll, Some(Duration::from_secs(20)), "the match was at once");
    assert!(gone.is_err());
    let page = broker.metrics.page();
    for line in [
        r#"snowflake_available_proxies{nat="unrestricted",type="standalone"} 0"#,
        r#"snowflake_rounded_client_poll_total{cc="??",nat="unknown",rendezvous_method="ampcache",status="timeout"} 8"#,
    ] {
        assert!(page.lines().any(|other| other == line), "{line} in\n{page}");
    }
}

/// A broker that knows that 129.97.208.0/24 is in Canada.
fn broker_with_countries() -> Arc<Broker> {
    let folder = tempfile::tempdir().unwrap();
    let (v4, v6) = (folder.path().join("geoip"), folder.path().join("geoip6"));
    std::fs::write(&v4, "2170671104,2170671359,CA\n").unwrap();
    std::fs::write(&v6, "").unwrap();
    let countries = Some(Arc::new(crate::Countries::read(v4, v6).unwrap()));
    Broker::new(Config { countries, ..Config::default() })
}

#[test]
fn a_client_without_address_is_where_its_offer_says() {
    let broker = broker_with_countries();
    let sdp = "v=0\r\na=candidate:1 1 udp 1 10.0.0.1 1 typ host\r\n\
        a=candidate:2 1 udp 1 129.97.208.23 1 typ srflx raddr 0.0.0.0 rport 0\r\n";
    let offer = SessionDescription::offer(sdp).to_text();
    let country = |address| {
        broker.country(ClientOrigin { rendezvous: Rendezvous::Sqs, address }, &offer).to_string()
    };
    assert_eq!(country(None), "CA");
    assert_eq!(country(Some(ELSEWHERE)), "??", "an address is believed before the offer");
    let nowhere = SessionDescription::offer("not SDP at all").to_text();
    let from = ClientOrigin { rendezvous: Rendezvous::Sqs, address: None };
    assert_eq!(broker.country(from, &nowhere), Country::UNKNOWN);
}

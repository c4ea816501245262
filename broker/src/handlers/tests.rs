//! Times, on a clock that the tests turn.

use std::net::Ipv4Addr;

use snowflake_messages::{RelayPattern, Sid};

use super::*;
use crate::Config;

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

//! An address polls once in an interval; what counts as its address. Times are tested on a paused
//! clock, beside the handlers.

use std::time::Duration;

use snowflake_broker::{Config, TrustedHops};
use snowflake_messages::{NatType, PollOutcome, ProxyPollRequest, ProxyPollResponse, status};

use crate::support::*;

/// A broker that does not hold polls.
async fn broker(mut config: Config) -> TestBroker {
    config.limits.proxy_wait = Duration::from_millis(1);
    TestBroker::with(config).await
}

async fn poll_from(broker: &TestBroker, address: &str, nat: NatType) -> ProxyPollResponse {
    let mut connection = broker.open().await;
    connection.poll_from(address, &ProxyPollRequest { nat, ..proxy_poll("s") }).await;
    connection.reply().await.poll()
}

fn too_soon() -> PollOutcome {
    PollOutcome::Refused(status::TOO_SOON.to_owned())
}

#[tokio::test]
async fn a_second_proxy_at_the_same_address_polls_too_soon() {
    let broker = broker(limited()).await;
    assert!(broker.post("/proxy", proxy_poll("s1").encode()).await.is_no_match());
    let refused = broker.post("/proxy", proxy_poll("s2").encode()).await;
    assert_eq!(refused.poll().outcome, too_soon());
    let next_poll = refused.poll().next_poll.unwrap();
    assert!(next_poll > Duration::from_secs(10) && next_poll <= Duration::from_secs(20));
    // All keys are there, as always.
    let millis = next_poll.as_millis();
    assert_eq!(
        refused.body,
        format!(
            r#"{{"Status":"polled too soon","Offer":"","NAT":"","NextPoll":{millis},"RelayURL":""}}"#
        )
    );
}

#[tokio::test]
async fn next_poll_is_that_of_the_pool() {
    let config = Config { intervals: intervals(100_000, 200_000, 300_000), ..limited() };
    let broker = broker(config).await;
    for (nat, seconds) in
        [(NatType::Unrestricted, 100), (NatType::Moderate, 200), (NatType::Unknown, 300)]
    {
        for outcome in [PollOutcome::NoMatch, too_soon()] {
            let response = poll_from(&broker, "192.0.2.1", nat).await;
            assert_eq!(response.outcome, outcome, "{nat}");
            let left = response.next_poll.unwrap();
            let interval = Duration::from_secs(seconds);
            assert!(left <= interval && left > interval - PATIENCE, "{nat}: {left:?}");
        }
    }
}

#[tokio::test]
async fn behind_a_reverse_proxy_the_address_it_names_counts() {
    let broker = broker(limited()).await;
    for address in ["192.0.2.1", "192.0.2.2", "2001:db8::1", "198.51.100.1, 192.0.2.3"] {
        let first = poll_from(&broker, address, NatType::Open).await;
        assert_eq!(first.outcome, PollOutcome::NoMatch, "{address}");
    }
    // What stands before the last entry came from outside.
    for address in ["192.0.2.1", "8.8.8.8, 192.0.2.2", "192.0.2.3:80"] {
        assert_eq!(poll_from(&broker, address, NatType::Open).await.outcome, too_soon());
    }
}

#[tokio::test]
async fn with_0_hops_nobody_chooses_an_address() {
    let broker = broker(Config { trusted_hops: TrustedHops::Always(0), ..limited() }).await;
    assert_eq!(poll_from(&broker, "192.0.2.1", NatType::Open).await.outcome, PollOutcome::NoMatch);
    assert_eq!(poll_from(&broker, "192.0.2.2", NatType::Open).await.outcome, too_soon());
}

#[tokio::test]
async fn a_refused_pattern_takes_no_turn() {
    let broker = broker(limited()).await;
    let poll = ProxyPollRequest { accepted_relay_pattern: None, ..proxy_poll("s") };
    let refused = broker.post("/proxy", poll.encode()).await.poll();
    assert_eq!(refused.outcome, PollOutcome::Refused(status::WRONG_PATTERN.to_owned()));
    assert!(broker.post("/proxy", proxy_poll("s").encode()).await.is_no_match());
}

#[tokio::test]
async fn clients_and_answers_have_no_limit() {
    let broker = broker(limited()).await;
    for _ in 0..3 {
        let reply = broker.post("/client", client_poll().encode()).await;
        assert_eq!(reply.body, error("no snowflake proxies currently available"));
        let reply = broker.post("/answer", proxy_answer("s")).await;
        assert_eq!(reply.body, r#"{"Status":"client gone"}"#);
    }
}

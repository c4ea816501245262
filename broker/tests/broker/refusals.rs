//! What the broker refuses, and in which words.

use std::time::Duration;

use snowflake_broker::Config;
use snowflake_messages::{
    ClientPollRequest, Fingerprint, NatType, PollOutcome, ProxyPollRequest, RelayPattern,
    SessionDescription, status,
};

use crate::support::*;

#[tokio::test]
async fn clients_are_refused_in_gos_words() {
    // Wire format vectors. All with status 200: the refusal is for the client, not for what stands
    // between.
    let broker = TestBroker::start().await;
    let good = String::from_utf8(client_poll().encode()).unwrap();
    let with_offer =
        |offer: &str| format!("1.0\n{{\"offer\":{}}}", serde_json::to_string(offer).unwrap());
    for (body, text) in [
        (good.clone(), "no snowflake proxies currently available"),
        (good.replace("unknown", "symmetric"), "invalid NAT type"),
        (good.replace("2B280B", "XX280B"), "cannot decode fingerprint"),
        (good.replace("2B280B", "2B28"), "cannot decode fingerprint"),
        (
            good.replace("2B280B", "ABCDEF"),
            "bridge with requested fingerprint is unknown to the broker",
        ),
        (good.replacen("1.0", "1.1", 1), "unsupported message version"),
        (good.replacen("1.0\n", "1.0\r\n", 1), "unsupported message version"),
        (String::new(), "unsupported message version"),
        ("1.0\n".to_owned(), "unexpected end of JSON input"),
        ("1.0\n{}".to_owned(), "no supplied offer"),
        (
            with_offer(r#"{"sdp":""}"#),
            "malformed session description: cannot deserialize SessionDescription without type field",
        ),
        (
            with_offer(r#"{"type":"offer"}"#),
            "malformed session description: cannot deserialize SessionDescription without sdp field",
        ),
        (with_offer(r#"{"type":1,"sdp":""}"#), "malformed session description: invalid SDP type"),
        (
            with_offer(r#"{"type":"offer","sdp":null}"#),
            "malformed session description: invalid SDP",
        ),
        (
            with_offer(r#"{"type":"fer","sdp":""}"#),
            "malformed session description: Unknown SDP type",
        ),
        (with_offer("{"), "malformed session description: unexpected end of JSON input"),
    ] {
        let reply = broker.post("/client", &body).await;
        assert_eq!((reply.status, reply.body), (200, error(text)), "{body}");
    }
}

#[tokio::test]
async fn all_six_nat_words_are_accepted() {
    let mut config = config();
    config.limits.proxy_wait = Duration::from_millis(1);
    let broker = TestBroker::with(config).await;
    for nat in NatType::ALL {
        let reply =
            broker.post("/client", ClientPollRequest { nat, ..client_poll() }.encode()).await;
        assert_eq!(reply.body, error("no snowflake proxies currently available"), "{nat}");
        assert!(
            broker
                .post("/proxy", ProxyPollRequest { nat, ..proxy_poll("s") }.encode())
                .await
                .is_no_match()
        );
    }
}

#[tokio::test]
async fn a_client_without_answer_is_told_so() {
    let mut config = config();
    config.limits.client_wait = Duration::from_millis(50);
    let broker = TestBroker::with(config).await;
    let proxy = broker.parked_proxy("s").await;
    let reply = broker.post("/client", client_poll().encode()).await;
    assert_eq!(reply.body, error("timed out waiting for answer!"));
    assert!(proxy.await.unwrap().is_match());
    // The client is served, so to say: a later answer has nowhere to go.
    let late = broker.post("/answer", proxy_answer("s")).await;
    assert_eq!((late.status, late.body.as_str()), (200, r#"{"Status":"client gone"}"#));
}

#[tokio::test]
async fn bad_polls_of_proxies_get_400() {
    let broker = TestBroker::start().await;
    let good = proxy_poll("s").encode();
    for bad in [
        String::new(),
        "null".to_owned(),
        "[]".to_owned(),
        format!("{good}x"),
        good.replace("\"1.3\"", "\"2.0\""),
        good.replace("\"Sid\":\"s\"", "\"Sid\":\"\""),
        good.replace("\"Sid\":\"s\"", &format!("\"Sid\":\"{}\"", "s".repeat(257))),
        good.replace("unrestricted", "symmetric"),
        good.replace("\"Clients\":0", "\"Clients\":0.5"),
        good.replace("\"Clients\":0", "\"Clients\":\"0\""),
    ] {
        let reply = broker.post("/proxy", &bad).await;
        assert_eq!((reply.status, reply.body.as_str()), (400, ""), "{bad}");
        assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
    }
}

#[tokio::test]
async fn bad_answers_get_400() {
    let broker = TestBroker::start().await;
    let good = proxy_answer("s");
    for bad in [
        String::new(),
        "{}".to_owned(),
        good.replace("a=candidate", "a=kandidat"),
        good.replace("\"1.3\"", "\"2\""),
        good.replace("\"Sid\":\"s\"", "\"Sid\":\"\""),
        good.replace("\\\"type\\\"", "\\\"kind\\\""),
        good.replace("\\\"answer\\\"", "5"),
        // The words are there, but nothing else is.
        "a=candidate".to_owned(),
    ] {
        let reply = broker.post("/answer", &bad).await;
        assert_eq!((reply.status, reply.body.as_str()), (400, ""), "{bad}");
    }
    let unknown = broker.post("/answer", good).await;
    assert_eq!((unknown.status, unknown.body.as_str()), (200, r#"{"Status":"client gone"}"#));
}

#[tokio::test]
async fn proxies_that_do_not_accept_our_relays_are_refused() {
    // Wire format vectors: the broker's pattern, the proxy's, accepted or not.
    const REFUSED: &str = r#"{"Status":"incorrect relay pattern","Offer":"","NAT":"","NextPoll":3600000,"RelayURL":""}"#;
    for (ours, theirs, accepted) in [
        (PATTERN, Some(PATTERN), true),
        (PATTERN, Some("torproject.net$"), true),
        (PATTERN, Some("$"), true),
        (PATTERN, Some(""), true),
        (PATTERN, Some("^snowflake.torproject.net$"), false),
        (PATTERN, Some("^$"), false),
        (PATTERN, None, false),
        ("^snowflake.torproject.net$", Some("^snowflake.torproject.net$"), true),
        // The default of the flag: it works, but only proxies without any rule are accepted.
        ("", Some(PATTERN), false),
        ("", Some("$"), true),
        ("", None, false),
    ] {
        let mut config =
            Config { allowed_relay_pattern: RelayPattern::new(ours), ..Config::default() };
        config.limits.proxy_wait = Duration::from_millis(1);
        let broker = TestBroker::with(config).await;
        let poll = ProxyPollRequest {
            accepted_relay_pattern: theirs.map(RelayPattern::new),
            ..proxy_poll("s")
        };
        let reply = broker.post("/proxy", poll.encode()).await;
        if accepted {
            assert!(reply.is_no_match(), "{ours:?} and {theirs:?}");
        } else {
            assert_eq!(reply.body, REFUSED, "{ours:?} and {theirs:?}");
            assert_eq!(
                reply.poll().outcome,
                PollOutcome::Refused(status::WRONG_PATTERN.to_owned())
            );
        }
    }
}

#[tokio::test]
async fn the_offer_is_not_looked_into() {
    let broker = TestBroker::start().await;
    let proxy = broker.parked_proxy("s").await;
    let offer = SessionDescription::offer("not SDP at all").to_text();
    let _client =
        broker.post_later("/client", ClientPollRequest { offer, ..client_poll() }.encode());
    assert!(proxy.await.unwrap().body.contains("not SDP at all"));
}

#[tokio::test]
async fn only_the_bridges_of_the_list_are_known() {
    let broker = TestBroker::start().await;
    let _proxy = broker.parked_proxy("s").await;
    let poll = ClientPollRequest { fingerprint: Fingerprint::Rsa([1; 20]), ..client_poll() };
    let reply = broker.post("/client", poll.encode()).await;
    assert_eq!(reply.body, error("bridge with requested fingerprint is unknown to the broker"));
    assert_eq!(broker.available().await, 1, "no proxy was spent on it");
}

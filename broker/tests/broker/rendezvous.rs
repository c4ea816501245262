//! Client and proxy find each other.

use snowflake_broker::{BridgeList, Config};
use snowflake_messages::{
    ClientPollRequest, ClientPollResponse, Fingerprint, NatType, PollOutcome, ProxyPollRequest,
    ProxyPollResponse, ProxyType,
};

use crate::support::*;

#[tokio::test]
async fn from_poll_to_answer() {
    let broker = TestBroker::start().await;
    let proxy = broker.parked_proxy("s1").await;
    let client = broker.post_later("/client", client_poll().encode());

    let matched = proxy.await.unwrap();
    // Wire format vector: the whole body, with the keys in Go's order.
    let offer_in_json = serde_json::to_string(offer().as_str()).unwrap();
    assert_eq!(
        matched.body,
        format!(
            r#"{{"Status":"client match","Offer":{offer_in_json},"NAT":"unknown","NextPoll":0,"RelayURL":"wss://snowflake.torproject.net/"}}"#
        )
    );
    assert_eq!(matched.header("content-type"), Some("text/plain; charset=utf-8"));

    let accepted = broker.post("/answer", proxy_answer("s1")).await;
    assert_eq!((accepted.status, accepted.body.as_str()), (200, r#"{"Status":"success"}"#));
    let reply = client.await.unwrap();
    assert_eq!((reply.status, reply.body), (200, ClientPollResponse::Answer(answer()).encode()));
    broker.stop().await;
}

#[tokio::test]
async fn many_exchanges_on_kept_connections() {
    let broker = TestBroker::start().await;
    let (mut proxy, mut client) = (broker.open().await, broker.open().await);
    let mut answers = broker.open().await;
    for round in 0..20 {
        let sid = format!("s{round}");
        proxy.post("/proxy", proxy_poll(&sid).encode()).await;
        broker.until_available(1).await;
        client.post("/client", client_poll().encode()).await;
        assert!(proxy.reply().await.is_match());
        answers.post("/answer", proxy_answer(&sid)).await;
        assert_eq!(answers.reply().await.body, r#"{"Status":"success"}"#);
        assert!(client.reply().await.body.starts_with(r#"{"answer""#));
    }
}

#[tokio::test]
async fn each_client_gets_its_own_answer() {
    let broker = TestBroker::start().await;
    let restricted = ProxyPollRequest { nat: NatType::Restricted, ..proxy_poll("restricted") };
    let for_strict = broker.parked_proxy("open").await;
    let for_open = broker.post_later("/proxy", restricted.encode());
    broker.until_available(2).await;

    let strict = broker.post_later("/client", client_poll().encode());
    let open = broker.post_later("/client", client_behind(NatType::Unrestricted));
    let (for_strict, for_open) = (for_strict.await.unwrap().poll(), for_open.await.unwrap().poll());
    assert_eq!((nat(&for_strict), nat(&for_open)), (NatType::Unknown, NatType::Unrestricted));

    for sid in ["restricted", "open"] {
        let answer = proxy_answer(sid).replace("192.0.2.9", &format!("{sid}.example"));
        assert_eq!(broker.post("/answer", answer).await.body, r#"{"Status":"success"}"#);
    }
    assert!(strict.await.unwrap().body.contains("open.example"));
    assert!(open.await.unwrap().body.contains("restricted.example"));
}

fn client_behind(nat: NatType) -> Vec<u8> {
    ClientPollRequest { nat, ..client_poll() }.encode()
}

fn nat(response: &ProxyPollResponse) -> NatType {
    match response.outcome {
        PollOutcome::Match { nat, .. } => nat,
        _ => panic!("no match"),
    }
}

#[tokio::test]
async fn the_least_busy_proxy_is_handed_out_first() {
    let broker = TestBroker::start().await;
    let busy =
        broker.post_later("/proxy", ProxyPollRequest { clients: 8, ..proxy_poll("busy") }.encode());
    broker.until_available(1).await;
    // A negative load counts as 0, not as less than others'.
    let negative = proxy_poll("idle").encode().replace("\"Clients\":0", "\"Clients\":-8");
    let idle = broker.post_later("/proxy", negative);
    broker.until_available(2).await;
    let _client = broker.post_later("/client", client_poll().encode());
    assert!(idle.await.unwrap().is_match());
    assert!(!busy.is_finished());
}

#[tokio::test]
async fn the_relay_is_that_of_the_bridge_asked_for() {
    let bridge = Fingerprint::Ed25519([7; 32]);
    let broker = TestBroker::with(Config {
        bridges: BridgeList::single(bridge, "wss://seven.example/"),
        ..config()
    })
    .await;
    let proxy = broker.parked_proxy("s").await;
    let poll = ClientPollRequest { fingerprint: bridge, ..client_poll() };
    let _client = broker.post_later("/client", poll.encode());
    let outcome = proxy.await.unwrap().poll().outcome;
    assert!(
        matches!(outcome, PollOutcome::Match { relay_url, .. } if relay_url == "wss://seven.example/")
    );
}

#[tokio::test]
async fn polls_of_old_and_browser_proxies_are_understood() {
    let broker = TestBroker::start().await;
    let browser = r#"{"sid":"k3j5h2k","version":"1.0","type":"webext","acceptedrelaypattern":"snowflake.torproject.net","x":1}"#;
    let proxy = broker.post_later("/proxy", browser);
    broker.until_available(1).await;
    assert!(
        broker.get("/debug").await.body.contains(&format!("\t{} proxies: 1", ProxyType::Webext))
    );
    let _client = broker.post_later("/client", client_behind(NatType::Open));
    assert!(proxy.await.unwrap().is_match());
    let answer = proxy_answer("k3j5h2k").replace("\"1.3\"", "\"1.0\"");
    assert_eq!(broker.post("/answer", answer).await.body, r#"{"Status":"success"}"#);
}

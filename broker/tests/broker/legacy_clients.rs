//! Clients from before the version line: the offer alone as body, the NAT type in a header,
//! statuses instead of texts.

use std::time::Duration;

use snowflake_broker::{BridgeList, Config};
use snowflake_messages::{Fingerprint, NatType, ProxyPollRequest};

use crate::support::*;

fn request(nat: &str, offer: &str) -> String {
    let length = offer.len();
    format!(
        "POST /client HTTP/1.1\r\nHost: b\r\nSnowflake-NAT-Type: {nat}\r\nContent-Length: {length}\r\n\r\n{offer}"
    )
}

#[tokio::test]
async fn get_the_bare_answer() {
    let broker = TestBroker::start().await;
    let restricted = ProxyPollRequest { nat: NatType::Restricted, ..proxy_poll("s") };
    let proxy = broker.post_later("/proxy", restricted.encode());
    broker.until_available(1).await;
    let mut client = broker.open().await;
    client.send(request("unrestricted", offer().as_str())).await;
    assert!(proxy.await.unwrap().is_match());
    assert_eq!(broker.post("/answer", proxy_answer("s")).await.status, 200);
    let reply = client.reply().await;
    assert_eq!((reply.status, reply.body.as_str()), (200, answer().as_str()));
}

#[tokio::test]
async fn get_503_without_proxies_and_504_without_answer() {
    let mut config = config();
    config.limits.client_wait = Duration::from_millis(50);
    let broker = TestBroker::with(config).await;
    let none = broker.post("/client", offer().as_str()).await;
    assert_eq!((none.status, none.body.as_str()), (503, ""));
    let _proxy = broker.parked_proxy("s").await;
    let late = broker.post("/client", offer().as_str()).await;
    assert_eq!((late.status, late.body.as_str()), (504, ""));
}

#[tokio::test]
async fn get_400_for_everything_else() {
    let broker = TestBroker::start().await;
    for bad in ["{", "{}", r#"{"type":"offer"}"#, r#"{"type":"offer","sdp":1}"#, r#"{"offer":"x"}"#]
    {
        let reply = broker.post("/client", bad).await;
        assert_eq!((reply.status, reply.body.as_str()), (400, ""), "{bad}");
    }
    let mut client = broker.open().await;
    client.send(request("symmetric", offer().as_str())).await;
    assert_eq!(client.reply().await.status, 400);

    let elsewhere = BridgeList::single(Fingerprint::Rsa([1; 20]), "wss://other.example/");
    let broker = TestBroker::with(Config { bridges: elsewhere, ..config() }).await;
    assert_eq!(broker.post("/client", offer().as_str()).await.status, 400);
}

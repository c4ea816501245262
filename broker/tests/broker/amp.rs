//! Clients that come through AMP caches: the poll in the path, the response in a page.

use std::time::Duration;

use snowflake_amp::{decode_armor, encode_armor, encode_path};
use snowflake_messages::{ClientPollRequest, ClientPollResponse, Fingerprint};
use tokio::net::TcpStream;

use crate::support::*;

const ENDPOINT: &str = "/amp/client/";

fn path(poll: &[u8]) -> String {
    ENDPOINT.to_owned() + &encode_path(poll, [7; 9])
}

/// What the page says, and that it is a page which caches take and clients read.
fn page(reply: &Reply) -> String {
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("content-type"), Some("text/html"));
    assert_eq!(reply.header("cache-control"), Some("max-age=15"));
    assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
    assert_eq!(reply.header("location"), None);
    String::from_utf8(decode_armor(reply.body.as_bytes()).unwrap()).unwrap()
}

/// A cache that asks for a client, whose poll a proxy has got.
async fn matched(broker: &TestBroker) -> Connection<TcpStream> {
    let proxy = broker.parked_proxy("s").await;
    let mut cache = broker.open().await;
    let path = path(&client_poll().encode());
    cache.send(format!("GET {path} HTTP/1.1\r\nHost: broker\r\n\r\n")).await;
    assert!(proxy.await.unwrap().is_match());
    cache
}

#[tokio::test]
async fn they_get_the_answer_of_a_proxy() {
    let broker = TestBroker::start().await;
    let mut cache = matched(&broker).await;
    let handed_over = broker.post("/answer", proxy_answer("s")).await;
    assert_eq!(handed_over.body, r#"{"Status":"success"}"#);
    let response = page(&cache.reply().await);
    assert_eq!(response, ClientPollResponse::Answer(answer()).encode());
}

#[tokio::test]
async fn they_are_refused_in_the_same_words_as_others() {
    let mut config = config();
    config.limits.client_wait = Duration::from_millis(50);
    let broker = TestBroker::with(config).await;
    let unknown = ClientPollRequest { fingerprint: Fingerprint::Rsa([1; 20]), ..client_poll() };
    for (poll, text) in [
        (client_poll().encode(), "no snowflake proxies currently available"),
        (unknown.encode(), "bridge with requested fingerprint is unknown to the broker"),
        (b"2.0\n{}".to_vec(), "unsupported message version"),
        // A bare offer is a poll only in a body.
        (offer().as_str().into(), "unsupported message version"),
        (Vec::new(), "unsupported message version"),
    ] {
        assert_eq!(page(&broker.get(&path(&poll)).await), error(text));
    }
    let _proxy = broker.parked_proxy("s").await;
    let reply = broker.get(&path(&client_poll().encode())).await;
    assert_eq!(page(&reply), error("timed out waiting for answer!"));
}

#[tokio::test]
async fn the_page_is_byte_for_byte_that_of_go() {
    // Wire format vector: the length of the page with this refusal.
    let broker = TestBroker::start().await;
    let reply = broker.get(&path(&client_poll().encode())).await;
    assert_eq!(reply.body.len(), 1087);
    let refusal = error("no snowflake proxies currently available");
    assert_eq!(reply.body.as_bytes(), encode_armor(refusal.as_bytes()));
}

#[tokio::test]
async fn a_path_without_a_poll_is_refused_in_the_page() {
    // Any status but 200 would be the cache's 404, which says nothing to the client.
    let broker = TestBroker::start().await;
    for bad in ["", "0", "1/aGVsbG8", "0aGVsbG8", "0/aGVsbG8=", "0/a", "/", "../client"] {
        let reply = broker.get(&format!("{ENDPOINT}{bad}")).await;
        assert_eq!(page(&reply), error("cannot decode URL path"), "{bad}");
    }
}

#[tokio::test]
async fn the_cache_breaker_may_have_slashes_and_the_url_a_query() {
    let broker = TestBroker::start().await;
    let poll = encode_path(&client_poll().encode(), [7; 9]);
    let (_, data) = poll.split_once('/').unwrap();
    for url in [format!("{ENDPOINT}0anything/else/{data}"), format!("{ENDPOINT}{poll}?query")] {
        let response = page(&broker.get(&url).await);
        assert_eq!(response, error("no snowflake proxies currently available"));
    }
}

#[tokio::test]
async fn the_method_does_not_matter_except_options() {
    let broker = TestBroker::start().await;
    let path = path(&client_poll().encode());
    let reply = broker.post(&path, "ignored").await;
    assert_eq!(page(&reply), error("no snowflake proxies currently available"));
    let mut browser = broker.open().await;
    browser.send(format!("OPTIONS {path} HTTP/1.1\r\nHost: broker\r\n\r\n")).await;
    let reply = browser.reply().await;
    assert_eq!((reply.status, reply.body.as_str()), (200, ""));
    assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
    assert_eq!(reply.header("access-control-allow-headers"), Some("origin, x-session-id"));
}

#[tokio::test]
async fn only_paths_below_the_endpoint_are_its() {
    let broker = TestBroker::start().await;
    for path in
        ["/amp", "/amp/", "/amp/client", "/amp/clients/0/", "/x/amp/client/0/", "/AMP/client/0/"]
    {
        assert_eq!(broker.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn a_client_whose_cache_hung_up_does_not_get_its_answer() {
    let broker = TestBroker::start().await;
    drop(matched(&broker).await);
    // The broker has closed all connections, so it has noticed.
    until_tasks(1).await;
    let reply = broker.post("/answer", proxy_answer("s")).await;
    assert_eq!(reply.body, r#"{"Status":"client gone"}"#);
}

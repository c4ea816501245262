//! Clients that come through SQS queues, with a real implementation of the service between us.

use std::time::Duration;

use snowflake_broker::{Config, SqsQueue};
use snowflake_messages::ClientPollResponse;
use snowflake_rendezvous::{Poll, Rendezvous};
use snowflake_sqs::{QueueRendezvous, Sqs, SqsError};
use tokio::time::{sleep, timeout};
use url::Url;

use crate::moto::Moto;
use crate::support::*;

const NAME: &str = "snowflake-broker";

/// Longer than a client waits for its response, however slow Python is.
const LONG: Duration = Duration::from_secs(120);

fn reading(sqs: &Sqs) -> Config {
    Config { queues: vec![SqsQueue { name: NAME.to_owned(), sqs: sqs.clone() }], ..config() }
}

/// The URL of the broker's queue once it has made it.
async fn queue_of_broker(sqs: &Sqs) -> String {
    let found = async {
        loop {
            match sqs.queue_url(NAME).await {
                Ok(queue) => return queue,
                Err(_) => sleep(Duration::from_millis(50)).await,
            }
        }
    };
    timeout(LONG, found).await.expect("the broker makes its queue")
}

/// Waits until no message is in the queue, nor was taken from it without being deleted.
async fn until_empty(sqs: &Sqs, queue: &str) {
    let count = async |kind: &str| sqs.queue_attribute(queue, kind).await.unwrap().unwrap();
    let empty = async {
        while count("ApproximateNumberOfMessages").await != "0"
            || count("ApproximateNumberOfMessagesNotVisible").await != "0"
        {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(LONG, empty).await.expect("every message is deleted");
}

#[tokio::test]
async fn they_get_the_answer_of_a_proxy() {
    let moto = Moto::start().await;
    let sqs = moto.sqs();
    let broker = TestBroker::with(reading(&sqs)).await;
    let queue = queue_of_broker(&sqs).await;
    let retention = sqs.queue_attribute(&queue, "MessageRetentionPeriod").await.unwrap();
    assert_eq!(retention.as_deref(), Some("300"));

    let proxy = broker.parked_proxy("s").await;
    let client = QueueRendezvous::new(Url::parse(&queue).unwrap(), sqs.clone());
    let poll = client_poll().encode();
    let asking = tokio::spawn(async move { client.exchange(Poll::new(poll)).await });
    assert!(proxy.await.unwrap().is_match());
    let handed_over = broker.post("/answer", proxy_answer("s")).await;
    assert_eq!(handed_over.body, r#"{"Status":"success"}"#);
    let response = timeout(LONG, asking).await.unwrap().unwrap().unwrap();
    assert_eq!(response, ClientPollResponse::Answer(answer()).encode());

    let figures = broker.get("/prometheus").await.body;
    let counted = figures.lines().any(|line| {
        line.contains(r#"rendezvous_method="sqs""#) && line.contains(r#"status="matched""#)
    });
    assert!(counted, "{figures}");
    until_empty(&sqs, &queue).await;
    broker.stop().await;
}

#[tokio::test]
async fn they_are_refused_in_the_same_words_as_others_and_nonsense_is_thrown_away() {
    let moto = Moto::start().await;
    let sqs = moto.sqs();
    let _broker = TestBroker::with(reading(&sqs)).await;
    let queue = queue_of_broker(&sqs).await;
    let long_id = "x".repeat(64);
    for bad in [&[][..], &[("ClientID", "../x")], &[("ClientID", &long_id)], &[("Other", "x")]] {
        sqs.send(&queue, "1.0\n{}", bad).await.unwrap();
    }
    sqs.send(&queue, &"x".repeat(100_001), &[("ClientID", "large")]).await.unwrap();
    until_empty(&sqs, &queue).await;
    let page = sqs.list_queues("snowflake-client-", None).await.unwrap();
    assert_eq!(page.queues, [""; 0], "no queue is made for them");

    for (poll, text) in [
        (client_poll().encode(), "no snowflake proxies currently available"),
        (b"2.0\n{}".to_vec(), "unsupported message version"),
    ] {
        let client = QueueRendezvous::new(Url::parse(&queue).unwrap(), sqs.clone());
        let response = timeout(LONG, client.exchange(Poll::new(poll))).await.unwrap().unwrap();
        assert_eq!(response, error(text));
    }
}

#[tokio::test]
async fn old_queues_of_clients_are_deleted_and_no_others() {
    let moto = Moto::start().await;
    let sqs = moto.sqs();
    let mut config = reading(&sqs);
    // The service tells the age in whole seconds.
    config.limits.queue_age = Duration::from_secs(2);
    config.limits.queue_sweep = Duration::from_millis(100);
    let _broker = TestBroker::with(config).await;
    let ours = queue_of_broker(&sqs).await;
    let old = sqs.create_queue("snowflake-client-0123456789abcdef", &[]).await.unwrap();
    let made = tokio::time::Instant::now();
    let deleted = async {
        while sqs.last_modified(&old).await.is_ok() {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(LONG, deleted).await.expect("the queue is deleted");
    assert!(made.elapsed() > Duration::from_secs(1), "not before its time");
    let page = sqs.list_queues("snowflake-", None).await.unwrap();
    assert_eq!(page.queues, [ours]);
}

#[tokio::test]
async fn a_wrong_signature_is_refused() {
    let moto = Moto::start().await;
    moto.sqs().create_queue("right", &[]).await.unwrap();
    let error = moto.sqs_with_secret("wrong").create_queue("wrong", &[]).await.unwrap_err();
    let SqsError::Refused { status, .. } = &error else { panic!("{error:?}") };
    assert_eq!(*status, 403, "{error}");
}

//! A client's exchange with a queue service on loopback that does as it is told.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do: at once, and saying where"
)]

use std::{cell::RefCell, time::Duration};

use serde_json::{Value, json};
use snowflake_rendezvous::{Exchange, Poll, Rendezvous, RendezvousError, tls};
use snowflake_sqs::{Credentials, QueueError, QueueRendezvous, Region, Sqs, SqsError, limits};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use url::Url;

const QUEUE: &str = "https://sqs.us-east-1.amazonaws.com/893902434899/snowflake-broker";
const POLL: &str = "1.0\n{\"offer\":\"\"}";
const NO_QUEUE: &str = "com.amazonaws.sqs#QueueDoesNotExist";

/// Far longer than an exchange in which all is found at once or soon.
const LIMIT: Duration = Duration::from_secs(60);

/// A request as the service sees it.
struct Seen {
    operation: String,
    authorization: String,
    body: Value,
}

/// Asks through a service that answers the request number n of an operation by `script`; the result, and what was asked.
async fn exchange(
    script: impl Fn(&str, usize) -> Result<Value, &'static str>,
) -> (Result<String, QueueError>, Vec<Seen>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let tls = tls::with_roots(rustls::RootCertStore::empty()).unwrap();
    let exchange = Exchange::new(endpoint, [""; 0], tls, limits::HEADERS).unwrap();
    let credentials = Credentials::new("AKIAEXAMPLE".into(), "secretEXAMPLE".into()).unwrap();
    let queue = Url::parse(QUEUE).unwrap();
    let sqs = Sqs::new(exchange, Region::of_queue(&queue).unwrap(), credentials);
    let rendezvous = QueueRendezvous::new(queue, sqs);
    assert_eq!((rendezvous.name(), rendezvous.broker()), ("sqs", QUEUE));
    assert_eq!(rendezvous.patience(), limits::PATIENCE);

    let seen = RefCell::new(Vec::<Seen>::new());
    let serving = async {
        loop {
            let (mut peer, _) = listener.accept().await.unwrap();
            let request = read(&mut peer).await;
            let same = |other: &&Seen| other.operation == request.operation;
            let number = seen.borrow().iter().filter(same).count();
            let response = script(&request.operation, number);
            seen.borrow_mut().push(request);
            let (status, body) = match response {
                Ok(body) => (200, body.to_string()),
                Err(kind) => (400, json!({"__type": kind, "message": "no"}).to_string()),
            };
            let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n", body.len());
            peer.write_all((head + &body).as_bytes()).await.unwrap();
        }
    };
    let result = tokio::select! {
        result = timeout(LIMIT, rendezvous.exchange(Poll::new(POLL))) => result.unwrap(),
        () = serving => unreachable!(),
    };
    let result = result.map(|response| String::from_utf8(response.to_vec()).unwrap());
    let result = result.map_err(|error| match error {
        RendezvousError::Method(error) => *error.downcast().unwrap(),
        other => panic!("{other}"),
    });
    (result, seen.into_inner())
}

async fn read(peer: &mut TcpStream) -> Seen {
    let mut peer = BufReader::new(peer);
    let (mut operation, mut authorization, mut length) = Default::default();
    loop {
        let mut line = String::new();
        peer.read_line(&mut line).await.unwrap();
        match line.trim_end().split_once(": ") {
            Some(("x-amz-target", target)) => operation = target.replace("AmazonSQS.", ""),
            Some(("authorization", value)) => authorization = value.to_owned(),
            Some(("content-length", value)) => length = value.parse().unwrap(),
            None if line == "\r\n" => break,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    peer.read_exact(&mut body).await.unwrap();
    Seen { operation, authorization, body: serde_json::from_slice(&body).unwrap() }
}

fn message(body: &str) -> Value {
    json!({"Messages": [{"MessageId": "1", "ReceiptHandle": "r", "Body": body}]})
}

#[tokio::test]
async fn the_response_comes_through_a_queue_of_the_clients_own() {
    let (result, seen) = exchange(|operation, number| match (operation, number) {
        ("SendMessage", _) => Ok(json!({"MessageId": "1"})),
        ("GetQueueUrl", 1) => Ok(json!({"QueueUrl": "https://q.example/1/own"})),
        ("ReceiveMessage", 0) => Ok(json!({})),
        ("ReceiveMessage", 1) => Ok(json!({"Messages": []})),
        ("ReceiveMessage", 2) => Ok(message("response")),
        _ => Err(NO_QUEUE),
    })
    .await;
    assert_eq!(result.unwrap(), "response");
    let operations: Vec<_> = seen.iter().map(|request| request.operation.as_str()).collect();
    let [send, find, take] = ["SendMessage", "GetQueueUrl", "ReceiveMessage"];
    assert_eq!(operations, [send, find, find, take, take, take], "nothing is deleted");

    let sent = &seen[0].body;
    assert_eq!((&sent["QueueUrl"], &sent["MessageBody"]), (&json!(QUEUE), &json!(POLL)));
    assert_eq!(sent["MessageAttributes"]["ClientID"]["DataType"], "String");
    let id = sent["MessageAttributes"]["ClientID"]["StringValue"].as_str().unwrap();
    assert!(id.len() == 16 && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')), "{id}");
    assert_eq!(seen[1].body, json!({"QueueName": format!("snowflake-client-{id}")}));
    let receive = &seen[3].body;
    assert_eq!(receive["QueueUrl"], "https://q.example/1/own");
    assert_eq!(
        (&receive["MaxNumberOfMessages"], &receive["WaitTimeSeconds"]),
        (&json!(1), &json!(20))
    );
    for request in &seen {
        assert!(request.authorization.starts_with("AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/"));
        let headers = "SignedHeaders=content-type;host;x-amz-date;x-amz-target, ";
        assert!(request.authorization.contains(headers), "{}", request.authorization);
    }
}

#[tokio::test]
async fn what_the_service_refuses_is_said_in_its_own_word() {
    let (result, seen) = exchange(|_, _| Err("com.amazon.coral.service#AccessDenied\r\n<b>")).await;
    let Err(QueueError::Send(error)) = result else { panic!("{result:?}") };
    assert_eq!(error.to_string(), "SendMessage: refused with status 400, AccessDeniedb");
    assert_eq!(seen.len(), 1);
}

#[tokio::test]
async fn a_response_has_at_most_100000_bytes() {
    let of_length = async |length| {
        let (result, _) = exchange(|operation, _| match operation {
            "GetQueueUrl" => Ok(json!({"QueueUrl": "own"})),
            "ReceiveMessage" => Ok(message(&"\n".repeat(length))),
            _ => Ok(json!({})),
        })
        .await;
        result
    };
    assert_eq!(of_length(100_000).await.unwrap().len(), 100_000);
    let error = of_length(100_001).await;
    assert!(matches!(error, Err(QueueError::TooLong)));
}

#[tokio::test]
async fn nonsense_is_an_error() {
    let (result, _) = exchange(|operation, _| match operation {
        "GetQueueUrl" => Ok(json!({"QueueUrl": "own"})),
        "ReceiveMessage" => Ok(json!({"Messages": [{"Body": 7}]})),
        _ => Ok(json!({})),
    })
    .await;
    assert!(matches!(result, Err(QueueError::Receive(SqsError::Response { .. }))), "{result:?}");
}

#[tokio::test]
async fn nobody_there_is_an_error_before_the_poll_is_used() {
    let endpoint = Url::parse("http://127.0.0.1:1/").unwrap();
    let tls = tls::with_roots(rustls::RootCertStore::empty()).unwrap();
    let exchange = Exchange::new(endpoint, [""; 0], tls, limits::HEADERS).unwrap();
    let credentials = Credentials::new("AKIAEXAMPLE".into(), "secretEXAMPLE".into()).unwrap();
    let sqs = Sqs::new(exchange, "us-east-1".parse().unwrap(), credentials);
    let rendezvous = QueueRendezvous::new(Url::parse(QUEUE).unwrap(), sqs);
    let never = Poll::after(std::future::pending(), POLL);
    let asking = timeout(LIMIT, rendezvous.exchange(never));
    let error = asking.await.unwrap().unwrap_err();
    assert_eq!(error.to_string(), "sending the poll to the broker's queue");
}

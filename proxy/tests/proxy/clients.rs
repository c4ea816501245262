//! Clients are served from offer to close, within the limit, and every place comes back.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use crate::support::broker::Broker;
use crate::support::world::{Relay, config, matched, no_match, offer, open, poll_of, soon, start};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use snowflake_messages::{ProxyAnswerResponse, ProxyType};
use tokio::sync::mpsc;

const GONE: &str = r#"{"Status":"client gone"}"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_client_is_taken_to_the_relay_and_back() {
    let client = offer().await;
    // What the server is told: the first remote address of the offer, also of a candidate that ICE does not use.
    let tcp = "a=candidate:1 1 tcp 1 198.51.100.7 9 typ host tcptype active\r\na=setup:";
    let sdp = client.sdp().replacen("a=setup:", tcp, 1);
    let offers = Mutex::new(vec![sdp]);
    let (answers, mut answer) = mpsc::channel(1);
    let broker = Broker::start(move |path, body| match path {
        "/proxy" => {
            let poll = poll_of(body);
            assert_eq!(poll.proxy_type, ProxyType::Standalone);
            assert_eq!(poll.accepted_relay_pattern.unwrap().as_str(), "$");
            match offers.lock().unwrap().pop() {
                Some(sdp) => matched(&sdp, ""),
                None => no_match(),
            }
        }
        "/answer" => {
            answers.try_send(body.to_owned()).unwrap();
            (200, ProxyAnswerResponse::Success.encode())
        }
        _ => (500, String::new()),
    })
    .await;
    let mut relay = Relay::start().await;
    let proxy = start(config(&broker, &relay, &[]));
    let mut check = relay.next().await;
    assert_eq!(check.client_ip, None);
    assert!(soon(check.websocket.next()).await.is_none(), "a reachability check says nothing");

    let answer = soon(answer.recv()).await.unwrap();
    let mut channel = soon(open(client, &answer)).await;
    let mut accepted = relay.next().await;
    assert_eq!(accepted.client_ip, Some("198.51.100.7".parse().unwrap()));
    let up = Bytes::from(vec![1; 100_000]);
    channel.send(up.clone()).await.unwrap();
    let mut received = Vec::new();
    while received.len() < up.len() {
        received.extend(soon(accepted.websocket.next()).await.unwrap().unwrap());
    }
    assert!(received == up);
    accepted.websocket.send(Bytes::from_static(b"down")).await.unwrap();
    assert_eq!(soon(channel.next()).await.unwrap().unwrap(), "down");

    // The relay's end is the client's end.
    accepted.websocket.close().await.unwrap();
    assert!(matches!(soon(channel.next()).await, None | Some(Err(_))));
    proxy.stop().await;
}

/// With room for one client, a place that does not come back would end all polling. Each poll of this broker fails in
/// another way; the last one is reached only if all places came back.
#[tokio::test(flavor = "multi_thread")]
async fn no_failure_keeps_a_place() {
    let usable = offer().await;
    let sdp = usable.sdp().to_owned();
    let (round, answered) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let (done, mut all_done) = mpsc::channel(1);
    let (answers, mut answer) = mpsc::channel(1);
    // Port 1 on loopback: nobody listens.
    let nobody = "ws://127.0.0.1:1/";
    let broker = Broker::start(move |path, body| match path {
        "/proxy" => {
            assert_eq!(poll_of(body).clients, 0, "nobody is served while the only place is ours");
            match round.fetch_add(1, Ordering::SeqCst) {
                0 => (503, String::new()),
                1 => (200, "garbage".to_owned()),
                2 => (200, r#"{"Status":"client match","Offer":""}"#.to_owned()),
                3 => (200, r#"{"Status":"incorrect relay pattern","NextPoll":1}"#.to_owned()),
                4 => (200, r#"{"Status":"polled too soon"}"#.to_owned()),
                5 => no_match(),
                6 => matched("not a description", ""),
                7 => matched("v=0\r\n", ""),
                8 => matched(&sdp, "http://127.0.0.1/"),
                9 => matched(&sdp, "not a URL"),
                10 => (200, matched(&sdp, "").1.replace("offer\\\"", "answer\\\"")),
                // From here on there is an answer: refused, gone, garbage.
                11..=13 => matched(&sdp, ""),
                // A client that never comes, and one that comes but cannot be taken anywhere.
                14 => matched(&sdp, ""),
                15 => matched(&sdp, nobody),
                _ => {
                    let _ = done.try_send(());
                    no_match()
                }
            }
        }
        "/answer" => match answered.fetch_add(1, Ordering::SeqCst) {
            0 => (400, String::new()),
            1 => (200, GONE.to_owned()),
            2 => (200, "garbage".to_owned()),
            3 => (200, ProxyAnswerResponse::Success.encode()),
            _ => {
                answers.try_send(body.to_owned()).unwrap();
                (200, ProxyAnswerResponse::Success.encode())
            }
        },
        _ => (500, String::new()),
    })
    .await;
    let mut relay = Relay::start().await;
    let proxy = start(config(&broker, &relay, &["--capacity=1"]));
    relay.next().await;
    let answer = soon(answer.recv()).await.unwrap();
    let mut channel = soon(open(usable, &answer)).await;
    assert!(matches!(soon(channel.next()).await, None | Some(Err(_))), "the proxy lets go");
    soon(all_done.recv()).await.unwrap();
    proxy.stop().await;
}

/// Five clients come and go through a proxy with two places; more than two are never there at once.
///
/// The broker judges each poll when it comes: it may only have been sent with a place for the client that it brings. The
/// proxy is in such a hurry that it would poll many times while its second client connects.
#[tokio::test(flavor = "multi_thread")]
async fn the_limit_holds() {
    const CLIENTS: usize = 5;
    const PLACES: usize = 2;
    let mut offerers = Vec::new();
    for _ in 0..CLIENTS {
        offerers.push(offer().await);
    }
    let waiting: Vec<String> = offerers.iter().map(|offerer| offerer.sdp().to_owned()).collect();
    let waiting = Mutex::new(waiting.into_iter().enumerate());
    let sids = Mutex::new(Vec::new());
    let (answers, mut answer) = mpsc::channel(CLIENTS);
    // Clients that the proxy was given, that may be over, and polls for which it had no place.
    let (given, over, rash) = (AtomicUsize::new(0), counter(), counter());
    let (ended, rashly) = (over.clone(), rash.clone());
    let broker = Broker::start(move |path, body| match path {
        "/proxy" => {
            if given.load(Ordering::SeqCst) - ended.load(Ordering::SeqCst) >= PLACES {
                rashly.fetch_add(1, Ordering::SeqCst);
            }
            let poll = poll_of(body);
            assert_eq!(poll.clients, 0, "two clients are rounded down to none");
            let Some((index, sdp)) = waiting.lock().unwrap().next() else { return no_match() };
            given.fetch_add(1, Ordering::SeqCst);
            sids.lock().unwrap().push((poll.sid, index));
            matched(&sdp, "")
        }
        "/answer" => {
            let request = snowflake_messages::ProxyAnswerRequest::decode(body.as_bytes()).unwrap();
            let sids = sids.lock().unwrap();
            let (_, index) = sids.iter().find(|(sid, _)| *sid == request.sid).unwrap();
            answers.try_send((*index, body.to_owned())).unwrap();
            (200, ProxyAnswerResponse::Success.encode())
        }
        _ => (500, String::new()),
    })
    .await;
    let mut relay = Relay::start().await;
    let mut config = config(&broker, &relay, &["--capacity=2"]);
    config.poll_interval = Duration::from_millis(1);
    let proxy = start(config);
    relay.next().await;
    let mut offerers: Vec<_> = offerers.into_iter().map(Some).collect();
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let (index, answer) = soon(answer.recv()).await.unwrap();
        let channel = soon(open(offerers[index].take().unwrap(), &answer)).await;
        clients.push((channel, relay.next().await));
        if clients.len() == PLACES {
            over.fetch_add(1, Ordering::SeqCst);
            let (mut channel, mut accepted) = clients.remove(0);
            channel.close().await.unwrap();
            while let Some(Ok(_)) = soon(accepted.websocket.next()).await {}
        }
    }
    proxy.stop().await;
    assert_eq!(rash.load(Ordering::SeqCst), 0, "polls while both places were taken");
}

fn counter() -> Arc<AtomicUsize> {
    Arc::default()
}

//! A dead client or a dead server gives its place back in seconds, and the other side is told.
//!
//! Each proxy here has one place: its next poll says that the place is free. Peers die on real sockets, so time passes for
//! real; what can be done on a paused clock is in the unit tests of the copying.

use std::{sync::Mutex, time::Duration};

use crate::support::broker::Broker;
use crate::support::client::{Client, Fate, HELLO};
use crate::support::world::{Relay, config, matched, no_match, soon, start};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use snowflake_messages::ProxyAnswerResponse;
use snowflake_proxy::Running;
use snowflake_webrtc::limits::{PATH_DOUBT, PATH_FAILED};
use snowflake_websocket::{
    WebSocket,
    limits::{PING_AFTER, PONG_LIMIT},
};
use tokio::{net::TcpListener, sync::mpsc, time::Instant};

/// What a busy machine may add.
const SLACK: Duration = Duration::from_secs(4);

/// When a peer with whom nothing is wrong but that it leaves should be gone.
const AT_ONCE: Duration = Duration::from_secs(1);

/// How long these proxies try to reach the relay.
const DIAL: Duration = Duration::from_secs(6);

/// A proxy with one place, and the client that takes it.
struct Taken {
    proxy: Running,
    polls: mpsc::Receiver<()>,
    client: Client,
    relay: Relay,
    _broker: Broker,
}

impl Taken {
    /// By a client that the broker sends to `relay_url`, or, if that is empty, to the proxy's own relay.
    async fn new(relay_url: String) -> Self {
        let mut client = Client::start();
        let offers = Mutex::new(vec![soon(client.offer()).await]);
        let (answers, mut answer) = mpsc::channel(1);
        let (poll, mut polls) = mpsc::channel(1000);
        let broker = Broker::start(move |path, body| match path {
            "/proxy" => {
                let _ = poll.try_send(());
                let offer = offers.lock().unwrap().pop();
                offer.map_or_else(no_match, |sdp| matched(&sdp, &relay_url))
            }
            "/answer" => {
                answers.try_send(body.to_owned()).unwrap();
                (200, ProxyAnswerResponse::Success.encode())
            }
            _ => (500, String::new()),
        })
        .await;
        let mut relay = Relay::start().await;
        let mut config = config(&broker, &relay, &["--capacity=1"]);
        config.timers.relay = DIAL;
        let proxy = start(config);
        relay.next().await;
        client.answer(soon(answer.recv()).await.unwrap());
        soon(polls.recv()).await.unwrap();
        Self { proxy, polls, client, relay, _broker: broker }
    }

    /// Waits until the place is free and returns how long that took.
    async fn free_since(mut self, begun: Instant) -> Duration {
        soon(self.polls.recv()).await.unwrap();
        let free = begun.elapsed();
        self.proxy.stop().await;
        free
    }
}

/// A client that has been taken to the server.
async fn served() -> (Taken, WebSocket) {
    let mut taken = Taken::new(String::new()).await;
    let mut server = taken.relay.next().await.websocket;
    assert_eq!(soon(server.next()).await.unwrap().unwrap(), HELLO);
    assert!(taken.polls.try_recv().is_err(), "the place is taken");
    (taken, server)
}

/// Lets the client die, sees the server let go, and returns how long that kept the place.
async fn without_client(fate: Fate, download: bool) -> Duration {
    let (taken, mut server) = served().await;
    let begun = Instant::now();
    taken.client.meet(fate);
    let serving = async {
        while download && server.send(Bytes::from(vec![0; 10_000])).await.is_ok() {}
        while let Some(Ok(_)) = server.next().await {}
    };
    soon(serving).await;
    taken.free_since(begun).await
}

/// What becomes of the server.
#[derive(Clone, Copy, Debug)]
enum End {
    Closes,
    IsKilled,
    Freezes,
}

/// Lets the server die, sees the client let go, and returns how long that kept the place.
async fn without_server(end: End, upload: bool) -> Duration {
    let (mut taken, mut server) = served().await;
    if upload {
        taken.client.meet(Fate::Uploads);
    }
    let begun = Instant::now();
    let mut frozen = None;
    match end {
        End::Closes => server.close().await.unwrap(),
        End::IsKilled => drop(server),
        End::Freezes => frozen = Some(server),
    }
    soon(taken.client.over()).await;
    let free = taken.free_since(begun).await;
    drop(frozen);
    free
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_or_is_cut_off_is_gone_at_once() {
    let free = without_client(Fate::Leaves, false).await;
    println!("a client that leaves: {free:?}");
    assert!(free < AT_ONCE + SLACK);
    for end in [End::Closes, End::IsKilled] {
        let free = without_server(end, false).await;
        println!("a server that {end:?}: {free:?}");
        assert!(free < AT_ONCE + SLACK);
    }
}

/// The relay takes the connection and says nothing.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_a_mute_relay_longer_than_the_client_does() {
    for leaves in [true, false] {
        let mute = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut taken = Taken::new(format!("ws://{}/", mute.local_addr().unwrap())).await;
        let dialled = soon(mute.accept()).await.unwrap();
        let begun = Instant::now();
        if leaves {
            taken.client.meet(Fate::Leaves);
        } else {
            soon(taken.client.over()).await;
        }
        let free = taken.free_since(begun).await;
        println!("a mute relay, from which the client leaves ({leaves}): {free:?}");
        assert!(free < if leaves { DIAL / 2 } else { DIAL + SLACK });
        drop(dialled);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_client_is_noticed_by_its_path() {
    let (killed, frozen, full) = tokio::join!(
        without_client(Fate::IsKilled, false),
        without_client(Fate::Freezes, false),
        without_client(Fate::Freezes, true),
    );
    println!("a client: killed {killed:?}, frozen {frozen:?}, frozen while it downloads {full:?}");
    for free in [killed, frozen, full] {
        assert!(free < PATH_DOUBT + PATH_FAILED + SLACK, "{free:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_server_is_noticed_by_its_silence() {
    let (idle, busy) =
        tokio::join!(without_server(End::Freezes, false), without_server(End::Freezes, true));
    println!("a server: frozen {idle:?}, frozen while the client uploads {busy:?}");
    for free in [idle, busy] {
        assert!(free < PING_AFTER + PONG_LIMIT + SLACK, "{free:?}");
    }
}

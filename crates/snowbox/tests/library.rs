//! The programs as libraries: a client dials through a broker, a proxy and a server, all of them in this process.

#![expect(clippy::unwrap_used, reason = "a test helper that fails is a failed test")]

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
        mpsc::{Sender, channel},
    },
    thread,
    time::Duration,
};

use futures_util::StreamExt;
use snowflake_broker::{BridgeList, PollIntervals};
use snowflake_client::{
    Client, ClientConfig, Connection, Event, EventStream, Exchanging, Fingerprint, Method, Poll,
    Rendezvous, RendezvousError,
};
use snowflake_messages::RelayPattern;
use snowflake_proxy::{Proxy, config::RelayRules, timers::Timers};
use snowflake_pt::{OrPort, OrPorts};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy, split},
    net::{TcpListener, TcpStream},
    runtime::{Builder, Handle},
    task::JoinSet,
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use url::Url;

/// Generous: nothing here takes more than some seconds on an idle machine.
const LIMIT: Duration = Duration::from_secs(60);

async fn within<T>(work: impl Future<Output = T>) -> T {
    timeout(LIMIT, work).await.unwrap()
}

/// Everybody but the client, in a thread and a runtime of their own; they end when this is dropped.
struct World {
    broker: Url,
    stop: CancellationToken,
    thread: Option<thread::JoinHandle<()>>,
}

impl World {
    fn start() -> Self {
        let (ready, broker) = channel();
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let thread = thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(world(ready, stopped));
        });
        Self { broker: broker.recv().unwrap(), stop, thread: Some(thread) }
    }

    fn config(&self) -> ClientConfig {
        let methods = vec![Method::http(self.broker.as_str(), &[]).unwrap()];
        ClientConfig { methods, keep_local_addresses: true, ..ClientConfig::default() }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
        let ended = self.thread.take().map(thread::JoinHandle::join);
        assert!(ended.is_some_and(|ended| ended.is_ok()) || thread::panicking());
    }
}

async fn world(ready: Sender<Url>, stop: CancellationToken) {
    let (tor, or_port) = listen().await;
    let (websockets, relay) = listen().await;
    let (polls, broker) = listen().await;
    let relay = Url::parse(&format!("ws://{relay}/")).unwrap();
    let broker = Url::parse(&format!("http://{broker}/")).unwrap();
    let or_ports = OrPorts::new([OrPort::Plain(or_port)], None);
    let transport = snowflake_server::Transport::new(snowflake_server::Config::default()).unwrap();
    let method = snowflake_server::Method { socket: websockets, transport, or_ports };
    let server = snowflake_server::run(method, stop.clone());
    let no_limit =
        r#"{"open_poll_interval":0,"moderate_poll_interval":0,"strict_poll_interval":0}"#;
    let config = snowflake_broker::Config {
        bridges: BridgeList::single(Fingerprint::DEFAULT, relay.as_str()),
        allowed_relay_pattern: RelayPattern::new("$"),
        intervals: PollIntervals::parse(no_limit).unwrap(),
        ..snowflake_broker::Config::default()
    };
    let matching = snowflake_broker::run(config, polls, stop.clone());
    let proxy = Proxy::new(proxy(&broker, relay)).unwrap().start();
    ready.send(broker).unwrap();
    tokio::select! {
        () = stop.cancelled() => {}
        () = echo(tor) => {}
        () = server => {}
        () = matching => {}
    }
    proxy.stop().await;
}

/// A volunteer's, in a hurry and for loopback.
fn proxy(broker: &Url, relay: Url) -> snowflake_proxy::Config {
    snowflake_proxy::Config {
        broker: broker.clone(),
        relay,
        // There is none; what the NAT does stays unknown.
        nat_probe_server: broker.join("probe").unwrap(),
        stun_servers: Vec::new(),
        keep_local_addresses: true,
        relay_rules: RelayRules {
            pattern: RelayPattern::rule("$").unwrap(),
            allow_non_tls: true,
            allow_private_addresses: true,
        },
        poll_interval: Duration::from_millis(20),
        timers: Timers { min_poll_interval: Duration::from_millis(1), ..Timers::default() },
        ..snowflake_proxy::Config::default()
    }
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// The bridge: sends everything back, until the other has ended.
async fn echo(listener: TcpListener) {
    let mut streams = JoinSet::new();
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        streams.spawn(async move {
            let (mut read, mut write) = TcpStream::split(&mut stream);
            // Some streams break off.
            if copy(&mut read, &mut write).await.is_ok() {
                let _ = write.shutdown().await;
            }
        });
    }
}

/// Sends and gets back, both at once, what no buffer holds.
async fn there_and_back(connection: &mut Connection, seed: u8) {
    let sent: Vec<u8> = (0..1 << 20).map(|place: u32| (place / 251) as u8 ^ seed).collect();
    let mut received = vec![0; sent.len()];
    let (mut read, mut write) = split(connection);
    let (wrote, got) =
        within(async { tokio::join!(write.write_all(&sent), read.read_exact(&mut received)) })
            .await;
    wrote.unwrap();
    got.unwrap();
    assert!(sent == received, "the bytes are others");
}

/// Waits until no task runs in this runtime, which is the client's alone.
async fn nothing_is_left() {
    let alone = async {
        while Handle::current().metrics().num_alive_tasks() > 0 {
            tokio::task::yield_now().await;
        }
    };
    within(alone).await;
}

/// The texts of all that happened, up to the end.
async fn all(events: EventStream) -> Vec<String> {
    within(events.map(|event| event.to_string()).collect()).await
}

#[tokio::test]
async fn a_client_dials_and_hears_what_happens() {
    let world = World::start();
    let client = Client::new(world.config()).unwrap();
    let events = client.events();
    let mut connection = within(client.dial()).await.unwrap();
    assert_eq!(connection.proxies(), 1);
    there_and_back(&mut connection, 0).await;
    connection.shutdown().await.unwrap();
    assert_eq!(within(connection.read(&mut [0])).await.unwrap(), 0, "the bridge ends it, too");
    within(connection.close()).await;
    drop(client);
    let texts = all(events).await;
    let place = |text: &str| texts.iter().position(|said| said == text);
    let places = ["offer created", "broker rendezvous peer received", "connected"].map(place);
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{texts:?}");
    nothing_is_left().await;
}

#[tokio::test]
async fn many_connections_of_one_client_go_on_when_others_are_dropped() {
    let world = World::start();
    let client = Client::new(ClientConfig { max: 2, ..world.config() }).unwrap();
    let dials = futures_util::future::join_all((0..4).map(|_| client.dial()));
    let mut connections: Vec<_> =
        within(dials).await.into_iter().collect::<Result<_, _>>().unwrap();
    // They need the client no more.
    drop(client);
    for _ in 0..2 {
        for (connection, seed) in connections.iter_mut().zip(1..) {
            there_and_back(connection, seed).await;
        }
        // Without a goodbye.
        connections.truncate(2);
    }
    drop(connections);
    nothing_is_left().await;
}

/// The same way as that by HTTP, but somebody else's.
#[derive(Debug)]
struct Own {
    at: SocketAddr,
    asked: Arc<AtomicUsize>,
}

impl Rendezvous for Own {
    fn name(&self) -> &str {
        "own"
    }

    fn broker(&self) -> &str {
        "the broker of this test"
    }

    fn exchange(&self, poll: Poll) -> Exchanging<'_> {
        Box::pin(async move {
            let failed = |error: std::io::Error| RendezvousError::Method(error.into());
            let mut stream = TcpStream::connect(self.at).await.map_err(failed)?;
            let message = poll.message().await;
            self.asked.fetch_add(1, SeqCst);
            let length = message.len();
            let head = format!(
                "POST /client HTTP/1.1\r\nHost: b\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
            );
            stream.write_all(&[head.as_bytes(), &message].concat()).await.map_err(failed)?;
            let mut response = Vec::new();
            stream.take(100_000).read_to_end(&mut response).await.map_err(failed)?;
            let body = response.windows(4).position(|end| end == b"\r\n\r\n").map(|at| at + 4);
            Ok(response.split_off(body.unwrap_or(response.len())).into())
        })
    }
}

#[tokio::test]
async fn a_rendezvous_of_ones_own_leads_to_a_proxy() {
    let world = World::start();
    let asked = Arc::<AtomicUsize>::default();
    let at = world.broker.socket_addrs(|| None).unwrap()[0];
    let methods = vec![Method::own(Own { at, asked: asked.clone() })];
    let client = Client::new(ClientConfig { methods, ..world.config() }).unwrap();
    let mut events = client.events();
    let mut connection = within(client.dial()).await.unwrap();
    there_and_back(&mut connection, 0).await;
    within(connection.close()).await;
    assert_ne!(asked.load(SeqCst), 0);
    let mut is_done = false;
    drop(client);
    while let Some(event) = within(events.next()).await {
        is_done |= matches!(event, Event::RendezvousDone);
    }
    assert!(is_done);
    nothing_is_left().await;
}

//! A proxy with its broker, relay and clients, all on loopback and in one process.

use std::time::Duration;

use bytes::Bytes;
use clap::Parser;
use snowflake_messages::{
    NatType, PollOutcome, ProxyAnswerRequest, ProxyPollRequest, ProxyPollResponse,
    SessionDescription,
};
use snowflake_proxy::{Args, Config, Proxy, Running, timers::Timers};
use snowflake_webrtc::{DataChannel, Offerer};
use snowflake_websocket::{Accepted, accept};
use tokio::{net::TcpListener, sync::mpsc, task::JoinSet, time::timeout};

use super::broker::Broker;

/// Generous: nothing here takes more than a second on an idle machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Waits, but not for ever.
pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    timeout(PATIENCE, what).await.expect("it took too long")
}

/// A relay that hands out WebSockets; those of reachability checks, which close at once, are among them.
pub(crate) struct Relay {
    pub(crate) url: String,
    pub(crate) accepted: mpsc::Receiver<Accepted>,
    _serving: JoinSet<()>,
}

impl Relay {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/", listener.local_addr().unwrap());
        let (sender, accepted) = mpsc::channel(16);
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                if let Ok(websocket) = accept(stream).await {
                    let _ = sender.send(websocket).await;
                }
            }
        });
        Self { url, accepted, _serving: serving }
    }

    /// The next WebSocket of a client: the second one at least, the first is the reachability check's.
    pub(crate) async fn next(&mut self) -> Accepted {
        soon(self.accepted.recv()).await.unwrap()
    }
}

/// Starts a proxy.
pub(crate) fn start(config: Config) -> Running {
    Proxy::new(config).unwrap().start()
}

/// A proxy for loopback, in a hurry.
pub(crate) fn config(broker: &Broker, relay: &Relay, flags: &[&str]) -> Config {
    let mut arguments = vec![
        "snowflake-proxy".to_owned(),
        format!("--broker={}", broker.url),
        format!("--relay={}", relay.url),
        format!("--nat-probe-server={}probe", broker.url),
        "--stun=".to_owned(),
        "--keep-local-addresses".to_owned(),
        "--allow-non-tls-relay".to_owned(),
        "--allow-proxying-to-private-addresses".to_owned(),
        "--allowed-relay-hostname-pattern=$".to_owned(),
    ];
    arguments.extend(flags.iter().map(|flag| (*flag).to_owned()));
    let mut config = Config::try_from(&Args::parse_from(arguments)).unwrap();
    config.poll_interval = Duration::from_millis(20);
    config.timers = Timers {
        data_channel: Duration::from_secs(1),
        min_poll_interval: Duration::from_millis(1),
        ..Timers::default()
    };
    config
}

pub(crate) fn poll_of(body: &str) -> ProxyPollRequest {
    ProxyPollRequest::decode(body.as_bytes()).unwrap()
}

pub(crate) fn no_match() -> (u16, String) {
    let response = ProxyPollResponse { outcome: PollOutcome::NoMatch, next_poll: None };
    (200, response.encode())
}

pub(crate) fn matched(offer: &str, relay_url: &str) -> (u16, String) {
    let outcome = PollOutcome::Match {
        offer: SessionDescription::offer(offer).to_text(),
        nat: NatType::Unknown,
        relay_url: relay_url.to_owned(),
    };
    (200, ProxyPollResponse { outcome, next_poll: None }.encode())
}

/// A client's offer, with addresses on loopback.
pub(crate) async fn offer() -> Offerer {
    let config = snowflake_webrtc::Config {
        keep_local_addresses: true,
        ..snowflake_webrtc::Config::default()
    };
    snowflake_webrtc::offer(&config, Bytes::new()).await.unwrap()
}

/// Opens a client's channel with the answer that the proxy gave the broker.
pub(crate) async fn open(offerer: Offerer, answer_request: &str) -> DataChannel {
    let request = ProxyAnswerRequest::decode(answer_request.as_bytes()).unwrap();
    let answer = request.answer.parse().unwrap();
    offerer.open(&answer.sdp, PATIENCE).await.unwrap()
}

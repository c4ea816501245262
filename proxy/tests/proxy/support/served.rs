//! A client that a proxy has taken to the relay.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use snowflake_messages::{ProxyAnswerResponse, ProxyType};
use snowflake_proxy::{Config, EventStream, Proxy};
use snowflake_webrtc::DataChannel;
use snowflake_websocket::WebSocket;
use tokio::sync::mpsc;

use super::broker::Broker;
use super::world::{Relay, config, matched, no_match, offer, open, poll_of, soon};

/// All parties, while bytes flow.
pub(crate) struct Served {
    pub(crate) client: DataChannel,
    pub(crate) server: WebSocket,
    pub(crate) events: EventStream,
    /// Polls so far.
    pub(crate) polls: Arc<AtomicUsize>,
    _broker: Broker,
    _relay: Relay,
}

impl Served {
    /// Has `change` set the proxy up, which `start` starts; the result of that comes back, too.
    pub(crate) async fn by<T>(
        change: impl FnOnce(&mut Config),
        start: impl FnOnce(Proxy) -> T,
    ) -> (T, Self) {
        let client = offer().await;
        // What Prometheus and the server are told: the first remote address of the offer.
        let tcp = "a=candidate:1 1 tcp 1 198.51.100.7 9 typ host tcptype active\r\na=setup:";
        let offers = Mutex::new(vec![client.sdp().replacen("a=setup:", tcp, 1)]);
        let (answers, mut answer) = mpsc::channel(1);
        let polls = Arc::new(AtomicUsize::new(0));
        let counted = polls.clone();
        let broker = Broker::start(move |path, body| match path {
            "/proxy" => {
                counted.fetch_add(1, Ordering::SeqCst);
                assert_eq!(poll_of(body).proxy_type, ProxyType::IptProxy);
                let offer = offers.lock().unwrap().pop();
                offer.map_or_else(no_match, |sdp| matched(&sdp, ""))
            }
            "/answer" => {
                answers.try_send(body.to_owned()).unwrap();
                (200, ProxyAnswerResponse::Success.encode())
            }
            _ => (500, String::new()),
        })
        .await;
        let mut relay = Relay::start().await;
        let mut config = config(&broker, &relay, &[]);
        config.proxy_type = ProxyType::IptProxy;
        change(&mut config);
        let proxy = Proxy::new(config).unwrap();
        let events = proxy.events();
        let started = start(proxy);
        relay.next().await;
        let client = soon(open(client, &soon(answer.recv()).await.unwrap())).await;
        let server = relay.next().await.websocket;
        let mut served = Self { client, server, events, polls, _broker: broker, _relay: relay };
        served.greet().await;
        (started, served)
    }

    /// Bytes go both ways, four down and five up.
    pub(crate) async fn greet(&mut self) {
        self.server.send(Bytes::from_static(b"here")).await.unwrap();
        assert_eq!(soon(self.client.next()).await.unwrap().unwrap(), "here");
        self.client.send(Bytes::from_static(b"hello")).await.unwrap();
        assert_eq!(soon(self.server.next()).await.unwrap().unwrap(), "hello");
    }

    /// Both sides see the end.
    pub(crate) async fn is_closed(&mut self) {
        assert!(soon(self.server.next()).await.is_none());
        assert!(matches!(soon(self.client.next()).await, None | Some(Err(_))));
    }
}

//! The environment's proxies carry everything but clients.

use std::{collections::BTreeSet, sync::Arc};

use snowflake_proxy::{Environment, Proxy};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinSet,
};
use url::Url;

use crate::support::{
    broker::Broker,
    world::{Relay, config, no_match, soon},
};

/// An HTTP proxy that knows these names, reports whom it was asked for, and works until the result is dropped.
async fn connect_proxy(
    names: Vec<(&'static str, String)>,
) -> (String, mpsc::Receiver<String>, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (asked, asks) = mpsc::channel(1000);
    let names = Arc::new(names);
    let mut serving = JoinSet::new();
    serving.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            connections.spawn(tunnel(stream, names.clone(), asked.clone()));
        }
    });
    (address, asks, serving)
}

async fn tunnel(
    mut from: TcpStream,
    names: Arc<Vec<(&'static str, String)>>,
    asked: mpsc::Sender<String>,
) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(from.read_u8().await.unwrap());
    }
    let request = String::from_utf8(request).unwrap();
    let name = request.strip_prefix("CONNECT ").unwrap().split(' ').next().unwrap();
    let _ = asked.try_send(name.to_owned());
    let (_, to) = names.iter().find(|(known, _)| *known == name).unwrap();
    let mut to = TcpStream::connect(to).await.unwrap();
    from.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
    // Who closes first is their affair.
    let _ = copy_bidirectional(&mut from, &mut to).await;
}

/// `host:port` of a URL.
fn authority(url: &str) -> String {
    Url::parse(url).unwrap().authority().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn broker_probe_server_and_relay_are_reached_through_the_environments_proxy() {
    let broker = Broker::start(|path, _| match path {
        "/proxy" => no_match(),
        _ => (500, String::new()),
    })
    .await;
    let mut relay = Relay::start().await;
    let names = vec![
        ("broker.example:80", authority(&broker.url)),
        ("probe.example:80", authority(&broker.url)),
        ("relay.example:80", authority(&relay.url)),
    ];
    let (address, mut asks, _serving) = connect_proxy(names.clone()).await;
    let mut config = config(&broker, &relay, &[]);
    let url = |text: &str| Url::parse(text).unwrap();
    config.broker = url("http://broker.example/");
    config.nat_probe_server = url("http://probe.example/probe");
    config.relay = url("ws://relay.example/");
    let get = |name: &str| (name == "HTTP_PROXY").then(|| address.clone());
    config.environment = Environment::from_variables(get).unwrap();
    let running = Proxy::new(config).unwrap().start();
    relay.next().await;
    let mut missing: BTreeSet<&str> = names.iter().map(|(name, _)| *name).collect();
    while !missing.is_empty() {
        let asked = soon(asks.recv()).await.unwrap();
        missing.remove(asked.as_str());
    }
    running.stop().await;
}

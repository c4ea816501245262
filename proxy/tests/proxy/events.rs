//! What a proxy tells of a client: to the program around it and to Prometheus.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use futures_util::{SinkExt, StreamExt};
use snowflake_messages::ProxyAnswerResponse;
use snowflake_proxy::{
    Config, Country, Event, EventStream, GeoIp, MetricsAddress, NatType, Proxy, SetupError, Summary,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::support::{
    broker::Broker,
    served::Served,
    world::{Relay, config, matched, no_match, offer, soon},
};

/// The response to a request for `path`.
async fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut response = String::new();
    soon(stream.read_to_string(&mut response)).await.unwrap();
    response
}

async fn next(events: &mut EventStream) -> Event {
    soon(events.next()).await.unwrap()
}

/// Where 198.51.100.7 is.
fn countries() -> Arc<GeoIp> {
    let file = |name: &str| std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
    let (v4, v6) = (file("geoip"), file("geoip6"));
    std::fs::write(&v4, "3325256704,3325256959,AU\n").unwrap();
    std::fs::write(&v6, "").unwrap();
    let countries = Arc::new(GeoIp::read(&v4, &v6).unwrap());
    let _ = (std::fs::remove_file(v4), std::fs::remove_file(v6));
    countries
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_comes_and_goes() {
    const INTERVAL: Duration = Duration::from_secs(3600);
    let change = |config: &mut Config| {
        config.countries = Some(countries());
        config.summary_interval = Some(INTERVAL);
        config.metrics = Some(MetricsAddress { host: "localhost".to_owned(), port: 0 });
    };
    let begin = |proxy: Proxy| {
        let address = proxy.metrics_address().unwrap();
        assert_eq!(address.ip(), Ipv4Addr::LOCALHOST, "where Go's listens, too");
        (address, proxy.start())
    };
    let ((address, running), mut served) = Served::by(change, begin).await;
    for expected in [Event::Starting, Event::NatType(NatType::Unknown), Event::Connected] {
        assert_eq!(next(&mut served.events).await, expected);
    }
    served.client.close().await.unwrap();
    let Event::Over { country } = next(&mut served.events).await else { panic!() };
    assert_eq!(country.as_str(), "AU");

    let page = get(address, "/internal/metrics").await;
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n"), "{page}");
    assert!(page.contains("content-type: text/plain; version=0.0.4; charset=utf-8\r\n"), "{page}");
    for line in [
        "tor_snowflake_proxy_connections_total{country=\"AU\"} 1",
        "tor_snowflake_proxy_relayed_inbound_bytes_total 4",
        "tor_snowflake_proxy_relayed_outbound_bytes_total 5",
        "tor_snowflake_proxy_traffic_inbound_bytes_total 0",
        "tor_snowflake_proxy_connection_timeouts_total 0",
    ] {
        assert!(page.lines().any(|found| found == line), "{line}: {page}");
    }
    for path in ["/", "/metrics", "/internal/metrics/"] {
        assert!(get(address, path).await.starts_with("HTTP/1.1 404 Not Found\r\n"), "{path}");
    }
    running.stop().await;
    assert!(TcpStream::connect(address).await.is_err(), "the page ends with the proxy");
    assert_eq!(soon(served.events.next()).await, None);
}

/// The broker takes the answer, and the client never comes.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_come_has_failed() {
    let sdp = offer().await.sdp().to_owned();
    let mut offers = Some(sdp);
    let offers = std::sync::Mutex::new(move || offers.take());
    let broker = Broker::start(move |path, _| match path {
        "/proxy" => {
            let offer = (offers.lock().unwrap())();
            offer.map_or_else(no_match, |sdp| matched(&sdp, ""))
        }
        "/answer" => (200, ProxyAnswerResponse::Success.encode()),
        _ => (500, String::new()),
    })
    .await;
    let mut relay = Relay::start().await;
    let mut config = config(&broker, &relay, &[]);
    config.summary_interval = Some(Duration::from_secs(2));
    let proxy = Proxy::new(config).unwrap();
    let mut events = proxy.events();
    let running = proxy.start();
    relay.next().await;
    let mut failed = 0;
    loop {
        match next(&mut events).await {
            Event::ConnectionFailed => failed += 1,
            Event::Stats(Summary { failed: 0, .. }) => {}
            Event::Stats(summary) => {
                break assert_eq!((summary.failed, summary.connections), (1, 0));
            }
            Event::Connected | Event::Over { .. } => panic!("nobody came"),
            _ => {}
        }
    }
    assert_eq!(failed, 1);
    running.stop().await;
}

/// It was connected, so it is over, though it got nowhere.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_connected_is_over_however_it_ends() {
    let (running, mut served) = Served::by(|_| {}, Proxy::start).await;
    running.stop().await;
    let mut seen = Vec::new();
    while let Some(event) = soon(served.events.next()).await {
        seen.push(event);
    }
    assert!(seen.ends_with(&[Event::Connected, Event::Over { country: Country::UNKNOWN }]));
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().port();
    let metrics = Some(MetricsAddress { host: "127.0.0.1".to_owned(), port });
    let error = Proxy::new(Config { metrics, ..Config::default() }).unwrap_err();
    assert!(matches!(error, SetupError::Metrics { .. }));
    let start = format!("-metrics-address \"127.0.0.1\" with -metrics-port {port}: ");
    assert!(error.to_string().starts_with(&start), "{error}");
}

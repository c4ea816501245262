//! Everything but the messages: /debug, /metrics, /robots.txt, CORS, and what is not there.

use std::sync::Arc;
use std::time::Duration;

use snowflake_broker::{Config, Countries, MetricsLog};
use snowflake_messages::{NatType, ProxyPollRequest, ProxyType};

use crate::support::*;

#[tokio::test]
async fn debug_page() {
    // Wire format vector.
    let broker = TestBroker::start().await;
    let polls = [
        (ProxyType::Standalone, NatType::Restricted),
        (ProxyType::Standalone, NatType::Unrestricted),
        (ProxyType::Unknown, NatType::Unknown),
    ];
    for (i, (proxy_type, nat)) in polls.into_iter().enumerate() {
        let poll = ProxyPollRequest { proxy_type, nat, ..proxy_poll(&format!("s{i}")) };
        let _parked = broker.post_later("/proxy", poll.encode());
    }
    broker.until_available(3).await;
    assert_eq!(
        broker.get("/debug").await.body,
        "current snowflakes available: 3\n\
         \tstandalone proxies: 2\n\
         \tunknown proxies: 1\n\
         NAT Types available:\n\
         \trestricted: 1\n\
         \tunrestricted: 1\n\
         \tstrict: 0\n\
         \tmoderate: 0\n\
         \topen: 0\n\
         \tunknown: 1"
    );
    let moderate = ProxyPollRequest {
        nat: NatType::Moderate,
        proxy_type: ProxyType::Bloco,
        ..proxy_poll("s3")
    };
    let _parked = broker.post_later("/proxy", moderate.encode());
    broker.until_available(4).await;
    let page = broker.get("/debug").await.body;
    assert!(page.contains("\n\tbloco proxies: 1\n\tunknown proxies: 1\n"), "{page}");
    assert!(page.contains("\n\tstrict: 0\n\tmoderate: 1\n\topen: 0\n\tunknown: 1"), "{page}");
}

#[tokio::test]
async fn an_empty_debug_page() {
    let broker = TestBroker::start().await;
    assert_eq!(
        broker.get("/debug").await.body,
        "current snowflakes available: 0\n\tunknown proxies: 0\nNAT Types available:\n\trestricted: 0\n\tunrestricted: 0\n\tstrict: 0\n\tmoderate: 0\n\topen: 0\n\tunknown: 0"
    );
}

#[tokio::test]
async fn browsers_of_any_origin_are_let_in() {
    let broker = TestBroker::start().await;
    for path in ["/proxy", "/client", "/answer", "/debug", "/metrics"] {
        let mut browser = broker.open().await;
        browser
            .send(format!(
                "OPTIONS {path} HTTP/1.1\r\nHost: b\r\nOrigin: https://x.example\r\n\r\n"
            ))
            .await;
        let reply = browser.reply().await;
        assert_eq!((reply.status, reply.body.as_str()), (200, ""), "{path}");
        assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
        assert_eq!(reply.header("access-control-allow-headers"), Some("origin, x-session-id"));
        let reply = broker.get(path).await;
        assert_eq!(
            reply.header("access-control-allow-origin"),
            Some("*"),
            "{path}: {}",
            reply.status
        );
    }
}

#[tokio::test]
async fn robots_are_sent_away() {
    let broker = TestBroker::start().await;
    let reply = broker.get("/robots.txt").await;
    assert_eq!((reply.status, reply.body.as_str()), (200, "User-agent: *\nDisallow: /\n"));
    assert_eq!(reply.header("access-control-allow-origin"), None);
}

#[tokio::test]
async fn other_paths_are_not_found() {
    let broker = TestBroker::start().await;
    for path in [
        "/",
        "/clients",
        "/client/",
        "//client",
        "/proxy/../debug",
        "/prometheus/",
        "/debug/",
        "/metrics",
    ] {
        let reply = broker.get(path).await;
        assert_eq!((reply.status, reply.body.as_str()), (404, "404 page not found\n"), "{path}");
    }
    assert_eq!(broker.get("/debug?query").await.status, 200);
}

#[tokio::test]
async fn metrics_are_the_log_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metrics.log");
    let metrics_log = MetricsLog::file(&path).unwrap();
    let broker = TestBroker::with(Config { metrics_log, ..config() }).await;
    let empty = broker.get("/metrics").await;
    assert_eq!((empty.status, empty.body.as_str()), (200, ""));
    std::fs::write(&path, "snowflake-stats-end 2026-11-22 00:00:00 (86400 s)\n").unwrap();
    assert_eq!(
        broker.get("/metrics").await.body,
        "snowflake-stats-end 2026-11-22 00:00:00 (86400 s)\n"
    );
    std::fs::remove_file(&path).unwrap();
    assert_eq!(broker.get("/metrics").await.status, 500);
}

#[tokio::test]
async fn figures_for_prometheus() {
    let mut config = config();
    config.limits.client_wait = Duration::from_millis(1);
    let broker = TestBroker::with(config).await;
    let empty = broker.get("/prometheus").await;
    assert_eq!((empty.status, empty.body.as_str()), (200, ""));
    assert_eq!(empty.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert_eq!(empty.header("access-control-allow-origin"), None);

    let proxy = broker.parked_proxy("s").await;
    let available = r#"snowflake_available_proxies{nat="unrestricted",type="standalone"}"#;
    let page = broker.get("/prometheus").await.body;
    assert!(page.contains(&format!("{available} 1\n")), "{page}");
    for _ in 0..2 {
        broker.post("/client", client_poll().encode()).await;
    }
    assert!(proxy.await.unwrap().is_match());
    broker.post("/answer", proxy_answer("s")).await;
    broker.post("/proxy", "{}").await;
    let page = broker.get("/prometheus").await.body;
    for line in [
        &format!("{available} 0"),
        r#"snowflake_rounded_client_poll_total{cc="??",nat="unknown",rendezvous_method="http",status="denied"} 8"#,
        r#"snowflake_rounded_client_poll_total{cc="??",nat="unknown",rendezvous_method="http",status="timeout"} 8"#,
        r#"snowflake_rounded_proxy_answer_total{status="timeout",type=""} 8"#,
        r#"snowflake_rounded_proxy_poll_total{nat="unrestricted",status="matched",type="standalone"} 8"#,
        r#"snowflake_rounded_proxy_poll_with_relay_url_extension_total{nat="unrestricted",type="standalone"} 8"#,
    ] {
        assert!(page.lines().any(|other| other == line), "{line} in\n{page}");
    }
    // Without geoip files no address is counted.
    assert!(!page.contains("snowflake_proxy_total"), "{page}");
}

#[tokio::test]
async fn figures_know_countries() {
    let folder = tempfile::tempdir().unwrap();
    let (v4, v6) = (folder.path().join("geoip"), folder.path().join("geoip6"));
    std::fs::write(&v4, "2170671104,2170671359,CA\n").unwrap();
    std::fs::write(&v6, "2001:db8::,2001:db8::ffff,AU\n").unwrap();
    let countries = Some(Arc::new(Countries::read(v4, v6).unwrap()));
    let mut config = Config { countries, ..config() };
    config.limits.proxy_wait = Duration::from_millis(1);
    let broker = TestBroker::with(config).await;
    for address in ["129.97.208.23", "129.97.208.24", "129.97.208.23", "2001:db8::1", "10.0.0.1"] {
        let mut connection = broker.open().await;
        connection.poll_from(address, &proxy_poll("s")).await;
        assert!(connection.reply().await.is_no_match());
    }
    let (mut client, body) = (broker.open().await, client_poll().encode());
    let head = format!(
        "POST /client HTTP/1.1\r\nHost: b\r\nX-Forwarded-For: 10.0.0.1, 129.97.208.23, 192.0.2.1\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    client.send([head.as_bytes(), &body].concat()).await;
    client.reply().await;
    let page = broker.get("/prometheus").await.body;
    for line in [
        r#"snowflake_proxy_total{cc="??",nat="unrestricted",type="standalone"} 1"#,
        r#"snowflake_proxy_total{cc="AU",nat="unrestricted",type="standalone"} 1"#,
        r#"snowflake_proxy_total{cc="CA",nat="unrestricted",type="standalone"} 2"#,
        r#"snowflake_rounded_client_poll_total{cc="CA",nat="unknown",rendezvous_method="http",status="denied"} 8"#,
    ] {
        assert!(page.lines().any(|other| other == line), "{line} in\n{page}");
    }
}

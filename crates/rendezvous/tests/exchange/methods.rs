//! The ways to a broker, by a front on loopback: what it is asked for, and when.

use rustls::RootCertStore;
use snowflake_amp::{decode_path, encode_armor};
use snowflake_rendezvous::{
    AmpCache, Exchange, ExchangeError, Http, Poll, Rendezvous, RendezvousError, amp_cache, limits,
    tls,
};
use tokio::sync::oneshot;
use url::Url;

use crate::front::{Front, front, front_saying};

const BROKER: &str = "https://broker.example/";

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

fn through(front: &Front, url: Url) -> Exchange {
    let names = [format!("localhost:{}", front.port)];
    Exchange::new(url, names, front.trust.clone(), limits::CLIENT_HEADERS).unwrap()
}

fn amp(front: &Front) -> AmpCache {
    let endpoint = amp_cache::endpoint(&url(BROKER), &url("https://cdn.example/")).unwrap();
    AmpCache::new(url(BROKER), through(front, endpoint))
}

#[tokio::test]
async fn http_posts_the_poll() {
    let front = front(&[]).await;
    let http = Http::new(through(&front, url(BROKER)));
    assert_eq!((http.name(), http.broker()), ("http", BROKER));
    assert_eq!(http.exchange(Poll::new("poll")).await.unwrap(), "answer");
    let seen = front.serving.await.unwrap();
    assert_eq!((&*seen.method, &*seen.target, &*seen.body), ("POST", "/client", &b"poll"[..]));
}

#[tokio::test]
async fn an_amp_cache_is_dialled_by_its_front_and_asked_by_its_name() {
    let mut paths = Vec::new();
    for alpn in [&[b"h2".as_slice()][..], &[b"http/1.1"]] {
        let front = front_saying(alpn, encode_armor(b"response")).await;
        let amp = amp(&front);
        assert_eq!((amp.name(), amp.broker()), ("ampcache", BROKER));
        assert_eq!(amp.exchange(Poll::new("poll")).await.unwrap(), "response");
        let seen = front.serving.await.unwrap();
        assert_eq!(seen.sni.as_deref(), Some("localhost"));
        assert_eq!(seen.host.unwrap_or(seen.authority), "broker-example.cdn.example");
        assert_eq!((&*seen.method, &*seen.body), ("GET", &b""[..]));
        let path = seen.target.strip_prefix("/c/s/broker.example/amp/client/").unwrap();
        assert_eq!(decode_path(path).unwrap(), b"poll");
        paths.push(path.to_owned());
    }
    assert_ne!(paths[0], paths[1], "or the cache would answer by itself");
}

#[tokio::test]
async fn a_page_without_armor_is_no_response() {
    for page in ["<html><pre>1aGVsbG8=</pre>", "hello", ""] {
        let front = front_saying(&[], page).await;
        let refused = amp(&front).exchange(Poll::new("poll")).await;
        assert!(matches!(refused, Err(RendezvousError::Armor(_))), "{refused:?}");
    }
}

#[tokio::test]
async fn a_cache_that_fails_is_not_called_a_broker() {
    let mut front = front(&[]).await;
    front.trust = tls::with_roots(RootCertStore::empty()).unwrap();
    let refused = amp(&front).exchange(Poll::new("poll")).await.unwrap_err();
    assert!(matches!(refused, RendezvousError::Cache(ExchangeError::Tls(_))), "{refused:?}");
    assert_eq!(refused.to_string(), "asking the AMP cache");
    front.serving.abort();
}

#[tokio::test]
async fn nothing_is_asked_before_the_turn_has_come() {
    let front = front(&[b"h2"]).await;
    let http = Http::new(through(&front, url(BROKER)));
    let (ready, is_ready) = oneshot::channel();
    let (go, turn) = oneshot::channel::<()>();
    let turn = async {
        ready.send(()).unwrap();
        turn.await.unwrap();
    };
    let exchanging = http.exchange(Poll::after(turn, "poll"));
    let coming = async {
        is_ready.await.unwrap();
        // TLS is done by now, and the front still waits for a request.
        assert!(!front.serving.is_finished());
        let arrived = front.arrived.notified();
        assert!(tokio::time::timeout(std::time::Duration::ZERO, arrived).await.is_err());
        go.send(()).unwrap();
    };
    let (answer, ()) = tokio::join!(exchanging, coming);
    assert_eq!(answer.unwrap(), "answer");
}

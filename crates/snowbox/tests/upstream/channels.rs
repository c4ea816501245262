//! Data channels of which one end is behind the proxy.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use snowflake_snowbox::{
    stun::{self, StunServer},
    udp_socks::{Nat, Plan, UdpSocks},
};
use snowflake_socks5::{Credentials, Proxy};
use snowflake_webrtc::{Config, DataChannel, SetupError, answer, offer};
use tokio::time::timeout;

use crate::support::{LIMIT, listed, next, within};

/// Two ends of a data channel: ours goes through the proxy, the other does not.
async fn channels(socks: &UdpSocks, stun: &StunServer) -> (String, DataChannel, DataChannel) {
    let upstream = Some(Proxy::new(socks.address(), None));
    let stun_servers = listed(stun);
    // What it asks for does not matter: it is behind a proxy.
    let ours = Config { keep_local_addresses: true, upstream, stun_servers, ..Config::default() };
    let theirs = Config { keep_local_addresses: true, ..Config::default() };
    let offerer = within(offer(&ours, Bytes::from_static(b"first"))).await.unwrap();
    let told = offerer.sdp().to_owned();
    let answerer = within(answer(&theirs, &told)).await.unwrap();
    let sdp = answerer.sdp().to_owned();
    let (ours, theirs) = tokio::join!(offerer.open(&sdp, LIMIT), answerer.open(LIMIT));
    (told, ours.unwrap(), theirs.unwrap())
}

#[tokio::test]
async fn a_data_channel_opens_through_the_proxy_and_ends_with_it() {
    let stun = StunServer::start(stun::LOOPBACK).await.unwrap();
    for nat in [Nat::Moderate, Nat::Strict] {
        let socks = UdpSocks::start(Plan::on_loopback(nat)).await.unwrap();
        let (told, mut ours, mut theirs) = channels(&socks, &stun).await;
        let candidates: Vec<_> =
            told.lines().filter(|line| line.starts_with("a=candidate:")).collect();
        assert!(!candidates.is_empty(), "{told}");
        for candidate in candidates {
            assert!(candidate.contains(" typ srflx raddr 0.0.0.0 "), "{candidate}");
        }
        assert_eq!(next(&mut theirs).await.unwrap().unwrap(), "first");
        theirs.send(Bytes::from_static(b"second")).await.unwrap();
        assert_eq!(next(&mut ours).await.unwrap().unwrap(), "second");
        // More than fits into all buffers on the way.
        let large = Bytes::from(vec![7; 1 << 20]);
        let mut received = 0;
        let send = async {
            for piece in large.chunks(16 << 10) {
                ours.send(Bytes::copy_from_slice(piece)).await.unwrap();
            }
        };
        let receive = async {
            while received < large.len() {
                received += next(&mut theirs).await.unwrap().unwrap().len();
            }
        };
        tokio::join!(send, receive);
        assert_eq!(socks.carried().associations(), 1);
        // No packet has another way, so it ends long before silence would end it.
        drop(socks);
        let ended =
            timeout(Duration::from_secs(5), async { while let Some(Ok(_)) = ours.next().await {} });
        ended.await.unwrap();
    }
}

#[tokio::test]
async fn a_proxy_that_does_not_want_is_an_error_and_no_reason_to_go_around_it() {
    let user = Some(["user".to_owned(), "password".to_owned()]);
    let plan = Plan { user, ..Plan::on_loopback(Nat::Moderate) };
    let socks = UdpSocks::start(plan).await.unwrap();
    let stranger = Credentials { user: "user".to_owned(), password: "wrong".to_owned() };
    let upstream = Some(Proxy::new(socks.address(), Some(stranger)));
    let config = Config { keep_local_addresses: true, upstream, ..Config::default() };
    let refused = within(offer(&config, Bytes::new())).await;
    assert!(matches!(refused, Err(SetupError::Upstream(_))), "{refused:?}");
}

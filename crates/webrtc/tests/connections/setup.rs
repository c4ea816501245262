//! How connections come about, and how they do not.

use std::{net::UdpSocket, time::Duration};

use bytes::Bytes;
use snowflake_addresses::remote_address;
use snowflake_webrtc::{
    Config, SetupError, StunServer, answer, offer,
    sdp::{DescriptionError, has_candidate, strip_local_candidates},
};
use tokio::time::{Instant, sleep, timeout};

const LIMIT: Duration = Duration::from_secs(10);

fn loopback() -> Config {
    Config { keep_local_addresses: true, ..Config::default() }
}

/// Addresses and ports of the candidates of a description.
fn candidates(sdp: &str) -> Vec<(&str, u16)> {
    sdp.lines()
        .filter_map(|line| line.strip_prefix("a=candidate:"))
        .map(|candidate| {
            let fields: Vec<_> = candidate.split(' ').collect();
            (fields[4], fields[5].parse().unwrap())
        })
        .collect()
}

#[tokio::test]
async fn descriptions_have_the_form_that_peers_expect() {
    let config = loopback();
    let offerer = offer(&config, Bytes::new()).await.unwrap();
    let answerer = answer(&config, offerer.sdp()).await.unwrap();
    for (sdp, setup) in [(offerer.sdp(), "actpass"), (answerer.sdp(), "active")] {
        assert!(sdp.starts_with("v=0\r\n") && sdp.ends_with("\r\n"), "{sdp}");
        for line in [
            "m=application 9 UDP/DTLS/SCTP webrtc-datachannel".to_owned(),
            format!("a=setup:{setup}"),
            "a=sctp-port:5000".to_owned(),
            "a=mid:0".to_owned(),
            "a=end-of-candidates".to_owned(),
        ] {
            assert!(sdp.contains(&format!("\r\n{line}\r\n")), "{line} is missing in {sdp}");
        }
        assert_eq!(sdp.matches("\r\nm=").count(), 1);
        assert!(candidates(sdp).iter().any(|(address, _)| *address == "127.0.0.1"), "{sdp}");
    }
}

#[tokio::test]
async fn local_addresses_are_kept_to_oneself() {
    let config = loopback();
    let offerer = offer(&config, Bytes::new()).await.unwrap();
    let stripped = strip_local_candidates(offerer.sdp());
    let offerer = offer(&Config::default(), Bytes::new()).await.unwrap();
    assert_eq!(strip_local_candidates(offerer.sdp()), offerer.sdp());
    // The same machine, the same public addresses.
    let addresses = |sdp: &str| {
        let mut addresses: Vec<_> =
            candidates(sdp).iter().map(|(address, _)| (*address).to_owned()).collect();
        addresses.sort();
        addresses
    };
    assert_eq!(addresses(&stripped), addresses(offerer.sdp()));
}

#[tokio::test]
async fn the_outbound_address_stands_in_host_candidates() {
    let outbound = "198.51.100.7".parse().unwrap();
    let config = Config { outbound_address: Some(outbound), ..loopback() };
    let offerer = offer(&config, Bytes::new()).await.unwrap();
    assert!(candidates(offerer.sdp()).iter().any(|(address, _)| *address == "198.51.100.7"));
    assert!(!candidates(offerer.sdp()).iter().any(|(address, _)| *address == "127.0.0.1"));
    assert_eq!(remote_address(offerer.sdp()), Some(outbound));
    let bound = Config { outbound_address: Some("127.0.0.1".parse().unwrap()), ..loopback() };
    let offerer = offer(&bound, Bytes::new()).await.unwrap();
    assert!(candidates(offerer.sdp()).iter().all(|(address, _)| *address == "127.0.0.1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_is_known_to_go_by_the_outbound_address() {
    // Host candidates are told under the outbound address if it is of their family, and these are of IPv4.
    let bound = Config { outbound_address: Some("127.0.0.1".parse().unwrap()), ..loopback() };
    let offerer = offer(&bound, Bytes::new()).await.unwrap();
    let answerer = answer(&bound, offerer.sdp()).await.unwrap();
    let sdp = answerer.sdp().to_owned();
    let (left, right) = tokio::join!(offerer.open(&sdp, LIMIT), answerer.open(LIMIT));
    let (_left, right) = (left.unwrap(), right.unwrap());
    for (outbound, goes_by) in [("127.0.0.1", true), ("198.51.100.7", true), ("2001:db8::1", false)]
    {
        assert_eq!(right.goes_by(outbound.parse().unwrap()).await, Some(goes_by), "{outbound}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ports_come_from_the_range_until_it_is_used_up() {
    let free = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = Config {
        outbound_address: Some("127.0.0.1".parse().unwrap()),
        ephemeral_ports: Some(free..=free),
        ..loopback()
    };
    let offerer = offer(&config, Bytes::new()).await.unwrap();
    assert!(candidates(offerer.sdp()).iter().all(|(_, port)| *port == free));
    let error = offer(&config, Bytes::new()).await.unwrap_err();
    assert!(
        matches!(error, SetupError::NoFreePort { first, last } if first == free && last == free),
        "{error}"
    );
    drop(offerer);
    timeout(LIMIT, async {
        while offer(&config, Bytes::new()).await.is_err() {
            sleep(Duration::from_millis(10)).await
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn an_offer_that_is_none_is_the_peers_fault() {
    for (sdp, fault) in [
        ("", DescriptionError::NotSdp),
        ("hello", DescriptionError::NotSdp),
        ("v=0\r\nm=audio 9 RTP/AVP 0\r\n", DescriptionError::NoDataChannel),
    ] {
        let error = answer(&loopback(), sdp).await.unwrap_err();
        assert!(matches!(error, SetupError::PeerDescription(found) if found == fault), "{error}");
        let offerer = offer(&loopback(), Bytes::new()).await.unwrap();
        let error = offerer.open(sdp, LIMIT).await.unwrap_err();
        assert!(matches!(error, SetupError::PeerDescription(found) if found == fault), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_never_comes_is_not_waited_for_longer_than_asked() {
    let limit = Duration::from_millis(300);
    let offerer = offer(&loopback(), Bytes::from_static(b"x")).await.unwrap();
    let answerer = answer(&loopback(), offerer.sdp()).await.unwrap();
    let answer_sdp = answerer.sdp().to_owned();
    let begun = Instant::now();
    let error = answerer.open(limit).await.unwrap_err();
    assert!(matches!(error, SetupError::Timeout(waited) if waited == limit), "{error}");
    let error = offerer.open(&answer_sdp, limit).await.unwrap_err();
    assert!(matches!(error, SetupError::Timeout(waited) if waited == limit), "{error}");
    assert!(begun.elapsed() < LIMIT / 2, "what was asked for, however busy the machine is");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_stun_server_delays_no_longer_than_the_deadline() {
    // Bound, so that nothing says that nobody is there.
    let dead = UdpSocket::bind("127.0.0.1:0").unwrap();
    let config = Config {
        stun_servers: vec![
            StunServer { host: "127.0.0.1".to_owned(), port: dead.local_addr().unwrap().port() },
            StunServer { host: "no-such-name.invalid".to_owned(), port: 3478 },
        ],
        gathering_deadline: Duration::from_millis(400),
        ..loopback()
    };
    let begun = Instant::now();
    let offerer = offer(&config, Bytes::new()).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(1));
    assert!(has_candidate(offerer.sdp()));
}

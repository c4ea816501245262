//! Proxies of all kinds ask; the NATs on both sides are SOCKS5 servers of the local network, on loopback.

#![expect(clippy::unwrap_used, reason = "a test helper that fails is a failed test")]

use std::{net::SocketAddr, path::Path, time::Duration};

use clap::Parser;
use snowflake_messages::{NatType, ProxyPollRequest, SessionDescription, probe};
use snowflake_probetest::{Config, Timers, bind, limits, run};
use snowflake_rendezvous::{Exchange, ExchangeError, limits::PROXY_HEADERS, tls};
use snowflake_snowbox::{
    stun::{self, StunServer},
    udp_socks::{Nat, Plan, UdpSocks},
};
use snowflake_socks5::Proxy;
use snowflake_webrtc::{SetupError, offer};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

const LIMIT: Duration = Duration::from_secs(60);

/// How long a proxy waits that will not be reached.
const IN_VAIN: Duration = Duration::from_secs(4);

/// The probe server and its NATs.
struct World {
    server: SocketAddr,
    stun: StunServer,
    nats: [UdpSocks; 2],
    shutdown: CancellationToken,
    tasks: JoinSet<()>,
}

impl World {
    async fn new(tls: Option<snowflake_tls_server::Tls>) -> Self {
        Self::waiting(tls, Duration::from_secs(10)).await
    }

    /// One that waits so long for a proxy's data channel.
    async fn waiting(tls: Option<snowflake_tls_server::Tls>, open: Duration) -> Self {
        let stun = StunServer::start(stun::LOOPBACK).await.unwrap();
        let nats = [nat(Nat::Strict).await, nat(Nat::Moderate).await];
        let [strict, moderate] = nats.each_ref().map(|nat| Proxy::new(nat.address(), None));
        let timers = Timers { open, ..Timers::default() };
        let stun_servers = stun_servers(&stun);
        let config = Config { tls, strict, moderate, stun_servers, timers };
        let listener = bind("127.0.0.1:0").await.unwrap();
        let server = listener.local_addr().unwrap();
        let (shutdown, mut tasks) = (CancellationToken::new(), JoinSet::new());
        tasks.spawn(run(config, listener, shutdown.clone()));
        Self { server, stun, nats, shutdown, tasks }
    }

    fn url(&self) -> String {
        format!("http://{}/probe", self.server)
    }
}

async fn nat(nat: Nat) -> UdpSocks {
    UdpSocks::start(Plan::on_loopback(nat)).await.unwrap()
}

fn stun_servers(stun: &StunServer) -> Vec<snowflake_webrtc::StunServer> {
    snowflake_webrtc::StunServer::of_urls(&[stun.url()]).unwrap()
}

fn exchange(url: &str, tls: Option<tls::TlsConfig>) -> Exchange {
    let tls = tls.unwrap_or_else(|| tls::with_roots(rustls::RootCertStore::empty()).unwrap());
    Exchange::new(url.parse().unwrap(), [""; 0], tls, PROXY_HEADERS).unwrap()
}

/// A proxy's question from behind a NAT of its own, if any: whether it is reached, and whether it was told where from.
async fn ask(world: &World, behind: Option<Nat>, query: &str, open: Duration) -> (bool, bool) {
    let own_nat = match behind {
        Some(kind) => Some(nat(kind).await),
        None => None,
    };
    let config = snowflake_webrtc::Config {
        keep_local_addresses: true,
        stun_servers: stun_servers(&world.stun),
        upstream: own_nat.as_ref().map(|nat| Proxy::new(nat.address(), None)),
        ..snowflake_webrtc::Config::default()
    };
    let offerer = offer(&config, bytes::Bytes::new()).await.unwrap();
    let question = probe::encode_offer(&SessionDescription::offer(offerer.sdp()).to_text());
    let reply = exchange(&(world.url() + query), None).post("", question).await.unwrap();
    let answer = probe::decode_answer(&reply).unwrap().parse().unwrap();
    let is_told = answer.sdp.contains("a=candidate:");
    match offerer.open(&answer.sdp, open).await {
        Ok(_) => (true, is_told),
        Err(SetupError::Timeout(_) | SetupError::Failed) => (false, is_told),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn each_kind_of_nat_is_told_from_the_others() {
    let world = World::new(None).await;
    let cases = [
        (None, "?InCoSim=strict", true),
        (None, "?InCoSim=moderate", true),
        (Some(Nat::Moderate), "?InCoSim=moderate", true),
        // Without a word, strict is meant.
        (Some(Nat::Moderate), "", false),
        (Some(Nat::Strict), "?InCoSim=moderate", false),
        (Some(Nat::Strict), "?InCoSim=strict", false),
    ];
    for (behind, query, expected) in cases {
        let open = if expected { LIMIT } else { IN_VAIN };
        let (is_reached, is_told) = ask(&world, behind, query, open).await;
        assert_eq!(is_reached, expected, "{behind:?} {query}");
        assert_eq!(is_told, query.ends_with("moderate"), "candidates, {query}");
    }
}

/// The NAT that our proxy tells the broker after it has asked.
#[tokio::test]
async fn our_proxy_learns_its_nat() {
    let mut world = World::new(None).await;
    let relay = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let relay_url = format!("--relay=ws://{}/", relay.local_addr().unwrap());
    world.tasks.spawn(async move {
        // It is only looked whether there is one.
        while let Ok((stream, _)) = relay.accept().await {
            drop(snowflake_websocket::accept(stream).await);
        }
    });
    let broker = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let broker_url = format!("--broker=http://{}/", broker.local_addr().unwrap());
    let probe_url = format!("--nat-probe-server={}", world.url());
    let flags = [
        "snowflake-proxy",
        "--stun=",
        "--keep-local-addresses",
        "--allow-non-tls-relay",
        "--allow-proxying-to-private-addresses",
        "--allowed-relay-hostname-pattern=$",
        &relay_url,
        &broker_url,
        &probe_url,
    ];
    let config = (&snowflake_proxy::Args::parse_from(flags)).try_into().unwrap();
    let proxy = snowflake_proxy::Proxy::new(config).unwrap();
    world.tasks.spawn(proxy.run(Default::default()));
    let polled = async {
        let (mut stream, _) = broker.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"}") {
            assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0, "the request is whole");
        }
        let start = request.windows(4).position(|end| end == b"\r\n\r\n").unwrap();
        ProxyPollRequest::decode(&request[start + 4..]).unwrap().nat
    };
    assert_eq!(timeout(LIMIT, polled).await.unwrap(), NatType::Open);
}

/// The reply to this, whatever it is.
async fn say(world: &World, request: String) -> String {
    let mut stream = TcpStream::connect(world.server).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut reply = String::new();
    timeout(LIMIT, stream.read_to_string(&mut reply)).await.unwrap().unwrap();
    reply.to_lowercase()
}

#[tokio::test]
async fn what_is_no_question_is_refused_and_pages_may_ask() {
    let world = World::new(None).await;
    let post = |path: &str, body: &str| {
        let length = body.len();
        format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        )
    };
    let no_offer = r#"{"Status":"client match","Offer":""}"#;
    let no_sdp = r#"{"Status":"client match","Offer":"{\"type\":\"offer\",\"sdp\":\"v=0\"}"}"#;
    for body in ["", "{}", no_offer, no_sdp, &"x".repeat(100_001)] {
        let reply = say(&world, post("/probe", body)).await;
        assert!(reply.starts_with("http/1.1 400 "), "{reply}");
        assert!(reply.contains("\r\naccess-control-allow-origin: *\r\n"), "{reply}");
    }
    assert!(say(&world, post("/", "{}")).await.starts_with("http/1.1 404 "));
}

#[tokio::test]
async fn without_the_nats_nothing_is_answered() {
    let mut world = World::new(None).await;
    let question = question().await;
    world.nats = [nat(Nat::Strict).await, nat(Nat::Moderate).await];
    for query in ["?InCoSim=strict", "?InCoSim=moderate"] {
        let server = exchange(&(world.url() + query), None);
        let refused = server.post("", question.clone()).await;
        assert!(matches!(refused, Err(ExchangeError::Status(500))), "{refused:?}");
    }
}

/// The question of a proxy that does not open the channel.
async fn question() -> String {
    let config = snowflake_webrtc::Config {
        keep_local_addresses: true,
        ..snowflake_webrtc::Config::default()
    };
    let offerer = offer(&config, bytes::Bytes::new()).await.unwrap();
    probe::encode_offer(&SessionDescription::offer(offerer.sdp()).to_text())
}

/// A connection that says nothing is closed, and an answered question is not waited for any more, long before either would
/// end by itself.
#[tokio::test]
async fn the_end_of_the_server_is_the_end_of_all_that_it_has_begun() {
    for is_told in [true, false] {
        let mut world = World::waiting(None, Duration::from_secs(3600)).await;
        let mut idle = TcpStream::connect(world.server).await.unwrap();
        let asked = exchange(&(world.url() + "?InCoSim=strict"), None);
        asked.post("", question().await).await.unwrap();
        if is_told {
            world.shutdown.cancel();
        } else {
            world.tasks.abort_all();
        }
        let ended = timeout(limits::HEAD / 2, async {
            let ended = world.tasks.join_next().await.unwrap();
            assert_eq!(ended.is_ok(), is_told);
            idle.read(&mut [0]).await
        });
        assert_eq!(ended.await.unwrap().unwrap(), 0, "told: {is_told}");
    }
}

fn certificate(dir: &Path) -> (snowflake_tls_server::Tls, tls::TlsConfig) {
    let pair = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let issued = params.self_signed(&pair).unwrap();
    let (cert, key) = (dir.join("cert.pem"), dir.join("key.pem"));
    std::fs::write(&cert, issued.pem()).unwrap();
    std::fs::write(&key, pair.serialize_pem()).unwrap();
    let http = [snowflake_tls_server::HTTP1];
    let server = snowflake_tls_server::Tls::from_files(&cert, &key, &http).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(issued.der().clone()).unwrap();
    (server, tls::with_roots(roots).unwrap())
}

#[tokio::test]
async fn tls_is_spoken_to_those_who_want_it() {
    let dir = tempfile::tempdir().unwrap();
    let (server, trust) = certificate(dir.path());
    let world = World::new(Some(server)).await;
    let url = format!("https://localhost:{}/probe", world.server.port());
    let refused = exchange(&url, Some(trust)).post("", "{}").await;
    assert!(matches!(refused, Err(ExchangeError::Status(400))), "{refused:?}");
}

//! Our client's way to a broker through a front that checks names: in both versions of HTTP, with the front's name in the
//! ClientHello and without any, directly and through each kind of a user's proxy. The broker is ours.

#![expect(clippy::unwrap_used, reason = "a test helper that fails is a failed test")]

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use rustls::RootCertStore;
use snowflake_messages::{
    ClientPollRequest, ClientPollResponse, Fingerprint, NatType, SessionDescription,
};
use snowflake_rendezvous::{
    Credentials, Exchange, ExchangeError, Http, Poll, Rendezvous, RendezvousError, Upstream,
    UpstreamKind, limits, tls,
};
use snowflake_snowbox::{
    front::{BROKER, FRONT, Front, HTTP1, HTTP2, Plan},
    udp_socks::{Nat, Plan as SocksPlan, UdpSocks},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream, copy_bidirectional},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_util::sync::{CancellationToken, DropGuard};
use url::Url;

const USER: [&str; 2] = ["user", "p@ss"];
const USERS_WORD: &str = "Proxy-Authorization: Basic dXNlcjpwQHNz";

const BOTH: &[&[u8]] = &[HTTP2, HTTP1];
const OLD: &[&[u8]] = &[HTTP1];
const NEW: &[&[u8]] = &[HTTP2];

/// A broker without proxies. It runs as long as the token's guard is there.
async fn broker() -> (SocketAddr, DropGuard) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    tokio::spawn(snowflake_broker::run(Default::default(), listener, shutdown.clone()));
    (address, shutdown.drop_guard())
}

/// A user's proxy for connections, and how many it has made.
struct UsersProxy {
    upstream: Upstream,
    made: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

impl UsersProxy {
    /// HTTP with a password, or SOCKS4a, which knows none.
    async fn start(kind: UpstreamKind) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let upstream = Upstream::new(kind, listener.local_addr().unwrap());
        let made = Arc::<AtomicUsize>::default();
        let (mut tasks, count) = (JoinSet::new(), made.clone());
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let count = count.clone();
                connections.spawn(async move { drop(serve(stream, kind, &count).await) });
            }
        });
        Self { upstream, made, _tasks: tasks }
    }
}

async fn serve(stream: TcpStream, kind: UpstreamKind, made: &AtomicUsize) -> io::Result<()> {
    let mut stream = BufStream::new(stream);
    let (name, port, granted) = match kind {
        UpstreamKind::Http => {
            let (name, port) = read_connect(&mut stream).await?;
            (name, port, &b"HTTP/1.1 200 OK\r\n\r\n"[..])
        }
        _ => {
            let (name, port) = read_socks4a(&mut stream).await?;
            (name, port, &b"\0\x5a\0\0\0\0\0\0"[..])
        }
    };
    assert_eq!(name, FRONT, "nobody but the proxy looks it up, and it hears of no broker");
    let mut there = TcpStream::connect((name, port)).await?;
    made.fetch_add(1, Relaxed);
    stream.write_all(granted).await?;
    stream.flush().await?;
    copy_bidirectional(&mut stream, &mut there).await.map(drop)
}

async fn read_connect(stream: &mut BufStream<TcpStream>) -> io::Result<(String, u16)> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        match line.trim_end() {
            "" => break,
            text => lines.push(text.to_owned()),
        }
    }
    assert!(lines.iter().any(|line| line.eq_ignore_ascii_case(USERS_WORD)), "{lines:?}");
    let target = lines[0].strip_prefix("CONNECT ").unwrap().split(' ').next().unwrap();
    let (name, port) = target.split_once(':').unwrap();
    Ok((name.to_owned(), port.parse().unwrap()))
}

async fn read_socks4a(stream: &mut BufStream<TcpStream>) -> io::Result<(String, u16)> {
    let mut start = [0; 8];
    stream.read_exact(&mut start).await?;
    let [4, 1, high, low, 0, 0, 0, 1..=255] = start else { panic!("{start:?}") };
    let (mut user, mut name) = (Vec::new(), Vec::new());
    stream.read_until(0, &mut user).await?;
    stream.read_until(0, &mut name).await?;
    name.pop();
    Ok((String::from_utf8(name).unwrap(), u16::from_be_bytes([high, low])))
}

/// The client's rendezvous by HTTPS with the broker at `url`, through the front.
fn way(front: &Front, url: &str, hides_server_name: bool, upstream: Option<&Upstream>) -> Http {
    let mut roots = RootCertStore::empty();
    roots.add(front.certificate().clone()).unwrap();
    let names = [format!("{FRONT}:{}", front.address().port())];
    let (url, trust) = (Url::parse(url).unwrap(), tls::with_roots(roots).unwrap());
    let mut exchange = Exchange::new(url, names, trust, limits::CLIENT_HEADERS).unwrap();
    if let Some(upstream) = upstream {
        exchange = exchange.through(upstream.clone());
    }
    if hides_server_name {
        exchange = exchange.without_server_name();
    }
    Http::new(exchange)
}

/// A client's poll; the response is the broker's own.
async fn poll(way: &Http) -> Result<(), RendezvousError> {
    let offer = SessionDescription::offer("v=0\r\na=candidate:1 1 udp 1 192.0.2.1 1 typ host\r\n");
    let offer = offer.to_text();
    let poll =
        ClientPollRequest { offer, nat: NatType::Unknown, fingerprint: Fingerprint::DEFAULT };
    let response = way.exchange(Poll::new(poll.encode())).await?;
    let no_proxies = ClientPollResponse::Error("no snowflake proxies currently available".into());
    assert_eq!(response, no_proxies.encode());
    Ok(())
}

#[tokio::test]
async fn every_version_every_name_every_proxy() {
    let (broker, _running) = broker().await;
    let http = UsersProxy::start(UpstreamKind::Http).await;
    let socks4a = UsersProxy::start(UpstreamKind::Socks4a).await;
    let user = Some(USER.map(str::to_owned));
    let plan = SocksPlan { user, ..SocksPlan::on_loopback(Nat::Moderate) };
    let socks5 = UdpSocks::start(plan).await.unwrap();
    let [user, password] = USER.map(str::to_owned);
    let credentials = Credentials { user, password };
    let upstreams = [
        None,
        Some(http.upstream.clone().with_credentials(credentials.clone())),
        Some(socks4a.upstream.clone()),
        Some(Upstream::new(UpstreamKind::Socks5, socks5.address()).with_credentials(credentials)),
    ];
    let url = format!("https://{BROKER}/");
    for (protocols, used) in [(BOTH, [0, 4]), (OLD, [4, 0])] {
        for server_name in [Some(FRONT), None] {
            let front = Front::start(Plan { server_name, protocols }, broker).await.unwrap();
            for upstream in &upstreams {
                let way = way(&front, &url, server_name.is_none(), upstream.as_ref());
                poll(&way).await.unwrap();
            }
            assert_eq!((front.seen().passed_on(), front.seen().misdirected()), (used, 0));
        }
    }
    let made =
        [http.made.load(Relaxed), socks4a.made.load(Relaxed), socks5.carried().connections()];
    assert_eq!(made, [4; 3], "each combination of version and name once");
}

#[tokio::test]
async fn who_names_something_else_is_turned_away() {
    let (broker, _running) = broker().await;
    for protocols in [NEW, OLD] {
        let shown =
            Front::start(Plan { server_name: Some(FRONT), protocols }, broker).await.unwrap();
        let hidden = Front::start(Plan { server_name: None, protocols }, broker).await.unwrap();
        let own = format!("https://{FRONT}:{}/", shown.address().port());
        let brokers = format!("https://{BROKER}/");
        for (front, url, hides_server_name) in
            [(&shown, &own, false), (&shown, &brokers, true), (&hidden, &brokers, false)]
        {
            let refused = poll(&way(front, url, hides_server_name, None)).await;
            let is_misdirected =
                matches!(refused, Err(RendezvousError::Exchange(ExchangeError::Status(421))));
            assert!(is_misdirected, "{url} {hides_server_name}: {refused:?}");
        }
        assert_eq!((shown.seen().passed_on(), shown.seen().misdirected()), ([0, 0], 2));
        assert_eq!((hidden.seen().passed_on(), hidden.seen().misdirected()), ([0, 0], 1));
    }
}

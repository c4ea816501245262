//! Behind a load balancer that names its clients in a header: whose word counts, and what becomes of
//! those who say nothing, or nonsense. What is in a header is tested beside the parser.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use snowflake_broker::{Config, TrustedHops};
use snowflake_messages::PollOutcome;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::program::{Running, SERVING};
use crate::support::*;
use crate::tls;

/// The load balancer, and somebody else.
const BALANCER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 1);
const STRANGER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// Everybody polls once in an interval, and no poll is held.
pub(crate) fn behind_a_balancer() -> Config {
    let mut config = limited();
    config.balancers = vec!["127.0.0.1".parse().unwrap()];
    config.limits.proxy_wait = Duration::from_millis(1);
    config
}

/// A connection from one of this machine's addresses.
pub(crate) async fn connect(from: Ipv4Addr, to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((from, 0).into()).unwrap();
    socket.connect(to).await.unwrap()
}

async fn open(broker: &TestBroker, from: Ipv4Addr) -> Connection<TcpStream> {
    Connection(connect(from, broker.addr).await)
}

fn version_1(source: &str) -> Vec<u8> {
    let family = if source.contains(':') { "TCP6" } else { "TCP4" };
    let destination = if source.contains(':') { "2001:db8::9" } else { "192.0.2.9" };
    format!("PROXY {family} {source} {destination} 12345 443\r\n").into_bytes()
}

fn version_2(source: [u8; 4]) -> Vec<u8> {
    let start = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c";
    [&start[..], &source, &[192, 0, 2, 9, 0x30, 0x39, 1, 0xbb]].concat()
}

/// Whether a poll is the first of its address in an interval.
pub(crate) async fn is_first<S>(connection: &mut Connection<S>) -> bool
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    connection.post("/proxy", proxy_poll("s").encode()).await;
    connection.reply().await.poll().outcome == PollOutcome::NoMatch
}

/// The same for a poll that comes after this header.
async fn is_first_after(broker: &TestBroker, header: impl AsRef<[u8]>) -> bool {
    let mut connection = open(broker, BALANCER).await;
    connection.send(header).await;
    is_first(&mut connection).await
}

/// Nothing comes any more, and nothing was said.
async fn is_closed(mut connection: Connection<TcpStream>) {
    let mut bytes = Vec::new();
    let closed = timeout(PATIENCE, connection.0.read_to_end(&mut bytes)).await;
    // Bytes that nobody has read make the end an abrupt one.
    let _ = closed.expect("the broker closes");
    assert!(bytes.is_empty(), "{}", bytes.escape_ascii());
}

#[tokio::test]
async fn the_address_in_the_header_is_the_clients() {
    let broker = TestBroker::with(behind_a_balancer()).await;
    assert!(is_first_after(&broker, version_1("198.51.100.1")).await);
    assert!(is_first_after(&broker, version_2([198, 51, 100, 2])).await);
    assert!(is_first_after(&broker, version_1("2001:db8::1")).await);
    // The same clients, whatever the version.
    assert!(!is_first_after(&broker, version_2([198, 51, 100, 1])).await);
    assert!(!is_first_after(&broker, version_1("198.51.100.2")).await);
    assert!(!is_first_after(&broker, version_1("2001:db8::1")).await);
    // The balancer's own.
    assert!(is_first_after(&broker, "PROXY UNKNOWN\r\n").await);
    assert!(!is_first_after(&broker, b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0").await);
}

#[tokio::test]
async fn the_header_comes_before_tls() {
    let (broker, certificate) = tls::start(behind_a_balancer()).await;
    let first_after = async |alpn: &[u8], header: Vec<u8>| {
        let mut tcp = connect(BALANCER, broker.addr).await;
        tcp.write_all(&header).await.unwrap();
        is_first(&mut Connection(tls::connect_over(tcp, &certificate, alpn).await)).await
    };
    assert!(first_after(b"http/1.1", version_1("198.51.100.1")).await);
    assert!(!first_after(b"http/1.1", version_2([198, 51, 100, 1])).await);
    let h2 = async |header: Vec<u8>| {
        let mut tcp = connect(BALANCER, broker.addr).await;
        tcp.write_all(&header).await.unwrap();
        let sender = tls::h2_over(tls::connect_over(tcp, &certificate, b"h2").await).await;
        tls::post(sender, "/proxy", proxy_poll("s").encode().into_bytes()).await.is_no_match()
    };
    assert!(h2(version_2([198, 51, 100, 2])).await);
    assert!(!h2(version_2([198, 51, 100, 2])).await);
    // TLS within which a header stands is no way.
    let mut late = Connection(
        tls::connect_over(connect(STRANGER, broker.addr).await, &certificate, b"http/1.1").await,
    );
    late.send(version_1("198.51.100.3")).await;
    assert_eq!(late.reply().await.status, 400);
}

#[tokio::test]
async fn a_header_of_a_stranger_is_bad_http() {
    let broker = TestBroker::with(behind_a_balancer()).await;
    for header in [version_1("198.51.100.1"), version_2([198, 51, 100, 1])] {
        let mut stranger = open(&broker, STRANGER).await;
        stranger.send([&header[..], b"GET /debug HTTP/1.1\r\nHost: b\r\n\r\n"].concat()).await;
        assert_eq!(stranger.reply().await.status, 400);
    }
    // Without one all is as ever.
    assert!(is_first(&mut open(&broker, STRANGER).await).await);
    assert!(!is_first(&mut open(&broker, STRANGER).await).await);
}

#[tokio::test]
async fn a_balancer_without_a_good_header_is_cut_off() {
    let mut config = behind_a_balancer();
    config.limits.proxy_header = Duration::from_millis(50);
    let broker = TestBroker::with(config).await;
    for sent in [
        &b"GET /debug HTTP/1.1\r\nHost: b\r\n\r\n"[..],
        b"PROXY TCP4 nobody nowhere 0 0\r\nGET /debug HTTP/1.1\r\nHost: b\r\n\r\n",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff",
        // These come too slowly.
        b"PROXY TCP4 198.51.100.1",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c",
        b"",
    ] {
        let mut connection = open(&broker, BALANCER).await;
        connection.send(sent).await;
        is_closed(connection).await;
    }
    assert!(is_first_after(&broker, version_1("198.51.100.1")).await);
    broker.stop().await;
}

#[tokio::test]
async fn the_header_says_whether_forwarded_for_is_believed() {
    let polls_after = async |config: Config, header: Vec<u8>, forwarded: [&str; 2]| {
        let broker = TestBroker::with(config).await;
        let mut outcomes = Vec::new();
        for address in forwarded {
            let mut connection = open(&broker, BALANCER).await;
            connection.send(&header).await;
            connection.poll_from(address, &proxy_poll("s")).await;
            outcomes.push(connection.reply().await.poll().outcome == PollOutcome::NoMatch);
        }
        outcomes
    };
    let polls = |config, source, forwarded| polls_after(config, version_1(source), forwarded);
    let inventions = ["192.0.2.1", "192.0.2.2"];
    let unnamed = polls_after(behind_a_balancer(), b"PROXY UNKNOWN\r\n".to_vec(), inventions).await;
    assert_eq!(unnamed, [true, false], "who is not named may be anybody");
    let stranger = polls(behind_a_balancer(), "198.51.100.1", inventions).await;
    assert_eq!(stranger, [true, false], "a client cannot choose its address");
    let nginx = polls(behind_a_balancer(), "10.0.0.7", inventions).await;
    assert_eq!(nginx, [true, true], "a reverse proxy in front of the balancer is believed");
    let same = polls(behind_a_balancer(), "10.0.0.7", ["192.0.2.1"; 2]).await;
    assert_eq!(same, [true, false]);
    let none = Config { trusted_hops: TrustedHops::Always(0), ..behind_a_balancer() };
    assert_eq!(polls(none, "10.0.0.7", inventions).await, [true, false]);
    let one = Config { trusted_hops: TrustedHops::Always(1), ..behind_a_balancer() };
    assert_eq!(polls(one, "198.51.100.1", inventions).await, [true, true]);
}

#[tokio::test]
async fn the_log_names_a_balancer_that_sends_no_header() {
    let flags = ["-addr", "127.0.0.1:0", "-proxy-protocol", "10.0.0.0/8,127.0.0.1"];
    for (more, name) in [(&["-unsafe-logging"][..], "127.0.0.1"), (&[], "[scrubbed]")] {
        let mut broker = Running::start(&[&SERVING[..], &flags, more].concat());
        let line = broker.line("listens on port").await;
        let port: u16 = line.rsplit(' ').next().unwrap().parse().unwrap();
        let tcp = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let mut connection = Connection(tcp);
        connection.send("GET /debug HTTP/1.1\r\nHost: b\r\n\r\n").await;
        is_closed(connection).await;
        let line = broker.line("sends no PROXY header").await;
        let named = format!("load balancer {name} (-proxy-protocol, entry 2) is not served: ");
        assert!(line.contains(" warning: ") && line.contains(&named), "{line}");
        assert!(line.contains("send-proxy-v2"), "{line}");
    }
}

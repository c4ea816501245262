//! Several ORPorts: the least loaded gets the next stream, a dead one is skipped.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do: at once, and saying where"
)]

use snowflake_pt::{OrPort, OrPorts, orports::Place};
use tokio::net::{TcpListener, TcpStream};

/// ORPorts that take whatever comes.
struct Tors(Vec<TcpListener>);

impl Tors {
    async fn start(count: usize) -> (Self, OrPorts) {
        let mut listeners = Vec::new();
        for _ in 0..count {
            listeners.push(TcpListener::bind("127.0.0.1:0").await.unwrap());
        }
        let tors = Self(listeners);
        let or_ports =
            OrPorts::new((0..count).map(|index| OrPort::Plain(tors.address(index))), None);
        (tors, or_ports)
    }

    fn address(&self, index: usize) -> std::net::SocketAddr {
        self.0[index].local_addr().unwrap()
    }

    /// A stream, and to which of these it went.
    async fn stream(&self, or_ports: &OrPorts) -> (usize, (TcpStream, Place)) {
        let stream = or_ports.dial(None).await.unwrap();
        let peer = stream.0.peer_addr().unwrap();
        (self.0.iter().position(|tor| tor.local_addr().unwrap() == peer).unwrap(), stream)
    }
}

#[tokio::test]
async fn the_least_loaded_gets_the_next_stream() {
    let (tors, or_ports) = Tors::start(3).await;
    let mut streams = Vec::new();
    for _ in 0..6 {
        streams.push(tors.stream(&or_ports).await);
    }
    for index in 0..3 {
        assert_eq!(streams.iter().filter(|(tor, _)| *tor == index).count(), 2);
    }
    // Who has lost most is the next, as often as it takes to be even.
    streams.retain(|(tor, _)| *tor != 1);
    for _ in 0..2 {
        streams.push(tors.stream(&or_ports).await);
        assert_eq!(streams.last().unwrap().0, 1);
    }
}

#[tokio::test]
async fn a_dead_one_is_skipped() {
    let (mut tors, or_ports) = Tors::start(2).await;
    let dead = tors.address(0);
    tors.0.remove(0);
    let (_, first) = tors.stream(&or_ports).await;
    let (_, second) = tors.stream(&or_ports).await;
    // It is there again, has fewer streams, and yet comes last.
    tors.0.push(TcpListener::bind(dead).await.unwrap());
    assert_eq!(tors.stream(&or_ports).await.0, 0);
    drop((first, second));
}

#[tokio::test]
async fn dead_ones_are_tried_when_all_are_dead() {
    let (mut tors, or_ports) = Tors::start(2).await;
    let address = tors.address(1);
    tors.0.clear();
    let error = or_ports.dial(None).await.unwrap_err();
    assert!(error.to_string().starts_with("cannot connect to the ORPort 127.0.0.1:"), "{error}");
    tors.0.push(TcpListener::bind(address).await.unwrap());
    assert_eq!(tors.stream(&or_ports).await.0, 0);
}

#[tokio::test]
async fn without_any_there_is_an_error() {
    let error = OrPorts::new([], None).dial(None).await.unwrap_err();
    assert_eq!(error.to_string(), "no ORPort is known");
}

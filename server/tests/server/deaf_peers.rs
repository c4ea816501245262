//! Peers that allow the server to send everything, and take nothing.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use snowflake_turbotunnel::{ClientId, Dial, preamble};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use crate::{
    idle_sessions::resident,
    program::Program,
    rig::{Mortal, Proxies, in_time},
    tor::listen,
};

const PEERS: usize = 40;

/// The most that the server may hold for each, in KiB. Their windows allow 2 GiB, and KCP's 90 MB; Go's server holds
/// that.
const BOUND: usize = 512;

/// When tor has not got rid of a byte for so long, the server takes no more.
const FULL: Duration = Duration::from_secs(2);

/// A session's first packet, in a chunk: all of KCP's window; a new stream of version 2, and a window of 2 GiB for it.
#[rustfmt::skip]
const GREEDY: [u8; 49] = [
    0x80 | 48,
    1, 2, 3, 4, 81, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 24, 0, 0, 0,
    2, 0, 0, 0, 3, 0, 0, 0,
    2, 4, 8, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0x7f,
];

/// One that says nothing after its first packet.
async fn peer(address: SocketAddr) -> Mortal {
    let mut websocket = Proxies::of(address).dial(preamble(ClientId::random())).await.unwrap();
    websocket.send(Bytes::from_static(&GREEDY)).await.unwrap();
    websocket
}

/// Sends until nobody takes it; how much that was.
async fn fill(mut stream: TcpStream) -> usize {
    let mut sent = 0;
    while let Ok(written) = tokio::time::timeout(FULL, stream.write(&[7; 16 << 10])).await {
        sent += written.unwrap();
    }
    sent
}

/// tor's side of as many streams: how much each of them took.
async fn fill_all(tor: TcpListener) -> Vec<usize> {
    let mut streams = JoinSet::new();
    for _ in 0..PEERS {
        streams.spawn(fill(in_time(tor.accept()).await.unwrap().0));
    }
    in_time(streams.join_all()).await
}

/// Every other one reads its WebSocket and acknowledges nothing; the others do not even read.
#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_announces_huge_windows_and_takes_nothing_holds_little_memory() {
    let ((tor, or_port), address) = (listen().await, listen().await.1);
    let env = [
        ("TOR_PT_SERVER_BINDADDR", &*format!("snowflake-{address}")),
        ("TOR_PT_ORPORT", &*or_port.to_string()),
    ];
    let mut program = Program::start(&["-disable-tls"], &env);
    program.methods().await;
    let pid = program.child.id().unwrap();
    let before = resident(pid);
    let filling = tokio::spawn(fill_all(tor));
    let (mut deaf, mut readers) = (Vec::new(), JoinSet::new());
    for n in 0..PEERS {
        let mut peer = in_time(peer(address)).await;
        if n % 2 == 0 {
            deaf.push(peer);
        } else {
            readers.spawn(async move { while let Some(Ok(_)) = peer.next().await {} });
        }
    }
    let taken = in_time(filling).await.unwrap();
    assert!(taken.iter().all(|taken| *taken > 0), "each has a stream: {taken:?}");
    let each = (resident(pid) - before) / PEERS;
    println!("{each} KiB of resident memory for each of {PEERS} deaf peers");
    assert!(each <= BOUND, "{each} KiB for each deaf peer");
}

//! The server in another program: whatever likes stands behind it.

use std::{net::SocketAddr, sync::atomic::Ordering, time::Duration};

use snowflake_server::{
    ACCEPT_BACKLOG, ClientId, Config, Limits, ListenError, Listener, Stream, Transport,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy, split},
    net::TcpStream,
    task::JoinSet,
};
use tokio_util::task::AbortOnDropHandle;

use crate::{
    rig::{Client, Proxies, in_time},
    streams::{exchange, pattern},
    tor::listen,
};

/// A listener on loopback, and where it is.
async fn listener(limits: Limits) -> (Listener, SocketAddr) {
    let transport = Transport::new(Config { limits, ..Config::default() }).unwrap();
    let listener = transport.listen(([127, 0, 0, 1], 0).into()).await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Sends everything back.
async fn echo(stream: Stream) {
    let (mut from, mut to) = split(stream);
    let _ = copy(&mut from, &mut to).await;
    let _ = to.shutdown().await;
}

/// Has everything sent back that comes, until it is dropped.
fn echo_service(mut listener: Listener) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(async move {
        let mut streams = JoinSet::new();
        while let Some(stream) = listener.accept().await {
            streams.spawn(echo(stream));
        }
    }))
}

/// A stream from the client, and the same at the server, through which a byte went.
async fn pair(client: &Client, listener: &mut Listener) -> (snowflake_session::Stream, Stream) {
    let mut here = client.stream();
    here.write_all(b"!").await.unwrap();
    let mut there = in_time(listener.accept()).await.unwrap();
    assert_eq!(in_time(there.read_u8()).await.unwrap(), b'!');
    (here, there)
}

#[tokio::test]
async fn an_echo_service_stands_behind_it() {
    let (listener, address) = listener(Limits::default()).await;
    let _service = echo_service(listener);
    let (proxies, used) = Proxies::of(address).dying_after(300_000);
    let clients = [Client::new(proxies), Client::new(Proxies::of(address))];
    let exchanges = clients.iter().enumerate().map(|(n, client)| async move {
        let data = pattern(1_000_000, n);
        assert!(exchange(client.stream(), &data).await == data, "client {n}");
    });
    futures_util::future::join_all(exchanges).await;
    assert!(used.load(Ordering::Relaxed) > 2, "proxies died in mid-transfer");
}

#[tokio::test]
async fn a_stream_says_whose_it_is_and_hides_it_from_the_log() {
    let (mut listener, address) = listener(Limits::default()).await;
    let id = ClientId::random();
    let client = Client::named(id, Proxies::of(address).with_client_ip("192.0.2.7"));
    let other = Client::new(Proxies::of(address));
    let (_first, first) = pair(&client, &mut listener).await;
    let (_second, second) = pair(&client, &mut listener).await;
    let (_of_other, of_other) = pair(&other, &mut listener).await;
    assert!(first.client() == id && second.client() == id && of_other.client() != id);
    let known = Some([192, 0, 2, 7].into());
    let addresses = [&first, &second, &of_other].map(Stream::client_address);
    assert_eq!(addresses, [known, known, None]);
    let text = format!("{first:?}");
    assert!(!text.contains("192.0.2.7") && text.contains("address: [scrubbed]"), "{text}");
}

#[tokio::test]
async fn listeners_in_one_process_share_nothing() {
    let (mut one, first) = listener(Limits::default()).await;
    let (mut other, second) = listener(Limits::default()).await;
    assert_ne!(first, second);
    // Of the same name at both.
    let id = ClientId::random();
    let clients = [first, second].map(|address| Client::named(id, Proxies::of(address)));
    let (_here, _there) = pair(&clients[0], &mut one).await;
    let (mut here, mut there) = pair(&clients[1], &mut other).await;
    in_time(one.stop()).await;
    assert!(TcpStream::connect(first).await.is_err(), "nobody listens any more");
    there.write_all(b"unharmed").await.unwrap();
    let mut text = [0; 8];
    in_time(here.read_exact(&mut text)).await.unwrap();
    assert_eq!(&text, b"unharmed");
    in_time(other.stop()).await;
}

/// Also when its proxy dies meanwhile.
#[tokio::test]
async fn who_is_served_may_finish_and_who_comes_is_refused() {
    const LENGTH: usize = 1_000_000;
    let (mut listener, address) = listener(Limits::default()).await;
    let (proxies, used) = Proxies::of(address).dying_after(LENGTH / 3);
    let client = Client::new(proxies);
    let (mut here, mut there) = pair(&client, &mut listener).await;
    let finishing = tokio::spawn(listener.finish());
    assert_eq!(exchange(client.stream(), b"late").await, b"", "it is refused");
    assert!(!finishing.is_finished(), "a stream is in use");

    let data = pattern(LENGTH, 3);
    let sending = async {
        there.write_all(&data).await.unwrap();
        drop(there);
    };
    let mut received = Vec::new();
    let receiving = here.read_to_end(&mut received);
    in_time(async { tokio::join!(sending, receiving).1 }).await.unwrap();
    assert!(received == data, "{} bytes of {LENGTH}", received.len());
    assert!(used.load(Ordering::Relaxed) > 2, "its proxies died");
    in_time(finishing).await.unwrap();
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn who_does_not_finish_in_time_is_closed() {
    let limits = Limits { finish: Duration::from_millis(200), ..Limits::default() };
    let (mut listener, address) = listener(limits).await;
    let client = Client::new(Proxies::of(address));
    let (_here, mut there) = pair(&client, &mut listener).await;
    in_time(listener.finish()).await;
    assert!(in_time(there.read(&mut [0])).await.is_err(), "its session is over");
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn dropping_it_ends_everything() {
    let (mut listener, address) = listener(Limits::default()).await;
    let client = Client::new(Proxies::of(address));
    let (_here, mut there) = pair(&client, &mut listener).await;
    drop(listener);
    assert!(in_time(there.read(&mut [0])).await.is_err(), "its session is over");
    // Nobody waits for the port to be closed.
    in_time(async { while TcpStream::connect(address).await.is_ok() {} }).await;
}

/// Nobody accepts anything until all of them have come.
#[tokio::test]
async fn as_many_streams_wait_as_the_backlog_holds_and_the_rest_is_refused() {
    const EACH: usize = 600;
    let (mut listener, address) = listener(Limits::default()).await;
    let clients = [(); 2].map(|()| Client::new(Proxies::of(address)));
    let mut streams = JoinSet::new();
    for client in &clients {
        for _ in 0..EACH {
            let mut stream = client.stream();
            streams.spawn(async move {
                stream.write_all(b"!").await.unwrap();
                assert_eq!(stream.read(&mut [0]).await.unwrap(), 0, "refused");
            });
        }
    }
    for _ in ACCEPT_BACKLOG..2 * EACH {
        in_time(streams.join_next()).await.unwrap().unwrap();
    }
    let mut accepted = Vec::new();
    for _ in 0..ACCEPT_BACKLOG {
        accepted.push(in_time(listener.accept()).await.unwrap());
    }
    assert!(streams.try_join_next().is_none(), "of the others none was refused");
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let (_socket, address) = listen().await;
    let transport = Transport::new(Config::default()).unwrap();
    let refused = transport.listen(address).await.unwrap_err();
    let text = format!("cannot listen on {address}: another program listens there already");
    assert_eq!(refused.to_string(), text);
    let ListenError { address: named, .. } = refused;
    assert_eq!(named, address);
}

//! How a listener finishes: gently, with what there is.

use bytes::{Bytes, BytesMut};
use futures_util::{SinkExt, TryStreamExt, stream::MapOk};
use snowflake_session::{Config, LINGER, Listener, Session, open};
use snowflake_turbotunnel::{
    ClientId, Dial, QueueConfig, QueuePacketConn, RedialConfig, RedialPacketConn, read_preamble,
};
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::{Instant, timeout};
use tokio_util::codec::{BytesCodec, Framed};
use tokio_util::task::AbortOnDropHandle;

type Pipe = MapOk<Framed<DuplexStream, BytesCodec>, fn(BytesMut) -> Bytes>;

fn pipe(io: DuplexStream) -> Pipe {
    Framed::new(io, BytesCodec::new()).map_ok(BytesMut::freeze as fn(BytesMut) -> Bytes)
}

/// Carriers in memory to this server.
struct Dialer(QueuePacketConn);

impl Dial for Dialer {
    type Carrier = Pipe;
    type Error = io::Error;

    async fn dial(&self, preamble: Bytes) -> io::Result<Pipe> {
        let (near, far) = tokio::io::duplex(65536);
        let (mut near, mut far) = (pipe(near), pipe(far));
        let server = self.0.clone();
        tokio::spawn(async move {
            let (id, rest) = read_preamble(&mut far, Duration::from_secs(30)).await.unwrap();
            server.serve(id, far, rest).await
        });
        near.send(preamble).await?;
        Ok(near)
    }
}

/// A client's session and what keeps it going.
fn client(server: &QueuePacketConn) -> (Session, AbortOnDropHandle<()>) {
    let dialer = Dialer(server.clone());
    let conn = RedialPacketConn::new(ClientId::random(), dialer, RedialConfig::default());
    let (session, driver) = open(conn, &Config::client());
    let driving = async {
        driver.await;
    };
    (session, AbortOnDropHandle::new(tokio::spawn(driving)))
}

fn server() -> (QueuePacketConn, Listener) {
    let (server, clients) = QueuePacketConn::new(QueueConfig::default());
    (server, Listener::new(clients, Config::server()))
}

#[tokio::test(start_paused = true)]
async fn what_is_there_may_finish_and_what_is_new_is_refused() {
    let (server, mut listener) = server();
    let (session, _driver) = client(&server);
    let mut accepted = session.open_stream().unwrap();
    accepted.write_all(b"1").await.unwrap();
    let (mut there, _) = listener.accept().await.unwrap();
    assert_eq!(there.read_u8().await.unwrap(), b'1');
    let mut waiting = session.open_stream().unwrap();
    waiting.write_all(b"2").await.unwrap();
    // As its answer comes, the stream before it waits to be accepted.
    accepted.write_all(b"3").await.unwrap();
    assert_eq!(there.read_u8().await.unwrap(), b'3');

    let finishing = tokio::spawn(listener.finish());
    assert_eq!(waiting.read(&mut [0]).await.unwrap(), 0, "nobody accepted it");
    let mut late = session.open_stream().unwrap();
    late.write_all(b"4").await.unwrap();
    assert_eq!(late.read(&mut [0]).await.unwrap(), 0);
    assert!(timeout(LINGER * 2, client_is_served(&server)).await.is_err(), "it is new");
    assert!(!finishing.is_finished(), "a stream is in use");

    let reading = tokio::spawn(async move {
        let mut received = Vec::new();
        accepted.read_to_end(&mut received).await.map(|_| received)
    });
    there.write_all(&[7; 1 << 20]).await.unwrap();
    drop(there);
    finishing.await.unwrap();
    assert!(reading.await.unwrap().unwrap() == [7; 1 << 20], "all that was written has arrived");
}

/// Ends when a new client gets an answer, whichever.
async fn client_is_served(server: &QueuePacketConn) {
    let (session, _driver) = client(server);
    let mut stream = session.open_stream().unwrap();
    stream.write_all(b"hello").await.unwrap();
    let _ = stream.read_u8().await;
}

#[tokio::test(start_paused = true)]
async fn sessions_without_streams_are_not_waited_for() {
    let (server, mut listener) = server();
    let (session, _driver) = client(&server);
    let mut stream = session.open_stream().unwrap();
    stream.shutdown().await.unwrap();
    drop(listener.accept().await.unwrap());
    assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
    // Its peer has acknowledged everything by then, and would keep the session for minutes.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let begun = Instant::now();
    listener.finish().await;
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_gone_has_the_time_of_lingering() {
    let (server, mut listener) = server();
    let (session, driver) = client(&server);
    let mut stream = session.open_stream().unwrap();
    stream.write_all(b"hello").await.unwrap();
    let (mut there, _) = listener.accept().await.unwrap();
    drop((driver, session, stream));
    there.write_all(b"nobody is there").await.unwrap();
    let begun = Instant::now();
    drop(there);
    listener.finish().await;
    assert_eq!(begun.elapsed().as_secs(), LINGER.as_secs());
}

//! A peer that is gone without a word is noticed; one that is there is left in peace, however little it has to say.

use std::{fmt::Debug, io, time::Duration};

use bytes::Bytes;
use futures_util::{FutureExt, SinkExt, StreamExt};
use snowflake_websocket::{
    PeerSilent, Role, WebSocket,
    limits::{PING_AFTER, PONG_LIMIT, WRITE_BUFFER},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    time::{Instant, sleep, timeout},
};

/// From the last sign of life to the end.
const GIVEN_UP: Duration = PING_AFTER.saturating_add(PONG_LIMIT);

const HOUR: Duration = Duration::from_secs(3600);

/// A Ping of a server.
const PING: [u8; 2] = [0x89, 0x00];

/// A Pong and a message of one byte, as a client sends them.
const PONG: [u8; 6] = [0x8a, 0x80, 0, 0, 0, 0];
const MESSAGE: [u8; 7] = [0x82, 0x81, 0, 0, 0, 0, b'x'];

/// A server's WebSocket whose peer is a script.
async fn server(pipe: usize) -> (WebSocket, DuplexStream) {
    let (ours, theirs) = duplex(pipe);
    (WebSocket::from_upgraded(ours, Role::Server).await, theirs)
}

/// A pair of which nobody reads the other's bytes, and the first of which can write no more.
async fn stuck() -> (WebSocket, DuplexStream) {
    let (mut websocket, theirs) = server(1024).await;
    while let Some(fed) = websocket.feed(Bytes::from(vec![0; 1000])).now_or_never() {
        fed.unwrap();
    }
    (websocket, theirs)
}

fn assert_silent<T: Debug>(result: Result<T, io::Error>) {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    assert!(error.get_ref().unwrap().is::<PeerSilent>());
    assert!(error.to_string().starts_with("the peer is silent: nothing came for 12s"), "{error}");
}

async fn next_byte(websocket: &mut WebSocket) {
    assert_eq!(websocket.next().await.unwrap().unwrap(), "x");
}

#[tokio::test(start_paused = true)]
async fn a_silent_peer_is_asked_once_and_given_up() {
    for (role, ping) in [(Role::Server, &PING[..]), (Role::Client, &[0x89, 0x80])] {
        let (ours, mut theirs) = duplex(1024);
        let mut websocket = WebSocket::from_upgraded(ours, role).await;
        let begun = Instant::now();
        let (end, ()) = tokio::join!(websocket.next(), async {
            let mut asked = vec![0; ping.len()];
            theirs.read_exact(&mut asked).await.unwrap();
            assert_eq!(asked, ping);
            assert_eq!(begun.elapsed().as_secs(), PING_AFTER.as_secs());
        });
        assert_silent(end.unwrap());
        assert_eq!(begun.elapsed().as_secs(), GIVEN_UP.as_secs());
        assert!(websocket.next().await.is_none(), "the error is the end");
        assert_silent(websocket.send(Bytes::from_static(b"late")).await);
        drop(websocket);
        let mut rest = Vec::new();
        theirs.read_to_end(&mut rest).await.unwrap();
        assert!(rest.len() <= 4, "the rest of the mask, and no second Ping: {rest:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn two_that_are_there_keep_each_other_for_an_hour() {
    let (ours, theirs) = duplex(1024);
    let mut ours = WebSocket::from_upgraded(ours, Role::Server).await;
    let mut theirs = WebSocket::from_upgraded(theirs, Role::Client).await;
    let both = async { tokio::join!(ours.next(), theirs.next()) };
    assert!(timeout(HOUR, both).await.is_err(), "nobody gives up");
}

#[tokio::test(start_paused = true)]
async fn a_pong_is_a_sign_of_life_for_another_while() {
    let (mut websocket, mut theirs) = server(1024).await;
    let begun = Instant::now();
    let peer = async {
        for round in 1..=100 {
            let mut asked = [0; 2];
            theirs.read_exact(&mut asked).await.unwrap();
            assert_eq!(asked, PING);
            let slow = PONG_LIMIT - Duration::from_secs(1);
            assert_eq!(
                begun.elapsed().as_secs(),
                (round * PING_AFTER + (round - 1) * slow).as_secs()
            );
            sleep(slow).await;
            theirs.write_all(&PONG).await.unwrap();
        }
        sleep(GIVEN_UP).await;
    };
    let (end, ()) = tokio::join!(websocket.next(), peer);
    assert_silent(end.unwrap());
}

#[tokio::test(start_paused = true)]
async fn who_speaks_every_ten_seconds_is_never_asked() {
    let (mut websocket, mut theirs) = server(1024).await;
    for _ in 0..360 {
        let quiet = timeout(Duration::from_secs(10), websocket.next()).await;
        assert!(quiet.is_err());
        theirs.write_all(&MESSAGE).await.unwrap();
        next_byte(&mut websocket).await;
    }
    assert!(theirs.read_u8().now_or_never().is_none(), "no Ping");
}

#[tokio::test(start_paused = true)]
async fn a_long_frame_on_a_slow_path_is_a_sign_of_life() {
    let (mut websocket, mut theirs) = server(1024).await;
    let peer = async {
        theirs.write_all(&[0x82, 0x80 | 100, 0, 0, 0, 0]).await.unwrap();
        for _ in 0..100 {
            sleep(Duration::from_secs(10)).await;
            theirs.write_all(b"y").await.unwrap();
        }
    };
    let (message, ()) = tokio::join!(websocket.next(), peer);
    assert_eq!(message.unwrap().unwrap(), vec![b'y'; 100]);
    assert!(theirs.read_u8().now_or_never().is_none(), "no Ping");
}

/// A stopped process: the connection is open, its buffers are full, and nothing comes.
#[tokio::test(start_paused = true)]
async fn a_frozen_peer_with_full_buffers_is_given_up_by_either_half() {
    let begun = Instant::now();
    let (mut writer, _theirs) = stuck().await;
    let (mut reader, _theirs) = stuck().await;
    let (mut flusher, _theirs) = stuck().await;
    let (written, read, flushed) =
        tokio::join!(writer.feed(Bytes::from_static(b"more")), reader.next(), flusher.flush());
    assert_silent(written);
    assert_silent(read.unwrap());
    assert_silent(flushed);
    assert_eq!(begun.elapsed().as_secs(), GIVEN_UP.as_secs());
    // Whoever closes it does not wait once more.
    assert_silent(writer.close().await);
    assert_eq!(begun.elapsed().as_secs(), GIVEN_UP.as_secs());
}

#[tokio::test(start_paused = true)]
async fn halves_in_different_tasks_both_learn_it() {
    let begun = Instant::now();
    let (websocket, _theirs) = stuck().await;
    let (mut sink, mut stream) = websocket.split();
    let reading = tokio::spawn(async move { stream.next().await.unwrap() });
    let writing = tokio::spawn(async move { sink.send(Bytes::from_static(b"more")).await });
    assert_silent(reading.await.unwrap());
    assert_silent(writing.await.unwrap());
    assert_eq!(begun.elapsed().as_secs(), GIVEN_UP.as_secs());
}

/// What waits for the transport goes out with the Ping behind it, as soon as the peer takes it.
#[tokio::test(start_paused = true)]
async fn a_ping_that_had_to_wait_still_saves_the_peer() {
    let (mut websocket, theirs) = stuck().await;
    let (mut from, mut to) = tokio::io::split(theirs);
    let peer = async {
        sleep(GIVEN_UP - Duration::from_secs(1)).await;
        let mut last = [0; 2];
        while last != PING {
            last = [last[1], from.read_u8().await.unwrap()];
        }
        to.write_all(&PONG).await.unwrap();
        sleep(PING_AFTER).await;
        to.write_all(&MESSAGE).await.unwrap();
        from.read_u8().await.unwrap();
    };
    tokio::join!(next_byte(&mut websocket), peer);
}

/// What the peer sent waits in the transport, because we do not take it: that is not the peer's silence.
#[tokio::test(start_paused = true)]
async fn our_own_back_pressure_is_not_the_peers_silence() {
    let (mut websocket, mut theirs) = server(1024).await;
    for _ in 0..3 {
        theirs.write_all(&MESSAGE).await.unwrap();
    }
    // The sending half alone, which takes the first message out of the transport and no more.
    for _ in 0..360 {
        sleep(Duration::from_secs(10)).await;
        websocket.send(Bytes::from_static(b"z")).await.unwrap();
        theirs.read_exact(&mut [0; 3]).await.unwrap();
    }
    // A stuck sending half, next to a reader that does not read.
    let full = Bytes::from(vec![0; 2 * WRITE_BUFFER]);
    assert!(timeout(HOUR, websocket.send(full)).await.is_err(), "blocked, but not given up");
    for _ in 0..3 {
        next_byte(&mut websocket).await;
    }
    assert!(websocket.next().now_or_never().is_none(), "only now the silence counts");
}

/// The Ping went out; then nobody reads for so long that the Pong would be late, were it not there already.
#[tokio::test(start_paused = true)]
async fn an_unread_pong_counts() {
    let (mut websocket, mut theirs) = server(1024).await;
    assert!(timeout(PING_AFTER + PONG_LIMIT / 2, websocket.next()).await.is_err());
    theirs.write_all(&PONG).await.unwrap();
    sleep(HOUR).await;
    assert!(timeout(PING_AFTER, websocket.next()).await.is_err(), "the peer is there");
    let begun = Instant::now();
    assert_silent(websocket.next().await.unwrap());
    assert_eq!(begun.elapsed().as_secs(), PONG_LIMIT.as_secs());
}

/// A reader that asks writes, too, and the transport wakes only the last who could not write.
#[tokio::test(start_paused = true)]
async fn a_writer_that_waits_is_woken_although_the_reader_asked() {
    let (websocket, theirs) = stuck().await;
    let (mut sink, mut stream) = websocket.split();
    let writing = tokio::spawn(async move { sink.flush().await });
    let (mut from, mut to) = tokio::io::split(theirs);
    // The writer reads ahead, and cannot once more when the time to ask has come.
    sleep(Duration::from_secs(1)).await;
    to.write_all(&MESSAGE).await.unwrap();
    sleep(PING_AFTER).await;
    // The reader takes what there is, and asks.
    assert_eq!(stream.next().await.unwrap().unwrap(), "x");
    let reading = tokio::spawn(async move { stream.next().await });
    sleep(PONG_LIMIT / 2).await;
    // The peer takes everything.
    let taking =
        tokio::spawn(async move { tokio::io::copy(&mut from, &mut tokio::io::sink()).await });
    timeout(Duration::from_secs(1), writing).await.unwrap().unwrap().unwrap();
    reading.abort();
    taking.abort();
}

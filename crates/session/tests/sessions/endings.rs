//! How sessions and streams end: politely, by replacement, by silence, with their conn.

use crate::conn::{SimConn, pair};
use snowflake_netsim::Path;
use snowflake_session::{Config, LINGER, SessionEnd, Stream, open, serve};
use std::io::ErrorKind;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

/// A server for the far end of a path, and the streams it accepts.
fn server(far: SimConn) -> (mpsc::Receiver<Stream>, JoinHandle<SessionEnd>) {
    let (opened, streams) = mpsc::channel(16);
    let serving = tokio::spawn(async move {
        serve(far, &Config::server(), |stream| opened.try_send(stream).expect("few streams")).await
    });
    (streams, serving)
}

#[tokio::test(start_paused = true)]
async fn what_was_written_before_everything_was_dropped_still_arrives() {
    let (near, far) = pair(&Path::poor(), 1);
    let (mut streams, _serving) = server(far);
    let (session, driver) = open(near, &Config::client());
    let driver = tokio::spawn(driver);
    let mut stream = session.open_stream().unwrap();
    stream.write_all(&[7; 60_000]).await.unwrap();
    drop((stream, session));
    let mut received = Vec::new();
    streams.recv().await.unwrap().read_to_end(&mut received).await.unwrap();
    assert_eq!(received, [7; 60_000]);
    assert_eq!(driver.await.unwrap(), SessionEnd::Closed);
}

#[tokio::test(start_paused = true)]
async fn lingering_has_an_end() {
    let (near, _far) = pair(&Path::perfect(), 1);
    let (session, driver) = open(near, &Config::client());
    let mut stream = session.open_stream().unwrap();
    stream.write_all(b"nobody is there").await.unwrap();
    drop((stream, session));
    let started = Instant::now();
    assert_eq!(driver.await, SessionEnd::Closed);
    assert_eq!(started.elapsed().as_secs(), LINGER.as_secs());
}

#[tokio::test(start_paused = true)]
async fn one_direction_can_end_before_the_other() {
    let (near, far) = pair(&Path::perfect(), 1);
    let (mut streams, _serving) = server(far);
    let (session, driver) = open(near, &Config::client());
    let _driver = tokio::spawn(driver);
    let mut here = session.open_stream().unwrap();
    here.write_all(b"question").await.unwrap();
    here.shutdown().await.unwrap();
    let mut there = streams.recv().await.unwrap();
    let mut question = String::new();
    there.read_to_string(&mut question).await.unwrap();
    there.write_all(question.replace("question", "answer").as_bytes()).await.unwrap();
    there.shutdown().await.unwrap();
    let mut answer = String::new();
    here.read_to_string(&mut answer).await.unwrap();
    assert_eq!(answer, "answer");
    assert_eq!(here.write_all(b"late").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_stream_ends_at_the_peer_and_others_go_on() {
    let (near, far) = pair(&Path::perfect(), 1);
    let (mut streams, _serving) = server(far);
    let (session, driver) = open(near, &Config::client());
    let _driver = tokio::spawn(driver);
    let (mut one, mut two) = (session.open_stream().unwrap(), session.open_stream().unwrap());
    one.write_all(b"1").await.unwrap();
    two.write_all(b"2").await.unwrap();
    let (mut first, mut second) = (streams.recv().await.unwrap(), streams.recv().await.unwrap());
    drop(one);
    let mut rest = Vec::new();
    first.read_to_end(&mut rest).await.unwrap();
    assert_eq!(rest, b"1");
    assert_eq!(second.read_u8().await.unwrap(), b'2');
    second.write_all(b"still here").await.unwrap();
    let mut answer = [0; 10];
    two.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"still here");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_starts_anew_replaces_its_session_when_that_is_silent() {
    let (mut near, far) = pair(&Path::perfect(), 1);
    let (mut streams, _serving) = server(far);
    let mut first = None;
    for round in [b'a', b'b'] {
        near.renew();
        let (session, driver) = open(&mut near, &Config::client());
        let mut stream = session.open_stream().unwrap();
        stream.write_all(&[round]).await.unwrap();
        // Long enough to send, in the second round again and again until the first is silent for a minute; and it never
        // ends politely.
        let limit = Duration::from_secs(if round == b'a' { 1 } else { 120 });
        let _ = timeout(limit, driver).await;
        let mut accepted = streams.recv().await.unwrap();
        assert_eq!(accepted.read_u8().await.unwrap(), round);
        if round == b'a' {
            first = Some(tokio::spawn(async move { accepted.read_u8().await.unwrap_err().kind() }));
        }
    }
    assert_eq!(first.unwrap().await.unwrap(), ErrorKind::ConnectionReset);
}

#[tokio::test(start_paused = true)]
async fn a_silent_client_is_given_up_after_the_keep_alive_timeout() {
    let (near, far) = pair(&Path::perfect(), 1);
    let (mut streams, serving) = server(far);
    let (session, driver) = open(near, &Config::client());
    let driver = tokio::spawn(driver);
    session.open_stream().unwrap().write_all(b"!").await.unwrap();
    let _stream = streams.recv().await.unwrap();
    let started = Instant::now();
    driver.abort();
    let end = serving.await.unwrap();
    assert!(matches!(end, SessionEnd::Smux(_)), "{end}");
    let patience = Config::server().smux.keepalive_timeout.as_secs();
    assert!(started.elapsed().as_secs().abs_diff(patience) <= 1);
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_stream_is_told_when_the_session_ends() {
    let (near, _far) = pair(&Path::perfect(), 1);
    let (session, driver) = open(near, &Config::client());
    let driver = tokio::spawn(driver);
    let (mut reader, mut writer) = tokio::io::split(session.open_stream().unwrap());
    let reading = tokio::spawn(async move { reader.read_u8().await.unwrap_err().kind() });
    // More than fits anywhere while nobody is at the other end.
    let writing =
        tokio::spawn(async move { writer.write_all(&[0; 1 << 20]).await.unwrap_err().kind() });
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!reading.is_finished() && !writing.is_finished());
    driver.abort();
    assert_eq!(reading.await.unwrap(), ErrorKind::ConnectionReset);
    assert_eq!(writing.await.unwrap(), ErrorKind::ConnectionReset);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_was_asleep_hears_what_came_before_it_gives_up() {
    let (near, far) = pair(&Path::perfect(), 1);
    let (mut streams, _serving) = server(far);
    let (session, mut driver) = open(near, &Config::client());
    session.open_stream().unwrap().write_all(b"!").await.unwrap();
    let _ = timeout(Duration::from_secs(1), &mut driver).await;
    let mut there = streams.recv().await.unwrap();
    // The server speaks before it gives up the client, which sleeps past its own patience.
    tokio::time::sleep(Config::server().smux.keepalive_timeout - Duration::from_secs(5)).await;
    there.write_all(b"!").await.unwrap();
    let patience = Config::client().smux.keepalive_timeout;
    tokio::time::sleep(patience - Config::server().smux.keepalive_timeout).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    let awake = timeout(Duration::from_secs(1), driver).await;
    assert!(awake.is_err(), "{awake:?}");
}

#[tokio::test(start_paused = true)]
async fn nothing_that_begins_a_session_ends_the_wait() {
    let (_near, far) = pair(&Path::perfect(), 1);
    let (_streams, serving) = server(far);
    assert_eq!(serving.await.unwrap(), SessionEnd::Closed);
}

//! What tor learns about the user, and what happens when it does not know us.

use std::{net::SocketAddr, sync::atomic::Ordering};

use bytes::Bytes;
use futures_util::StreamExt;
use snowflake_session::Stream;
use snowflake_turbotunnel::{ClientId, Dial, preamble};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    rig::{Client, Log, Proxies, Rig, in_time},
    strangers::{NUMBER, OF_ANOTHER_SESSION},
    streams::pattern,
    tor::ExtOrPort,
};

/// What USERADDR says about a client of these proxies.
async fn user(tor: &ExtOrPort, proxies: Proxies) -> Option<String> {
    let client = Client::new(proxies);
    user_of(tor, client.stream()).await
}

/// What USERADDR says about a new stream.
async fn user_of(tor: &ExtOrPort, mut stream: Stream) -> Option<String> {
    stream.write_all(b"hello").await.unwrap();
    let (mut connection, user) = in_time(tor.accept()).await.unwrap();
    let mut text = [0; 5];
    in_time(connection.read_exact(&mut text)).await.unwrap();
    assert_eq!(&text, b"hello");
    user
}

#[tokio::test]
async fn tor_is_told_the_address_that_the_proxy_gives() {
    let tor = ExtOrPort::start().await;
    let rig = Rig::start(tor.or_port()).await;
    let proxies = || Proxies::of(rig.address);
    for (address, told) in [("192.0.2.7", "192.0.2.7:1"), ("2001:db8::7", "[2001:db8::7]:1")] {
        assert_eq!(user(&tor, proxies().with_client_ip(address)).await.as_deref(), Some(told));
    }
    assert_eq!(user(&tor, proxies()).await, None);
    rig.stop().await;
}

/// A client that has moved is known at its new address from then on, in the same session.
#[tokio::test]
async fn a_later_stream_has_the_address_that_the_newest_proxy_gives() {
    const LENGTH: usize = 300_000;
    let tor = ExtOrPort::start().await;
    let rig = Rig::start(tor.or_port()).await;
    let proxies = Proxies::of(rig.address).with_client_ip("192.0.2.7").moving_to("2001:db8::7");
    let (proxies, used) = proxies.dying_after(LENGTH / 2);
    let client = Client::new(proxies);
    let mut stream = client.stream();
    stream.write_all(b"hello").await.unwrap();
    let (mut connection, user) = in_time(tor.accept()).await.unwrap();
    assert_eq!(user.as_deref(), Some("192.0.2.7:1"));

    // More than the first proxy brings before it dies.
    let sending = async { connection.write_all(&pattern(LENGTH, 1)).await.unwrap() };
    let mut received = vec![0; LENGTH];
    let receiving = stream.read_exact(&mut received);
    in_time(async { tokio::join!(sending, receiving).1 }).await.unwrap();
    assert!(used.load(Ordering::Relaxed) > 1, "it died");
    let later = user_of(&tor, client.stream()).await;
    assert_eq!(later.as_deref(), Some("[2001:db8::7]:1"));
    rig.stop().await;
}

/// Who knows a client's ClientID can bring carriers in its name, and say that it is anywhere.
#[tokio::test]
async fn who_has_brought_nothing_of_a_session_cannot_move_its_client() {
    let tor = ExtOrPort::start().await;
    let rig = Rig::start(tor.or_port()).await;
    let id = ClientId::random();
    let stranger = Proxies::of(rig.address).with_client_ip("203.0.113.9");
    let _early = in_time(stranger.dial(preamble(id))).await.unwrap();
    let client = Client::named(id, Proxies::of(rig.address).with_client_ip("192.0.2.7"));
    assert_eq!(user_of(&tor, client.stream()).await.as_deref(), Some("192.0.2.7:1"));

    // It even sends a packet, if not one with which another session could begin.
    let mut packet = OF_ANOTHER_SESSION;
    packet[NUMBER] = 1;
    let first = Bytes::from([&preamble(id)[..], &packet].concat());
    let mut late = in_time(stranger.dial(first)).await.unwrap();
    let news = in_time(late.next()).await;
    assert!(matches!(news, Some(Ok(_))), "the session asks the new carrier whether it works");
    assert_eq!(user_of(&tor, client.stream()).await.as_deref(), Some("192.0.2.7:1"));
    rig.stop().await;
}

/// What the log says about a stream that tor does not take.
async fn refused(tor: &ExtOrPort) -> Vec<String> {
    let (log, _guard) = Log::capture();
    let rig = Rig::start(tor.or_port()).await;
    let client = Client::new(Proxies::of(rig.address));
    let mut stream = client.stream();
    stream.write_all(b"hello").await.unwrap();
    let accepting = async {
        // It ends in mid-handshake, or never begins.
        let _ = tor.accept().await;
        std::future::pending::<()>().await;
    };
    let mut answer = Vec::new();
    tokio::select! {
        () = accepting => {}
        end = in_time(stream.read_to_end(&mut answer)) => assert_eq!(end.unwrap(), 0),
    }
    rig.stop().await;
    log.lines()
}

#[tokio::test]
async fn without_the_cookie_file_the_stream_is_closed_and_the_log_names_it() {
    let tor = ExtOrPort::start().await;
    let file = tor.cookie_file();
    std::fs::remove_file(&file).unwrap();
    let expected = format!("cannot read the cookie file {}: ", file.display());
    let lines = refused(&tor).await;
    assert!(lines.iter().any(|line| line.contains(&expected)), "{lines:?}");

    std::fs::write(&file, "too short").unwrap();
    let expected = format!("cannot use the cookie file {}: ", file.display());
    let lines = refused(&tor).await;
    assert!(lines.iter().any(|line| line.contains(&expected)), "{lines:?}");
}

#[tokio::test]
async fn with_another_cookie_the_stream_is_closed_and_the_log_says_so() {
    let tor = ExtOrPort::start().await;
    tor.write_cookie(&[1; 32]);
    let lines = refused(&tor).await;
    let expected = "a client's stream is closed: the Extended ORPort does not know the cookie";
    assert!(lines.iter().any(|line| line.contains(expected)), "{lines:?}");
}

/// The cookie is read for each stream, because tor writes a new one whenever it starts.
#[tokio::test]
async fn a_new_cookie_counts_at_once() {
    let tor = ExtOrPort::start().await;
    tor.write_cookie(&[1; 32]);
    refused(&tor).await;
    tor.write_cookie(&crate::tor::COOKIE);
    let rig = Rig::start(tor.or_port()).await;
    let told = user(&tor, Proxies::of(rig.address).with_client_ip("192.0.2.9")).await;
    let told: SocketAddr = told.unwrap().parse().unwrap();
    assert_eq!(told, ([192, 0, 2, 9], 1).into());
    rig.stop().await;
}

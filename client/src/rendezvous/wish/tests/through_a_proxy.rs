//! Whatever the way, it goes through the proxy of tor's user, and shows its host's name in TLS or not, as the line wants.

use super::{CREDS, args, line};
use crate::rendezvous::{Way, Winners};
use crate::settings::Settings;
use crate::{ClientConfig, Upstream};
use snowflake_pt::UpstreamProxy;
use snowflake_rendezvous::Poll;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::time::timeout;

const LIMIT: Duration = Duration::from_secs(30);

/// What a proxy is told.
struct Told {
    /// Where to connect to.
    target: String,
    /// The first record of TLS, which is for the target.
    hello: Vec<u8>,
}

/// An HTTP proxy's next client, which is let through to nobody.
async fn next_client(proxy: &TcpListener) -> Told {
    let (client, _) = proxy.accept().await.unwrap();
    let mut client = BufReader::new(client);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(client.read_line(&mut head).await.unwrap(), 0, "the request is whole");
    }
    let target = head.strip_prefix("CONNECT ").unwrap().split(' ').next().unwrap().to_owned();
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
    let mut record = [0; 5];
    client.read_exact(&mut record).await.unwrap();
    let [kind, _, _, high, low] = record;
    assert_eq!(kind, 22, "a handshake");
    let mut hello = vec![0; usize::from(u16::from_be_bytes([high, low]))];
    client.read_exact(&mut hello).await.unwrap();
    Told { target, hello }
}

/// What the proxy is told when this way is gone.
async fn asked(way: &Way, proxy: &TcpListener) -> Told {
    let asking = async {
        tokio::select! {
            told = next_client(proxy) => told,
            ended = way.exchange(Poll::new("poll")) => panic!("{ended:?}"),
        }
    };
    timeout(LIMIT, asking).await.expect("the proxy is asked")
}

#[tokio::test]
async fn each_way_goes_through_the_proxy_and_shows_a_name_or_none() {
    let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", proxy.local_addr().unwrap());
    let upstream = Upstream::new(UpstreamProxy::parse(&url).unwrap());
    let (region, cache) = ("sqs.us-east-1.amazonaws.com", "ampcache=https://cdn.example/");
    let queue = format!("https://{region}/893902434899/snowflake-broker");
    let numbered = format!(
        "url=https://a.example/;url2=https://b.example/;ampcache2=https://cdn.example/;\
         url3=https://c.example/;fronts3=f.example;sqsqueue4={queue};sqscreds4={CREDS}"
    );
    for (text, hosts) in [
        ("url=https://a.example/".to_owned(), vec!["a.example"]),
        ("url=https://a.example/;fronts=f.example".to_owned(), vec!["f.example"]),
        (format!("url=https://b.example/;{cache}"), vec!["b-example.cdn.example"]),
        (format!("url=https://b.example/;{cache};fronts=f.example"), vec!["f.example"]),
        (format!("sqsqueue={queue};sqscreds={CREDS}"), vec![region]),
        (numbered, vec!["a.example", "b-example.cdn.example", "f.example", region]),
    ] {
        for (option, is_shown) in [("", true), (";utls-nosni=true", false)] {
            let line = line(&format!("{text}{option}"));
            let config = ClientConfig::of_line(&args(&[]), &line, Some(&upstream)).unwrap();
            let ways = Settings::new(&config, Winners::default()).unwrap().ways;
            assert_eq!(ways.len(), hosts.len(), "{text}");
            for (way, host) in ways.iter().zip(&hosts) {
                let told = asked(way, &proxy).await;
                assert_eq!(told.target, format!("{host}:443"), "{text}");
                let mut places = told.hello.windows(host.len());
                let shows = places.any(|place| place == host.as_bytes());
                assert_eq!(shows, is_shown, "{host} in {text}{option}");
            }
        }
    }
}

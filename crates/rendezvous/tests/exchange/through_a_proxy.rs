//! Exchanges through a user's proxy: what it is told, and what happens when it does not want.

use std::net::SocketAddr;

use snowflake_rendezvous::{Credentials, ExchangeError, Upstream, UpstreamKind};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use crate::{front::front, through};

/// One line of a proxy's conversation.
enum Line {
    /// What the client has to say.
    Expect(Vec<u8>),
    /// The answer.
    Say(&'static [u8]),
}

use Line::{Expect, Say};

/// A proxy for one connection that holds this conversation, then passes everything on to the port.
async fn proxy(lines: Vec<Line>, port: u16) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        let (mut client, _) = listener.accept().await.unwrap();
        for line in lines {
            match line {
                Expect(expected) => {
                    let mut heard = vec![0; expected.len()];
                    client.read_exact(&mut heard).await.unwrap();
                    assert_eq!(
                        heard.escape_ascii().to_string(),
                        expected.escape_ascii().to_string()
                    );
                }
                Say(answer) => client.write_all(answer).await.unwrap(),
            }
        }
        let mut front = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        // Who closes first, and how, is TLS's affair.
        let _ = copy_bidirectional(&mut client, &mut front).await;
    });
    (address, serving)
}

/// Posts through a proxy that expects this conversation; `port` is where the front is.
async fn post(
    kind: UpstreamKind,
    credentials: Option<(&str, &str)>,
    lines: impl FnOnce(u16) -> Vec<Line>,
) {
    let front = front(&[b"h2", b"http/1.1"]).await;
    let (address, serving) = proxy(lines(front.port), front.port).await;
    let mut upstream = Upstream::new(kind, address);
    if let Some((user, password)) = credentials {
        let (user, password) = (user.to_owned(), password.to_owned());
        upstream = upstream.with_credentials(Credentials { user, password });
    }
    let exchange = through(&front, "https://broker.example/").through(upstream);
    assert_eq!(exchange.post("client", "question").await.unwrap(), "answer");
    let seen = front.serving.await.unwrap();
    assert_eq!((seen.sni.as_deref(), &*seen.authority), (Some("localhost"), "broker.example"));
    drop(exchange);
    serving.await.unwrap();
}

/// `localhost` and the port, as SOCKS5 has it.
fn socks5_request(port: u16) -> Vec<u8> {
    [b"\x05\x01\x00\x03\x09localhost".as_slice(), &port.to_be_bytes()].concat()
}

const SOCKS5_GRANTED: &[u8] = b"\x05\x00\x00\x01\0\0\0\0\0\0";

#[tokio::test]
async fn socks5_is_told_the_fronts_name_and_looks_it_up_itself() {
    post(UpstreamKind::Socks5, None, |port| {
        vec![
            Expect(b"\x05\x01\x00".to_vec()),
            Say(b"\x05\x00"),
            Expect(socks5_request(port)),
            Say(SOCKS5_GRANTED),
        ]
    })
    .await;
}

#[tokio::test]
async fn socks5_with_a_password() {
    post(UpstreamKind::Socks5, Some(("us:er", "p")), |port| {
        vec![
            Expect(b"\x05\x02\x00\x02".to_vec()),
            Say(b"\x05\x02"),
            Expect(b"\x01\x05us:er\x01p".to_vec()),
            Say(b"\x01\x00"),
            Expect(socks5_request(port)),
            Say(SOCKS5_GRANTED),
        ]
    })
    .await;
}

#[tokio::test]
async fn socks5_takes_the_longest_passwords() {
    let (user, password) = ("u".repeat(255), "p".repeat(255));
    let told = format!("\x01\u{ff}{user}\u{ff}{password}");
    let told: Vec<u8> = told.chars().map(|c| c as u8).collect();
    post(UpstreamKind::Socks5, Some((&user, &password)), |port| {
        vec![
            Expect(b"\x05\x02\x00\x02".to_vec()),
            Say(b"\x05\x02"),
            Expect(told),
            Say(b"\x01\x00"),
            Expect(socks5_request(port)),
            Say(SOCKS5_GRANTED),
        ]
    })
    .await;
}

#[tokio::test]
async fn socks4a_is_told_the_name_too() {
    post(UpstreamKind::Socks4a, None, |port| {
        let [high, low] = port.to_be_bytes();
        let request = [&[4, 1, high, low, 0, 0, 0, 255], b"\0localhost\0".as_slice()].concat();
        vec![Expect(request), Say(b"\0\x5a\0\0\0\0\0\0")]
    })
    .await;
}

#[tokio::test]
async fn http_connect_with_and_without_a_password() {
    for (credentials, line) in
        [(None, ""), (Some(("user", "pass")), "Proxy-Authorization: Basic dXNlcjpwYXNz\r\n")]
    {
        post(UpstreamKind::Http, credentials, |port| {
            let to = format!("localhost:{port}");
            let request = format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n{line}\r\n");
            vec![Expect(request.into_bytes()), Say(b"HTTP/1.1 200 OK\r\n\r\n")]
        })
        .await;
    }
}

#[tokio::test]
async fn http_connect_takes_longer_passwords_than_socks5() {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let password = "p".repeat(1000);
    let told = STANDARD.encode(format!("user:{password}"));
    post(UpstreamKind::Http, Some(("user", &password)), |port| {
        let to = format!("localhost:{port}");
        let line = format!("Proxy-Authorization: Basic {told}");
        let request = format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n{line}\r\n\r\n");
        vec![Expect(request.into_bytes()), Say(b"HTTP/1.1 200 OK\r\n\r\n")]
    })
    .await;
}

#[tokio::test]
async fn a_proxy_that_refuses_or_is_not_there_is_named() {
    let front = front(&[]).await;
    let lines = vec![Expect(b"\x05\x01\x00".to_vec()), Say(b"\x05\xff")];
    let (refusing, serving) = proxy(lines, front.port).await;
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for (address, why) in [(refusing, "auth"), (nobody, "refused")] {
        let upstream = Upstream::new(UpstreamKind::Socks5, address);
        let exchange = through(&front, "https://broker.example/").through(upstream);
        match exchange.post("client", "question").await {
            Err(ExchangeError::Upstream(error)) => {
                assert!(error.to_string().to_lowercase().contains(why), "{error}");
            }
            other => panic!("{other:?}"),
        }
    }
    serving.abort();
    front.serving.abort();
}

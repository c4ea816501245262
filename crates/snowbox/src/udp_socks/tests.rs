use std::{future::Future, time::Duration};

use snowflake_socks5::{Credentials, Proxy};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UdpSocket,
    time::timeout,
};

use super::*;

const LIMIT: Duration = Duration::from_secs(10);

async fn within<T>(work: impl Future<Output = T>) -> T {
    timeout(LIMIT, work).await.unwrap()
}

fn user() -> [String; 2] {
    ["user".to_owned(), "password".to_owned()]
}

async fn peer() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

async fn heard(peer: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut buffer = [0; 100];
    let (length, from) = within(peer.recv_from(&mut buffer)).await.unwrap();
    (buffer[..length].to_vec(), from)
}

#[tokio::test]
async fn who_was_sent_to_may_answer_and_nobody_else() {
    for nat in [Nat::Strict, Nat::Moderate] {
        let server = UdpSocks::start(Plan::on_loopback(nat)).await.unwrap();
        let association = Proxy::new(server.address(), None).associate().await.unwrap();
        let [(one, one_at), (other, other_at), (stranger, _)] =
            [peer().await, peer().await, peer().await];
        association.send_to(b"hello", one_at).await.unwrap();
        association.send_to(b"hello", other_at).await.unwrap();
        let ((text, mapped), (_, mapped_too)) = (heard(&one).await, heard(&other).await);
        assert_eq!(text, b"hello");
        assert_eq!(mapped == mapped_too, nat == Nat::Moderate, "{nat:?}");

        stranger.send_to(b"from nowhere", mapped).await.unwrap();
        if nat == Nat::Strict {
            other.send_to(b"to the port of another", mapped).await.unwrap();
        }
        one.send_to(b"back", mapped).await.unwrap();
        let mut buffer = [0; 100];
        let (length, from) = within(association.recv_from(&mut buffer)).await.unwrap();
        assert_eq!((&buffer[..length], from), (&b"back"[..], one_at));
        assert_eq!(server.carried().datagrams(), [2, 1]);
        assert_eq!(server.carried().associations(), 1);
    }
}

#[tokio::test]
async fn only_its_user_is_served() {
    let plan = Plan { user: Some(user()), ..Plan::on_loopback(Nat::Moderate) };
    let server = UdpSocks::start(plan).await.unwrap();
    let [user, password] = user();
    let known = Credentials { user, password };
    let unknown = Credentials { password: "another".to_owned(), ..known.clone() };
    let associate = async |credentials| Proxy::new(server.address(), credentials).associate().await;
    assert!(associate(Some(known)).await.is_ok());
    assert!(associate(Some(unknown)).await.is_err());
    assert!(associate(None).await.is_err());
    assert_eq!(server.carried().associations(), 1);
}

#[tokio::test]
async fn connections_are_made_too() {
    let server = UdpSocks::start(Plan::on_loopback(Nat::Moderate)).await.unwrap();
    let proxy = Proxy::new(server.address(), None);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let serve = async {
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(b"hello").await.unwrap();
        }
    };
    let connect = async {
        let name = snowflake_socks5::Target::Name("localhost".to_owned(), port);
        for target in [name, SocketAddr::from(([127, 0, 0, 1], port)).into()] {
            let mut text = String::new();
            let mut stream = proxy.connect(&target).await.unwrap();
            within(stream.read_to_string(&mut text)).await.unwrap();
            assert_eq!(text, "hello");
        }
    };
    tokio::join!(serve, connect);
    assert_eq!(server.carried().connections(), 2);
    drop(listener);
    let nobody = SocketAddr::from(([127, 0, 0, 1], port)).into();
    assert!(proxy.connect(&nobody).await.is_err());
}

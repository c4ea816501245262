use std::{future::Future, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    time::timeout,
};

use super::*;
use crate::{Error, Proxy, error::HandshakeError, limits::LOOKUP};

const LIMIT: Duration = Duration::from_secs(10);

/// A proxy for one association: the reply's address, then its end of both connections.
async fn associated(named: [u8; 4]) -> (Association, TcpStream, UdpSocket) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let relay = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let port = relay.local_addr().unwrap().port().to_be_bytes();
    let proxy = Proxy::new(listener.local_addr().unwrap(), None);
    let serve = async {
        let (mut client, _) = listener.accept().await.unwrap();
        let mut heard = [0; 13];
        client.read_exact(&mut heard[..3]).await.unwrap();
        client.write_all(&[5, 0]).await.unwrap();
        client.read_exact(&mut heard[3..]).await.unwrap();
        assert_eq!(heard, [5, 1, 0, 5, 3, 0, 1, 0, 0, 0, 0, 0, 0], "as Go's client asks");
        let reply = [&[5, 0, 0, 1], &named[..], &port].concat();
        client.write_all(&reply).await.unwrap();
        client
    };
    let (association, client) = tokio::join!(proxy.associate(), serve);
    (association.unwrap(), client, relay)
}

async fn within<T>(work: impl Future<Output = T>) -> T {
    timeout(LIMIT, work).await.unwrap()
}

/// What comes to the proxy: a datagram of ours, its header, and where it came from.
async fn heard(relay: &UdpSocket) -> (Vec<u8>, SocketAddr, SocketAddr) {
    let mut datagram = vec![0; 2000];
    let (length, client) = within(relay.recv_from(&mut datagram)).await.unwrap();
    datagram.truncate(length);
    let (to, start) = datagram::decode(&datagram).unwrap();
    (datagram.split_off(start), to, client)
}

async fn say(relay: &UdpSocket, from: SocketAddr, payload: &[u8], client: SocketAddr) {
    let mut datagram = Vec::new();
    datagram::encode(from, payload, &mut datagram);
    relay.send_to(&datagram, client).await.unwrap();
}

#[tokio::test]
async fn datagrams_go_to_the_proxy_and_to_nobody_else() {
    let peer: SocketAddr = "192.0.2.1:5000".parse().unwrap();
    // Of the address that is named, or of the proxy itself if that is none.
    for named in [[127, 0, 0, 1], [0; 4]] {
        let (association, _control, relay) = associated(named).await;
        assert_eq!(
            association.socket().peer_addr().unwrap().port(),
            relay.local_addr().unwrap().port()
        );
        association.send_to(b"hello", peer).await.unwrap();
        let (payload, to, client) = heard(&relay).await;
        assert_eq!((&payload[..], to), (&b"hello"[..], peer));
        let stranger = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        say(&stranger, peer, b"from elsewhere", client).await;
        relay.send_to(b"\0\0\x01 a fragment", client).await.unwrap();
        say(&relay, peer, b"a longer answer", client).await;
        let mut buffer = [0; 8];
        let (length, from) = within(association.recv_from(&mut buffer)).await.unwrap();
        assert_eq!((&buffer[..length], from), (&b"a longer"[..], peer));
    }
}

#[tokio::test]
async fn it_ends_with_the_connection_to_the_proxy() {
    let (association, mut control, relay) = associated([0; 4]).await;
    control.write_all(b"what has no meaning").await.unwrap();
    let waiting = tokio::spawn(async move { association.recv_from(&mut [0; 8]).await });
    drop((control, relay));
    let error = within(waiting).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
}

#[tokio::test]
async fn names_are_looked_up_at_the_proxy_again_if_need_be() {
    let (association, _control, relay) = associated([0; 4]).await;
    let serve = async {
        let mut asked = Vec::new();
        for round in 0..4 {
            let (question, to, client) = heard(&relay).await;
            assert_eq!(to, NAME_SERVER.into());
            asked.push(question.clone());
            // One is answered by somebody else, and later; the other at once.
            let mut answer = question;
            answer[2] |= 0x80;
            answer[7] = 1;
            answer.extend(b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02");
            answer.push(answer[13]);
            let first = answer[13] == b'a';
            let from = if first && round < 2 { "1.0.0.1:53".parse().unwrap() } else { to };
            say(&relay, from, &answer, client).await;
            if first && round >= 2 {
                break;
            }
        }
        asked
    };
    let looked_up = within(association.lookup(&["a.example", "b.example", "no name"], LOOKUP));
    let (found, asked) = tokio::join!(looked_up, serve);
    let address = |last| vec![Ipv4Addr::new(192, 0, 2, last)];
    assert_eq!(found.unwrap(), [address(b'a'), address(b'b'), vec![]]);
    assert_eq!(asked.len(), 3, "what has been answered is not asked again");
}

/// Nobody says anything about it, not even that there is no such name.
#[tokio::test]
async fn a_name_without_an_answer_does_not_hold_up_the_others_for_long() {
    let (association, _control, relay) = associated([0; 4]).await;
    let serve = async {
        let mut asked = 0;
        loop {
            let (mut answer, to, client) = heard(&relay).await;
            if answer[13] == b'd' {
                asked += 1;
            } else {
                answer[2] |= 0x80;
                answer[7] = 1;
                answer.extend(b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x01");
                say(&relay, to, &answer, client).await;
            }
            if asked == QUESTIONS {
                break std::future::pending::<()>().await;
            }
        }
    };
    let before = Instant::now();
    let found = tokio::select! {
        found = within(association.lookup(&["dead.example", "lives.example"], LOOKUP)) => found.unwrap(),
        () = serve => unreachable!(),
    };
    let time = before.elapsed();
    assert_eq!(found, [vec![], vec![Ipv4Addr::new(192, 0, 2, 1)]]);
    assert!(time >= 2 * FURTHER_ANSWER, "it was asked again: {time:?}");
    assert!(time < 2 * ANSWER, "{time:?}");
}

#[tokio::test]
async fn proxies_that_carry_no_datagrams_are_named() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = Proxy::new(listener.local_addr().unwrap(), None);
    let serve = async {
        let (mut client, _) = listener.accept().await.unwrap();
        client.write_all(&[5, 0, 5, 7, 0, 1, 0, 0, 0, 0, 0, 0]).await.unwrap();
        // Not closed before it has been read.
        let _ = client.read_to_end(&mut Vec::new()).await;
    };
    let (refused, ()) = tokio::join!(proxy.associate(), serve);
    assert!(matches!(refused, Err(Error::Handshake(HandshakeError::Refused(7)))), "{refused:?}");
    drop(listener);
    assert!(matches!(proxy.associate().await, Err(Error::Connect(_))));
}

use super::*;
use snowflake_nat::stand_in::answer;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::task::JoinSet;

/// A server with two addresses of the loopback network, in front of which stands a NAT of a kind.
struct Server {
    address: SocketAddr,
    _serving: JoinSet<()>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Open,
    Filtering,
    Symmetric,
    /// Tells no other address.
    Plain,
    Dead,
    /// Sends all sorts of things before its answer.
    Noisy,
}

impl Server {
    async fn start(kind: Kind) -> Self {
        let bind = |host: u8| UdpSocket::bind((Ipv4Addr::new(127, 0, 0, host), 0));
        let sockets = Arc::new([bind(1).await.unwrap(), bind(2).await.unwrap()]);
        let address = sockets[0].local_addr().unwrap();
        let mut serving = JoinSet::new();
        for at in 0..2 {
            serving.spawn(serve(sockets.clone(), at, kind));
        }
        Self { address, _serving: serving }
    }

    fn as_listed(&self) -> StunServer {
        StunServer { host: self.address.ip().to_string(), port: self.address.port() }
    }
}

async fn serve(sockets: Arc<[UdpSocket; 2]>, at: usize, kind: Kind) {
    let mut buffer = [0; 100];
    loop {
        let (length, from) = sockets[at].recv_from(&mut buffer).await.unwrap();
        let to_other = length > 20;
        if kind == Kind::Dead || to_other && kind == Kind::Filtering {
            continue;
        }
        let id: [u8; 12] = buffer[8..20].try_into().unwrap();
        let mut mapped = from;
        if kind == Kind::Symmetric && at == 1 {
            mapped.set_port(from.port() ^ 1);
        }
        let other = (kind != Kind::Plain).then(|| sockets[1].local_addr().unwrap());
        let answering = &sockets[if to_other { 1 } else { at }];
        if kind == Kind::Noisy {
            let wrong_id = answer(id.map(|byte| !byte), mapped, other);
            for noise in [b"hello".to_vec(), vec![0; 1500], wrong_id] {
                answering.send_to(&noise, from).await.unwrap();
            }
            // The right transaction, but from the other address, or as a guess at another NAT.
            let lie = answer(id, "192.0.2.9:9".parse().unwrap(), other);
            let elsewhere = UdpSocket::bind("127.0.0.3:0").await.unwrap();
            elsewhere.send_to(&lie, from).await.unwrap();
        }
        answering.send_to(&answer(id, mapped, other), from).await.unwrap();
    }
}

/// A proxy that grants nothing and says nothing; it is not asked for its places for longer than for the whole.
#[tokio::test(start_paused = true)]
async fn behind_a_silent_proxy_it_ends_in_time() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = Proxy::new(listener.local_addr().unwrap(), None);
    for host in ["192.0.2.1", "stun.example"] {
        let servers = [StunServer { host: host.to_owned(), port: 3478 }];
        let before = Instant::now();
        assert_eq!(discover(&servers, Some(&proxy)).await, None);
        let time = before.elapsed();
        assert!(time <= NAT_LIMIT + Duration::from_millis(10), "{host}: {time:?}");
        assert!(time >= NAT_LOOKUP, "{host}: it has waited: {time:?}");
    }
}

/// What these servers tell together, and how long it takes.
async fn discovered(kinds: &[Kind]) -> (Option<Behaviour>, Duration) {
    let mut servers = Vec::new();
    for kind in kinds {
        servers.push(Server::start(*kind).await);
    }
    let listed: Vec<_> = servers.iter().map(Server::as_listed).collect();
    let before = Instant::now();
    let behaviour = discover(&listed, None).await;
    (behaviour, before.elapsed())
}

#[tokio::test]
async fn each_behaviour_is_told() {
    assert_eq!(discovered(&[Kind::Open]).await.0, Some(Behaviour::Open));
    assert_eq!(discovered(&[Kind::Symmetric]).await.0, Some(Behaviour::Strict));
    let (behaviour, time) = discovered(&[Kind::Filtering]).await;
    assert_eq!(behaviour, Some(Behaviour::Moderate));
    assert!(time >= Duration::from_secs(3), "three transmissions: {time:?}");
}

#[tokio::test]
async fn stray_datagrams_and_strangers_change_nothing() {
    assert_eq!(discovered(&[Kind::Noisy]).await.0, Some(Behaviour::Open));
}

/// Go's client asks one after the other, 10 s each.
#[tokio::test]
async fn servers_that_are_dead_or_cannot_tell_cost_nothing() {
    let kinds = [Kind::Dead, Kind::Plain, Kind::Dead, Kind::Symmetric];
    tokio::select! {
        biased;
        (behaviour, _) = discovered(&kinds) => assert_eq!(behaviour, Some(Behaviour::Strict)),
        _ = discovered(&[Kind::Dead]) => panic!("it waited for the dead"),
    }
}

#[tokio::test]
async fn without_a_server_that_can_tell_it_ends_all_the_same() {
    assert_eq!(discovered(&[]).await.0, None);
    assert_eq!(discovered(&[Kind::Plain]).await.0, None);
    let (behaviour, time) = discovered(&[Kind::Dead]).await;
    assert_eq!(behaviour, None);
    assert!(time >= Duration::from_secs(3), "three transmissions: {time:?}");
}

/// The kernel does not send from loopback to the world. This server has answered all the same.
#[tokio::test]
async fn an_other_address_that_cannot_be_sent_to_is_silent() {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let server = socket.local_addr().unwrap();
    let mut serving = JoinSet::new();
    serving.spawn(async move {
        let mut buffer = [0; 100];
        let (_, from) = socket.recv_from(&mut buffer).await.unwrap();
        let other = "192.0.2.9:9".parse().unwrap();
        let answer = answer(buffer[8..20].try_into().unwrap(), from, Some(other));
        socket.send_to(&answer, from).await.unwrap();
    });
    assert_eq!(probe(server, None).await.unwrap(), Err(Unusable::OtherAddressSilent));
}

/// The loopback network of IPv6 has one address only, so all that can be told is that there is no other.
#[tokio::test]
async fn servers_are_asked_over_ipv6() {
    let socket = UdpSocket::bind("[::1]:0").await.unwrap();
    let server = socket.local_addr().unwrap();
    let mut serving = JoinSet::new();
    serving.spawn(async move {
        let mut buffer = [0; 100];
        let (_, from) = socket.recv_from(&mut buffer).await.unwrap();
        let answer = answer(buffer[8..20].try_into().unwrap(), from, None);
        socket.send_to(&answer, from).await.unwrap();
    });
    assert_eq!(probe(server, None).await.unwrap(), Err(Unusable::NoOtherAddress));
}

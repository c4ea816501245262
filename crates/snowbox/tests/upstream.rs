//! Everything through a user's SOCKS5 proxy: broker, names, STUN, what the NAT does, WebRTC. Nothing around it.

#![expect(clippy::unwrap_used, reason = "a test helper that fails is a failed test")]

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    process::{Child, Command},
    sync::mpsc::{Receiver, Sender, channel},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use snowflake_messages::SessionDescription;
use snowflake_pt::UpstreamProxy;
use snowflake_snowbox::{
    lab::namespace::Namespace,
    stun::{self, StunServer},
    udp_socks::{Nat, Plan, UdpSocks},
};
use snowflake_socks5::{Credentials, Proxy};
use snowflake_webrtc::{Config, DataChannel, IceServer, SetupError, answer, offer};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UdpSocket},
    time::timeout,
};

const LIMIT: Duration = Duration::from_secs(30);

async fn within<T>(work: impl Future<Output = T>) -> T {
    timeout(LIMIT, work).await.unwrap()
}

fn server_of(stun: &StunServer) -> snowflake_webrtc::StunServer {
    match stun.url().parse().unwrap() {
        IceServer::Stun(server) => server,
        IceServer::Unsupported(scheme) => panic!("{scheme:?}"),
    }
}

/// Two ends of a data channel: ours goes through the proxy, the other does not.
async fn channels(socks: &UdpSocks, stun: &StunServer) -> (String, DataChannel, DataChannel) {
    let upstream = Some(Proxy::new(socks.address(), None));
    let stun_servers = vec![server_of(stun)];
    // What it asks for does not matter: it is behind a proxy.
    let ours = Config { keep_local_addresses: true, upstream, stun_servers, ..Config::default() };
    let theirs = Config { keep_local_addresses: true, ..Config::default() };
    let offerer = within(offer(&ours, Bytes::from_static(b"first"))).await.unwrap();
    let told = offerer.sdp().to_owned();
    let answerer = within(answer(&theirs, &told)).await.unwrap();
    let sdp = answerer.sdp().to_owned();
    let (ours, theirs) = tokio::join!(offerer.open(&sdp, LIMIT), answerer.open(LIMIT));
    (told, ours.unwrap(), theirs.unwrap())
}

async fn next(channel: &mut DataChannel) -> Option<io::Result<Bytes>> {
    within(channel.next()).await
}

#[tokio::test]
async fn a_data_channel_opens_through_the_proxy_and_ends_with_it() {
    let stun = StunServer::start(stun::LOOPBACK).await.unwrap();
    for nat in [Nat::Moderate, Nat::Strict] {
        let socks = UdpSocks::start(Plan::on_loopback(nat)).await.unwrap();
        let (told, mut ours, mut theirs) = channels(&socks, &stun).await;
        let candidates: Vec<_> =
            told.lines().filter(|line| line.starts_with("a=candidate:")).collect();
        assert!(!candidates.is_empty(), "{told}");
        for candidate in candidates {
            assert!(candidate.contains(" typ srflx raddr 0.0.0.0 "), "{candidate}");
        }
        assert_eq!(next(&mut theirs).await.unwrap().unwrap(), "first");
        theirs.send(Bytes::from_static(b"second")).await.unwrap();
        assert_eq!(next(&mut ours).await.unwrap().unwrap(), "second");
        // More than fits into all buffers on the way.
        let large = Bytes::from(vec![7; 1 << 20]);
        let mut received = 0;
        let send = async {
            for piece in large.chunks(16 << 10) {
                ours.send(Bytes::copy_from_slice(piece)).await.unwrap();
            }
        };
        let receive = async {
            while received < large.len() {
                received += next(&mut theirs).await.unwrap().unwrap().len();
            }
        };
        tokio::join!(send, receive);
        assert_eq!(socks.carried().associations(), 1);
        // No packet has another way, so it ends long before silence would end it.
        drop(socks);
        let ended =
            timeout(Duration::from_secs(5), async { while let Some(Ok(_)) = ours.next().await {} });
        ended.await.unwrap();
    }
}

#[tokio::test]
async fn a_proxy_that_does_not_want_is_an_error_and_no_reason_to_go_around_it() {
    let user = Some(["user".to_owned(), "password".to_owned()]);
    let plan = Plan { user, ..Plan::on_loopback(Nat::Moderate) };
    let socks = UdpSocks::start(plan).await.unwrap();
    let stranger = Credentials { user: "user".to_owned(), password: "wrong".to_owned() };
    let upstream = Some(Proxy::new(socks.address(), Some(stranger)));
    let config = Config { keep_local_addresses: true, upstream, ..Config::default() };
    let refused = within(offer(&config, Bytes::new())).await;
    assert!(matches!(refused, Err(SetupError::Upstream(_))), "{refused:?}");
}

/// Whatever the client sends is counted that does not go to the proxy.
const GUARD: &str = "table inet guard { chain out { type filter hook output priority 0; \
    oifname \"lo\" accept; ip daddr 10.0.0.1 accept; meta l4proto { tcp, udp } counter drop; }; }";

const GATE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const GATE_OUTSIDE: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 1);
const CORE: [Ipv4Addr; 2] = [Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(192, 0, 2, 2)];
const NAME_SERVER: (Ipv4Addr, u16) = (Ipv4Addr::new(1, 1, 1, 1), 53);
const STUN_NAME: &str = "stun.example";
const BROKER_PORT: u16 = 8080;

/// A client, the gate with the proxy, and the world. The client's default route leads to the gate, which forwards nothing.
struct World {
    home: Namespace,
    gate: Namespace,
    core: Namespace,
}

impl World {
    async fn new() -> Self {
        let [home, gate, core] = [0; 3].map(|_| Namespace::new().unwrap());
        let cable = |device: &str, there: &Namespace| {
            format!("link add {device} type veth peer name eth netns {}", there.path().display())
        };
        let lines = |text: &str| text.split(';').map(str::to_owned).collect::<Vec<_>>();
        gate.ip([cable("in", &home), cable("out", &core)]).await.unwrap();
        gate.ip(lines(
            "link set lo up;link set in addrgenmode none;link set out addrgenmode none;\
             link set in up;link set out up;address add 10.0.0.1/24 dev in;\
             address add 198.51.100.1/24 dev out;route add default via 198.51.100.2",
        ))
        .await
        .unwrap();
        home.ip(lines(
            "link set lo up;link set eth addrgenmode none;link set eth up;\
             address add 10.0.0.2/24 dev eth;route add default via 10.0.0.1",
        ))
        .await
        .unwrap();
        core.ip(lines(
            "link set lo up;link set eth addrgenmode none;link set eth up;\
             address add 198.51.100.2/24 dev eth;address add 192.0.2.1/32 dev lo;\
             address add 192.0.2.2/32 dev lo;address add 1.1.1.1/32 dev lo",
        ))
        .await
        .unwrap();
        Self { home, gate, core }
    }

    fn nft(&self, args: &[&str]) -> String {
        let mut nft = Command::new("nsenter");
        nft.arg(format!("--net={}", self.home.path().display())).arg("nft").args(args);
        let output = nft.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

/// Runs on a thread of its own within the namespace, for as long as it takes.
fn run<T: Send>(namespace: &Namespace, work: impl Future<Output = T> + Send) -> T {
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(runtime.block_on(work))
    };
    namespace.within(run).unwrap()
}

/// The world: a name server, STUN, and a broker that is a Snowflake proxy as well, until it has been reached.
async fn world(ready: Sender<u16>, heard: Sender<String>) {
    let stun = StunServer::start(CORE).await.unwrap();
    let names = tokio::spawn(name_server());
    let broker = TcpListener::bind((CORE[0], BROKER_PORT)).await.unwrap();
    ready.send(server_of(&stun).port).unwrap();
    loop {
        let (stream, _) = within(broker.accept()).await.unwrap();
        if let Some(mut channel) = within(poll(stream, &heard)).await {
            let first = next(&mut channel).await.unwrap().unwrap();
            heard.send(format!("preamble {}", first[0])).unwrap();
            names.abort();
            return;
        }
    }
}

/// Answers that the only name is at the first address.
async fn name_server() {
    let socket = UdpSocket::bind(NAME_SERVER).await.unwrap();
    let mut message = [0; 512];
    loop {
        let (length, from) = socket.recv_from(&mut message).await.unwrap();
        let mut answer = message[..length].to_vec();
        assert!(answer.windows(5).any(|name| name == b"\x04stun"), "{answer:?}");
        (answer[2], answer[7]) = (0x81, 1);
        answer.extend(b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04");
        answer.extend(CORE[0].octets());
        socket.send_to(&answer, from).await.unwrap();
    }
}

/// A client's poll: has no proxy until the client knows its NAT, then is one.
async fn poll(mut stream: TcpStream, heard: &Sender<String>) -> Option<DataChannel> {
    let mut request = Vec::new();
    while !request.ends_with(b"}") {
        assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0, "the request is whole");
    }
    let from = stream.peer_addr().unwrap().ip();
    let start = request.windows(4).position(|end| end == b"\r\n\r\n").unwrap();
    let body = snowflake_messages::ClientPollRequest::decode(&request[start + 4..]).unwrap();
    heard.send(format!("{from} {}", body.nat.as_str())).unwrap();
    let is_known = body.nat.as_str() != "unrestricted";
    let (reply, answerer) = if is_known {
        let offer = SessionDescription::parse(body.offer.as_str()).unwrap();
        let answerer = answer(&Config::default(), &offer.sdp).await.unwrap();
        let text = SessionDescription::answer(answerer.sdp()).to_text();
        (serde_json::json!({ "answer": text.as_str() }), Some(answerer))
    } else {
        (serde_json::json!({ "error": "no snowflake proxies currently available" }), None)
    };
    let reply = reply.to_string();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", reply.len());
    stream.write_all((head + &reply).as_bytes()).await.unwrap();
    Some(answerer?.open(LIMIT).await.unwrap())
}

/// The client, with the settings of a bridge line and TOR_PT_PROXY, until the test is over.
async fn client(proxy: SocketAddr, stun_port: u16, over: Receiver<()>) {
    let args = snowflake_cli::parse_from(
        snowflake_cli::Program { name: "snowflake-client", version: "0" },
        ["-keep-local-addresses"],
    );
    let line = format!("url=http://{}:{BROKER_PORT}/;ice=stun:{STUN_NAME}:{stun_port}", CORE[0]);
    let line = snowflake_pt::Args::parse(&line).unwrap();
    let upstream = UpstreamProxy::parse(&format!("socks5://user:password@{proxy}")).unwrap();
    let upstream = snowflake_client::Upstream::new(upstream);
    upstream.test().await.unwrap();
    let upstream = Some(&upstream);
    let config = snowflake_client::ClientConfig::of_line(&args.unwrap(), &line, upstream).unwrap();
    let connection = snowflake_client::Client::new(config).unwrap().open().unwrap();
    tokio::task::spawn_blocking(move || over.recv()).await.unwrap().unwrap_err();
    drop(connection);
}

/// Whether this is left out on purpose.
///
/// # Panics
/// It is not, and something that it needs is missing.
#[expect(clippy::print_stderr, reason = "whoever runs the tests should see it")]
fn is_left_out(programs: &[&'static str]) -> bool {
    if std::env::var("SNOWFLAKE_WITHOUT_NATS").is_ok_and(|value| value == "1") {
        eprintln!("left out, because SNOWFLAKE_WITHOUT_NATS=1");
        return true;
    }
    let is_root = std::fs::read_to_string("/proc/self/status").is_ok_and(|status| {
        status.lines().any(|line| line.split_whitespace().eq(["Uid:", "0", "0", "0", "0"]))
    });
    let is_there = |program: &str| {
        std::env::split_paths(&std::env::var_os("PATH").unwrap())
            .any(|dir| dir.join(program).exists())
    };
    let missing = programs.iter().copied().filter(|program| !is_there(program));
    let missing: Vec<_> = missing.chain((!is_root).then_some("root")).collect();
    assert!(missing.is_empty(), "no {missing:?}; SNOWFLAKE_WITHOUT_NATS=1 leaves this test out");
    false
}

/// Dante, a SOCKS5 server that others use; gone when this is dropped.
struct Dante {
    process: Child,
    _files: TempDir,
}

impl Dante {
    const PORT: u16 = 1080;

    /// Starts it at the gate, and waits until it listens.
    fn start(gate: &Namespace) -> Self {
        let files = tempfile::tempdir().unwrap();
        let file = |name| files.path().join(name);
        let everybody = "from: 0.0.0.0/0 to: 0.0.0.0/0";
        let config = format!(
            "logoutput: {log}\ninternal: {GATE} port = {port}\nexternal: {GATE_OUTSIDE}\n\
             clientmethod: none\nsocksmethod: none\nuser.privileged: root\nuser.unprivileged: nobody\n\
             client pass {{ {everybody} }}\n\
             socks pass {{ {everybody}\n command: connect udpassociate udpreply }}\n",
            log = file("log").display(),
            port = Self::PORT,
        );
        std::fs::write(file("conf"), config).unwrap();
        let mut command = Command::new("nsenter");
        command.arg(format!("--net={}", gate.path().display())).arg("danted");
        command.arg("-f").arg(file("conf")).arg("-p").arg(file("pid"));
        let log = file("log");
        let dante = Self { process: command.spawn().unwrap(), _files: files };
        let is_there = || Ok(std::net::TcpStream::connect((GATE, Self::PORT)).is_ok());
        for _ in 0..500 {
            if gate.within(is_there).unwrap() {
                return dante;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("{}", std::fs::read_to_string(log).unwrap_or_default());
    }
}

impl Drop for Dante {
    fn drop(&mut self) {
        // Its children notice that they are alone.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Runs a client behind the gate until it has opened a tunnel. Returns its polls, each with the address that it came from,
/// and what the guard has counted.
fn tunnel(world: &World, proxy: SocketAddr) -> (Vec<String>, String) {
    world.nft(&[GUARD]);
    let (ready, stun_port) = channel();
    let (hear, heard) = channel();
    let (running, over) = channel::<()>();
    let mut polls = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(|| run(&world.core, self::world(ready, hear)));
        let stun_port = stun_port.recv_timeout(LIMIT).unwrap();
        scope.spawn(move || run(&world.home, client(proxy, stun_port, over)));
        let preamble = loop {
            let line = heard.recv_timeout(LIMIT).unwrap();
            match line.strip_prefix("preamble ") {
                Some(first) => break first.to_owned(),
                None => polls.push(line),
            }
        };
        drop(running);
        // The first byte of the token.
        assert_eq!(preamble, "18");
    });
    (polls, world.nft(&["list", "chain", "inet", "guard", "out"]))
}

fn assert_through(polls: &[String], counted: &str, words: &[&str]) {
    assert!(counted.contains("counter packets 0 bytes 0"), "{counted}");
    let from_the_gate = format!("{GATE_OUTSIDE} ");
    assert!(polls.iter().all(|poll| poll.starts_with(&from_the_gate)), "{polls:?}");
    let word = polls.last().unwrap().strip_prefix(&from_the_gate).unwrap();
    assert!(words.contains(&word), "{polls:?}");
}

#[test]
fn nothing_goes_around_the_proxy() {
    if is_left_out(&["ip", "nft", "nsenter"]) {
        return;
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for (nat, word) in [(Nat::Moderate, "moderate"), (Nat::Strict, "strict")] {
        let world = runtime.block_on(World::new());
        let user = Some(["user".to_owned(), "password".to_owned()]);
        let plan = Plan { address: GATE, outside: GATE_OUTSIDE, nat, user };
        let (socks_at, socks) = channel();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                run(&world.gate, async {
                    let socks = UdpSocks::start(plan).await.unwrap();
                    socks_at.send(socks.address()).unwrap();
                    // Also if the test has failed.
                    let _ = stopped.await;
                });
            });
            let (polls, counted) = tunnel(&world, socks.recv_timeout(LIMIT).unwrap());
            drop(stop);
            assert_through(&polls, &counted, &[word]);
        });
    }
}

#[test]
fn a_proxy_of_others_will_do() {
    if is_left_out(&["ip", "nft", "nsenter", "danted"]) {
        return;
    }
    let world = tokio::runtime::Runtime::new().unwrap().block_on(World::new());
    let _dante = Dante::start(&world.gate);
    let (polls, counted) = tunnel(&world, (GATE, Dante::PORT).into());
    assert_through(&polls, &counted, &["open", "moderate"]);
}

//! A broker on a port of its own, and just enough HTTP to talk to it.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use snowflake_broker::{Config, PollIntervals, run};
use snowflake_messages::{
    ClientPollRequest, DescriptionText, Fingerprint, NatType, PollOutcome, ProxyAnswerRequest,
    ProxyPollRequest, ProxyPollResponse, ProxyType, RelayPattern, SessionDescription, Sid,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// The pattern of a public broker, and of a proxy as people run it.
pub(crate) const PATTERN: &str = "snowflake.torproject.net$";

/// Longer than anything that should happen, shorter than a person's patience.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Between two looks at a state that is about to change.
pub(crate) const PAUSE: Duration = Duration::from_millis(2);

pub(crate) struct TestBroker {
    pub(crate) addr: SocketAddr,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

/// As people run it, but without rate limit: all who poll here have one address.
pub(crate) fn config() -> Config {
    Config { intervals: intervals(0, 0, 0), ..limited() }
}

/// As people run it.
pub(crate) fn limited() -> Config {
    Config { allowed_relay_pattern: RelayPattern::new(PATTERN), ..Config::default() }
}

/// Poll intervals in milliseconds.
pub(crate) fn intervals(open: u64, moderate: u64, strict: u64) -> PollIntervals {
    PollIntervals::parse(&format!(
        r#"{{"open_poll_interval":{open},"moderate_poll_interval":{moderate},"strict_poll_interval":{strict}}}"#
    ))
    .unwrap()
}

impl TestBroker {
    pub(crate) async fn start() -> Self {
        Self::with(config()).await
    }

    pub(crate) async fn with(config: Config) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let addr = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(run(config, listener, shutdown.clone()));
        Self { addr, shutdown, task }
    }

    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        timeout(PATIENCE, self.task).await.expect("the broker stops").unwrap();
    }

    pub(crate) async fn open(&self) -> Connection<TcpStream> {
        Connection(TcpStream::connect(self.addr).await.unwrap())
    }

    /// One request on a connection of its own.
    pub(crate) async fn post(&self, path: &str, body: impl AsRef<[u8]>) -> Reply {
        let mut connection = self.open().await;
        connection.post(path, body).await;
        connection.reply().await
    }

    /// A request that is answered later.
    pub(crate) fn post_later(
        &self,
        path: &'static str,
        body: impl Into<Vec<u8>>,
    ) -> JoinHandle<Reply> {
        let (addr, body) = (self.addr, body.into());
        tokio::spawn(async move {
            let mut connection = Connection(TcpStream::connect(addr).await.unwrap());
            connection.post(path, body).await;
            connection.reply().await
        })
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        let mut connection = self.open().await;
        connection.send(format!("GET {path} HTTP/1.1\r\nHost: broker\r\n\r\n")).await;
        connection.reply().await
    }

    /// How many proxies the broker says are waiting.
    pub(crate) async fn available(&self) -> usize {
        let page = self.get("/debug").await.body;
        let count = page
            .lines()
            .next()
            .and_then(|line| line.strip_prefix("current snowflakes available: "));
        count.unwrap().parse().unwrap()
    }

    pub(crate) async fn until_available(&self, wanted: usize) {
        let reached = async {
            while self.available().await != wanted {
                sleep(PAUSE).await;
            }
        };
        timeout(PATIENCE, reached).await.unwrap_or_else(|_| panic!("never {wanted} proxies"));
    }

    /// A proxy whose poll the broker holds.
    pub(crate) async fn parked_proxy(&self, sid: &str) -> JoinHandle<Reply> {
        let before = self.available().await;
        let proxy = self.post_later("/proxy", proxy_poll(sid).encode());
        self.until_available(before + 1).await;
        proxy
    }
}

pub(crate) struct Connection<S>(pub(crate) S);

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.unwrap();
        self.0.flush().await.unwrap();
    }

    pub(crate) async fn post(&mut self, path: &str, body: impl AsRef<[u8]>) {
        let body = body.as_ref();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: broker\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        self.send([head.as_bytes(), body].concat()).await;
    }

    /// A proxy's poll as a reverse proxy passes it on.
    pub(crate) async fn poll_from(&mut self, address: &str, poll: &ProxyPollRequest) {
        let body = poll.encode();
        let length = body.len();
        self.send(format!(
            "POST /proxy HTTP/1.1\r\nHost: broker\r\nX-Forwarded-For: {address}\r\nContent-Length: {length}\r\n\r\n{body}"
        ))
        .await;
    }

    pub(crate) async fn reply(&mut self) -> Reply {
        timeout(PATIENCE, self.read_reply()).await.expect("a reply")
    }

    async fn read_reply(&mut self) -> Reply {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.0.read_u8().await.expect("a whole header"));
        }
        let head = String::from_utf8(head).unwrap().to_lowercase();
        let mut reply = Reply { status: head[9..12].parse().unwrap(), head, body: String::new() };
        let length: usize = reply.header("content-length").unwrap_or("0").parse().unwrap();
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).await.unwrap();
        reply.body = String::from_utf8(body).unwrap();
        reply
    }
}

#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// In lower case.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let prefix = format!("{name}: ");
        self.head.lines().find_map(|line| line.strip_prefix(&prefix))
    }

    /// As a broker's reply to a proxy's poll.
    pub(crate) fn poll(&self) -> ProxyPollResponse {
        assert_eq!(self.status, 200);
        ProxyPollResponse::decode(self.body.as_bytes()).unwrap()
    }

    pub(crate) fn is_match(&self) -> bool {
        matches!(self.poll().outcome, PollOutcome::Match { .. })
    }

    pub(crate) fn is_no_match(&self) -> bool {
        self.poll().outcome == PollOutcome::NoMatch
    }
}

pub(crate) fn sid(text: &str) -> Sid {
    Sid::parse(text.to_owned()).unwrap()
}

/// The poll of a proxy that can serve everybody.
pub(crate) fn proxy_poll(sid: &str) -> ProxyPollRequest {
    ProxyPollRequest {
        sid: self::sid(sid),
        proxy_type: ProxyType::Standalone,
        nat: NatType::Unrestricted,
        clients: 0,
        accepted_relay_pattern: Some(RelayPattern::new(PATTERN)),
    }
}

pub(crate) fn offer() -> DescriptionText {
    SessionDescription::offer("v=0\r\na=candidate:1 1 udp 1 192.0.2.1 1 typ host\r\n").to_text()
}

pub(crate) fn answer() -> DescriptionText {
    SessionDescription::answer("v=0\r\na=candidate:1 1 udp 1 192.0.2.9 9 typ host\r\n").to_text()
}

pub(crate) fn client_poll() -> ClientPollRequest {
    ClientPollRequest { offer: offer(), nat: NatType::Unknown, fingerprint: Fingerprint::DEFAULT }
}

pub(crate) fn proxy_answer(sid: &str) -> String {
    ProxyAnswerRequest { sid: self::sid(sid), answer: answer() }.encode()
}

/// What a client reads as its refusal.
pub(crate) fn error(text: &str) -> String {
    format!(r#"{{"error":"{text}"}}"#)
}

/// Waits until this runtime has no more than so many tasks. A broker at rest is one.
pub(crate) async fn until_tasks(wanted: usize) {
    let metrics = tokio::runtime::Handle::current().metrics();
    let reached = async {
        while metrics.num_alive_tasks() > wanted {
            sleep(PAUSE).await;
        }
    };
    let alive = || metrics.num_alive_tasks();
    timeout(PATIENCE, reached)
        .await
        .unwrap_or_else(|_| panic!("{} tasks left instead of {wanted}", alive()));
}

//! The library that Go Snowflake uses echoes 20 MB to us, byte for byte, across a path that loses packets.
//!
//! Needs Debian's packages golang-go and golang-github-xtaci-kcp-dev.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test panics and may talk")]

use std::io::{BufRead, BufReader, ErrorKind};
use std::net::{Ipv4Addr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use snowflake_kcp::{Config, Kcp};
use snowflake_netsim::{Link, Path as NetworkPath, Rng};

const SIZE: usize = 20_000_000;

/// How far the echo may be behind: one smux stream's window.
const AHEAD: usize = 1 << 20;

/// Far more than it takes, for slow machines.
const LIMIT: Duration = Duration::from_secs(120);

const PACKAGES: &str =
    "this test talks to kcp-go: apt-get install golang-go golang-github-xtaci-kcp-dev";

/// A running echo server, ended when dropped.
struct Echo {
    process: Child,
    port: u16,
}

impl Echo {
    fn start(name: &str) -> Self {
        let mut process = Command::new(build(name))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the echo server was built and starts");
        let mut line = String::new();
        let stdout = process.stdout.take().expect("stdout is piped");
        BufReader::new(stdout).read_line(&mut line).expect("the echo server prints its port");
        Self { port: line.trim().parse().expect("a port"), process }
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn build(name: &str) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let binary = target.join(name);
    let status = Command::new("go")
        .args(["build", "-o"])
        .arg(&binary)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/go/main.go"))
        .env("GO111MODULE", "off")
        .env("GOPATH", "/usr/share/gocode")
        .env("GOCACHE", target.join("go-cache"))
        .status()
        .unwrap_or_else(|error| panic!("cannot run go ({error}); {PACKAGES}"));
    assert!(status.success(), "go build failed; {PACKAGES}");
    binary
}

#[expect(clippy::disallowed_methods, reason = "kcp-go lives in real time")]
fn clock() -> Instant {
    Instant::now()
}

/// Our end, the real socket, and a bad path between them in each direction.
struct Client {
    kcp: Kcp,
    socket: UdpSocket,
    up: Link,
    down: Link,
}

impl Client {
    fn new(port: u16, loss: f64) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        // The rate spares the socket's small buffer, whose losses nobody seeded.
        let path =
            NetworkPath::perfect().delay(Duration::from_millis(25)).rate_mbit(150.0).loss(loss);
        let kcp = Kcp::new(0x1234_5678, Config::default(), clock());
        Self { kcp, socket, up: Link::new(path.clone(), 1), down: Link::new(path, 2) }
    }

    /// Moves packets for as long as there is something to move, then sleeps until there may be more.
    fn turn(&mut self) {
        let now = clock();
        if self.kcp.poll_timeout().is_some_and(|at| at <= now) {
            self.kcp.handle_timeout(now);
        }
        let mut packet = BytesMut::new();
        while self.kcp.poll_transmit(now, &mut packet).is_some() {
            self.up.send(now, packet.split().freeze());
        }
        while let Some(packet) = self.up.receive(now) {
            self.socket.send(&packet).expect("loopback takes a packet");
        }
        while let Some(packet) = self.down.receive(now) {
            self.kcp.handle_packet(now, packet).expect("kcp-go sends good packets");
        }
        self.sleep(now);
    }

    fn sleep(&mut self, now: Instant) {
        let events = [self.up.next_arrival(), self.down.next_arrival(), self.kcp.poll_timeout()];
        let next = events.into_iter().flatten().min().unwrap_or(now + Duration::from_millis(10));
        let wait = next.saturating_duration_since(now).max(Duration::from_micros(100));
        self.socket.set_read_timeout(Some(wait)).unwrap();
        self.socket.set_nonblocking(false).unwrap();
        let mut buffer = [0; 2048];
        loop {
            match self.socket.recv(&mut buffer) {
                Ok(len) => self.down.send(clock(), Bytes::copy_from_slice(&buffer[..len])),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => panic!("cannot receive from loopback: {error}"),
            }
            self.socket.set_nonblocking(true).unwrap();
        }
    }
}

fn echo(name: &str, loss: f64) {
    let echo = Echo::start(name);
    let mut client = Client::new(echo.port, loss);
    let mut sent = vec![0; SIZE];
    Rng::new(7).fill(&mut sent);
    let (mut written, mut read) = (0, 0);
    let start = clock();
    while read < SIZE || client.kcp.in_flight() > 0 {
        let until = SIZE.min(read + AHEAD);
        if written < until {
            written += client.kcp.write(&sent[written..until]);
        }
        client.turn();
        while let Some(data) = client.kcp.read() {
            let same = sent[read..].starts_with(&data);
            assert!(same, "altered within {} bytes after {read}", data.len());
            read += data.len();
        }
        assert!(start.elapsed() < LIMIT, "{read} bytes came back; {:?}", client.kcp.stats());
    }
    println!("loss {loss}: {:?}, {:?}", start.elapsed(), client.kcp.stats());
}

#[test]
fn twenty_megabytes_are_echoed_without_loss() {
    echo("echo-0", 0.0);
}

#[test]
fn twenty_megabytes_are_echoed_with_2_percent_loss() {
    echo("echo-2", 0.02);
}

#[test]
fn twenty_megabytes_are_echoed_with_5_percent_loss() {
    echo("echo-5", 0.05);
}

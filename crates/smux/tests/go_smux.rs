//! The Go library on the other end: ours as client and as server, 20 MB each way, several streams
//! at once, half close.
//!
//! Needs Debian's `golang-go` and `golang-github-xtaci-smux-dev`.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "go/driver.rs"]
mod driver;

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use driver::Driver;
use snowflake_smux::{Config, Event, Read, Role, StreamId};

const MB: usize = 1_000_000;
/// What the Go end answers to a half-closed stream; less than the first window, which is all a Go
/// writer has after our FIN.
const HALF_CLOSE_ANSWER: usize = 100_000;

/// The Go program, built once.
fn program() -> &'static PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        const NEEDED: &str = "needs the Debian packages golang-go and golang-github-xtaci-smux-dev";
        let program = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("go_smux");
        let status = Command::new("go")
            .args(["build", "-o"])
            .args([&program, &PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/go/main.go")])
            .envs([("GO111MODULE", "off"), ("GOPATH", "/usr/share/gocode"), ("GOFLAGS", "")])
            .env("GOCACHE", PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("go_cache"))
            .status()
            .unwrap_or_else(|error| panic!("cannot run go ({error}): this test {NEEDED}"));
        assert!(status.success(), "cannot build the Go end: this test {NEEDED}");
        program
    })
}

/// A Go process that does not outlive the test.
struct Go(Child);

impl Go {
    fn start(args: &[&str]) -> Self {
        Self(Command::new(program()).args(args).stdout(Stdio::piped()).spawn().unwrap())
    }

    /// A Go server and a session of ours with it.
    fn server() -> (Self, Driver) {
        let mut go = Self::start(&["server"]);
        let mut address = String::new();
        BufReader::new(go.0.stdout.take().unwrap()).read_line(&mut address).unwrap();
        let tcp = TcpStream::connect(address.trim()).unwrap();
        (go, Driver::new(Role::Client, Config::client(), tcp))
    }
}

impl Drop for Go {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn pattern(n: usize, offset: usize) -> u8 {
    (offset * 31 + (offset >> 8) + (offset >> 16) + n * 7) as u8
}

/// One stream of ours that sends `total` bytes and expects them back.
struct Echo {
    n: usize,
    id: StreamId,
    total: usize,
    sent: usize,
    got: usize,
    finished: bool,
    done: bool,
}

impl Echo {
    fn open(driver: &mut Driver, n: usize, total: usize) -> Self {
        let id = driver.smux.open().unwrap();
        assert_eq!(driver.smux.write(id, b"e"), Ok(1));
        Self { n, id, total, sent: 0, got: 0, finished: false, done: false }
    }

    fn advance(&mut self, driver: &mut Driver) {
        while self.sent < self.total {
            let length = (self.total - self.sent).min(30_000);
            let data: Vec<u8> = (0..length).map(|i| pattern(self.n, self.sent + i)).collect();
            match driver.smux.write(self.id, &data).unwrap() {
                0 => break,
                n => self.sent += n,
            }
        }
        while !self.done {
            match driver.smux.read(self.id, usize::MAX).unwrap() {
                Read::Data(data) => self.check(&data),
                Read::Pending => break,
                Read::Finished => self.done = true,
            }
        }
        // Only now: a Go writer that has seen FIN gives up when its window is used up.
        if self.got == self.total && !self.finished {
            self.finished = true;
            driver.smux.finish(self.id).unwrap();
        }
    }

    fn check(&mut self, data: &[u8]) {
        for &byte in data {
            assert_eq!(byte, pattern(self.n, self.got), "stream {}, byte {}", self.id, self.got);
            self.got += 1;
        }
    }
}

/// Echoes `total` bytes on each of `streams` streams.
fn echo_through_go_server(streams: usize, total: usize) {
    let (_go, mut driver) = Go::server();
    let mut echoes: Vec<_> = (0..streams).map(|n| Echo::open(&mut driver, n, total)).collect();
    loop {
        for echo in echoes.iter_mut().filter(|echo| !echo.done) {
            echo.advance(&mut driver);
        }
        while driver.smux.poll_event().is_some() {}
        if echoes.iter().all(|echo| echo.done) {
            break;
        }
        assert!(driver.turn(), "the Go server hung up");
    }
    assert!(echoes.iter().all(|echo| echo.got == total && echo.finished));
    assert_eq!(driver.smux.streams(), 0, "FIN went both ways on every stream");
}

#[test]
fn our_client_echoes_20_mb_through_a_go_server() {
    echo_through_go_server(1, 20 * MB);
}

#[test]
fn our_client_runs_eight_streams_at_once_through_a_go_server() {
    echo_through_go_server(8, 20 * MB / 8);
}

#[test]
fn a_go_server_answers_after_our_half_close() {
    const REQUEST: usize = 3 * MB;
    let (_go, mut driver) = Go::server();
    let id = driver.smux.open().unwrap();
    assert_eq!(driver.smux.write(id, b"h"), Ok(1));
    let (mut sent, mut answer) = (0, Vec::new());
    loop {
        while sent < REQUEST {
            match driver.smux.write(id, &vec![1; (REQUEST - sent).min(10_000)]).unwrap() {
                0 => break,
                n => sent += n,
            }
            if sent == REQUEST {
                driver.smux.finish(id).unwrap();
            }
        }
        match driver.smux.read(id, usize::MAX).unwrap() {
            Read::Data(data) => {
                assert_eq!(sent, REQUEST);
                answer.extend(data);
                continue;
            }
            Read::Pending => assert!(driver.turn(), "the Go server hung up"),
            Read::Finished => break,
        }
        while driver.smux.poll_event().is_some() {}
    }
    assert_eq!(answer.len(), HALF_CLOSE_ANSWER);
    assert!(answer.iter().enumerate().all(|(i, &byte)| byte == pattern(REQUEST, i)));
    assert_eq!(driver.smux.streams(), 0);
}

/// A server of ours that echoes until this many streams have ended; returns how many bytes it read on
/// each.
///
/// It keeps what it cannot write yet, and reads on: were it to stop, all streams together could fill the budget of the
/// session, with the peer's window updates behind their data, and nobody would go on.
fn echo_server(tcp: TcpStream, streams: usize) -> HashMap<StreamId, usize> {
    let mut driver = Driver::new(Role::Server, Config::server(), tcp);
    let mut unsent: HashMap<StreamId, Vec<u8>> = HashMap::new();
    let mut counts: HashMap<StreamId, usize> = HashMap::new();
    loop {
        while let Some(event) = driver.smux.poll_event() {
            if let Event::Opened(id) = event {
                unsent.insert(id, Vec::new());
                counts.insert(id, 0);
            }
        }
        unsent.retain(|&id, back| {
            loop {
                match driver.smux.read(id, usize::MAX).unwrap() {
                    Read::Data(data) => {
                        let count = counts.get_mut(&id).unwrap();
                        // The first byte asks for an echo and is not part of it.
                        back.extend(&data[usize::from(*count == 0)..]);
                        *count += data.len();
                    }
                    Read::Pending => break,
                    Read::Finished => {
                        assert!(back.is_empty());
                        driver.smux.finish(id).unwrap();
                        return false;
                    }
                }
            }
            let n = driver.smux.write(id, back).unwrap();
            back.drain(..n);
            true
        });
        if counts.len() == streams && driver.smux.streams() == 0 {
            return counts;
        }
        assert!(driver.turn(), "the Go client hung up");
    }
}

#[test]
fn our_server_serves_a_go_client_with_several_streams() {
    for (streams, total) in [(1, 20 * MB), (8, 20 * MB / 8)] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let mut go = Go::start(&["client", &address, &streams.to_string(), &total.to_string()]);
        let counts = echo_server(listener.accept().unwrap().0, streams);
        assert!(go.0.wait().unwrap().success(), "the Go client found a fault");
        assert_eq!(counts.len(), streams);
        assert!(counts.values().all(|&count| count == total + 1));
        assert!(counts.keys().all(|id| id.0 % 2 == 1 && id.0 >= 3));
    }
}

//! What tor and a broker do, for the tests: one starts the client and connects, the other answers its polls.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::Duration;

pub(crate) const NO_PROXIES: &str = "{\"error\":\"no snowflake proxies currently available\"}";

/// How long a test waits for what is to come.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);

/// The dummy of the Go project's documentation.
pub(crate) const CREDS: &str =
    "eyJhd3MtYWNjZXNzLWtleS1pZCI6IkFLSUFFWEFNUExFIiwiYXdzLXNlY3JldC1rZXkiOiJzZWNyZXRFWEFNUExFIn0=";

/// A client that tor has started.
pub(crate) struct Client {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Client {
    pub(crate) fn start(flags: &[&str], env: &[(&str, &str)]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_snowflake-client"))
            .args(flags)
            .env_clear()
            .envs(env.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let lines = BufReader::new(child.stdout.take().expect("stdout is a pipe"));
        Self { child, lines }
    }

    /// The next line without its end; empty when there are no more.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("lines are text");
        line.trim_end().to_owned()
    }

    /// Reads lines up to CMETHODS DONE and returns where the SOCKS port is.
    pub(crate) fn socks_port(&mut self) -> SocketAddr {
        assert_eq!(self.line(), "VERSION 1");
        assert!(
            self.line()
                .starts_with("STATUS TYPE=version IMPLEMENTATION=\"snowflake-client\" VERSION=\"")
        );
        let method = self.line();
        let address =
            method.strip_prefix("CMETHOD snowflake socks5 ").expect("a method").parse().unwrap();
        assert_eq!(self.line(), "CMETHODS DONE");
        address
    }

    /// What it ends with when it is told to.
    pub(crate) fn terminate(mut self) -> ExitStatus {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", "TERM", &id]).status().unwrap().success());
        self.child.wait().unwrap()
    }

    /// Closes stdin and waits for the end.
    pub(crate) fn close(mut self) -> ExitStatus {
        drop(self.child.stdin.take());
        self.child.wait().expect("the program ends")
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // Fails only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) const VERSION: (&str, &str) = ("TOR_PT_MANAGED_TRANSPORT_VER", "1");
pub(crate) const TRANSPORTS: (&str, &str) = ("TOR_PT_CLIENT_TRANSPORTS", "snowflake");
pub(crate) const STDIN: (&str, &str) = ("TOR_PT_EXIT_ON_STDIN_CLOSE", "1");

/// The reply to a SOCKS connection with these arguments.
pub(crate) fn connect(address: SocketAddr, args: &str) -> [u8; 10] {
    let mut socks = TcpStream::connect(address).unwrap();
    socks.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    socks.write_all(&[5, 1, 2]).unwrap();
    let mut two = [0; 2];
    socks.read_exact(&mut two).unwrap();
    assert_eq!(two, [5, 2]);
    let user = args.as_bytes();
    socks.write_all(&[&[1, user.len() as u8], user, &[1, 0]].concat()).unwrap();
    socks.read_exact(&mut two).unwrap();
    assert_eq!(two, [1, 0]);
    socks.write_all(&[5, 1, 0, 1, 192, 0, 2, 3, 0, 80]).unwrap();
    let mut reply = [0; 10];
    socks.read_exact(&mut reply).unwrap();
    reply
}

/// A broker that reads one request and sends `response`, then whatever `then` does; returns its URL.
pub(crate) fn broker(response: String, then: impl FnOnce(TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("url=http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        poll_of(&mut client);
        // The client may have left before it was all sent.
        let _ = client.write_all(response.as_bytes());
        then(client);
    });
    url
}

/// A broker that answers each request as `respond` says, given the request's body; returns the argument that names it.
pub(crate) fn broker_of_many(respond: impl Fn(&str) -> String + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("url=http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.unwrap();
            let poll = poll_of(&mut client);
            // The client may have ended.
            let _ = client.write_all(respond(&poll).as_bytes());
        }
    });
    url
}

/// The body of a request that a client makes of a broker. It ends with its JSON object.
fn poll_of(client: &mut TcpStream) -> String {
    let (mut request, mut piece) = (Vec::new(), [0; 4096]);
    while !request.ends_with(b"}") {
        let length = client.read(&mut piece).unwrap();
        assert_ne!(length, 0, "the request is whole");
        request.extend_from_slice(&piece[..length]);
    }
    let request = String::from_utf8(request).unwrap();
    let (_, body) = request.split_once("\r\n\r\n").unwrap();
    body.to_owned()
}

pub(crate) fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

pub(crate) fn answer(description: &str) -> String {
    ok(&format!("{{\"answer\":\"{}\"}}", description.replace('\\', "\\\\").replace('"', "\\\"")))
}

/// What tor hears after "offer created", without the words around it.
pub(crate) fn first_failure(broker: &str) -> String {
    let mut client = Client::start(&["-keep-local-addresses"], &[VERSION, TRANSPORTS, STDIN]);
    let address = client.socks_port();
    let _reply = connect(address, broker);
    let message = "LOG SEVERITY=notice MESSAGE=\"";
    assert_eq!(client.line(), format!("{message}offer created\""));
    let mut line = client.line();
    if line == format!("{message}broker rendezvous peer received\"") {
        line = client.line();
    }
    assert!(client.close().success());
    line.strip_prefix(message).and_then(|rest| rest.strip_suffix('"')).expect("a LOG line").into()
}

//! The program as tor runs it: its lines, its answers to bad bridge lines, its end.

#![expect(clippy::unwrap_used, reason = "a test helper that fails is a failed test")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::Receiver;
use std::time::Duration;

/// A client that tor has started.
struct Client {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Client {
    fn start(flags: &[&str], env: &[(&str, &str)]) -> Self {
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
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("lines are text");
        line.trim_end().to_owned()
    }

    /// Reads lines up to CMETHODS DONE and returns where the SOCKS port is.
    fn socks_port(&mut self) -> SocketAddr {
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

    /// Closes stdin and waits for the end.
    fn close(mut self) -> ExitStatus {
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

const VERSION: (&str, &str) = ("TOR_PT_MANAGED_TRANSPORT_VER", "1");
const TRANSPORTS: (&str, &str) = ("TOR_PT_CLIENT_TRANSPORTS", "snowflake");
const STDIN: (&str, &str) = ("TOR_PT_EXIT_ON_STDIN_CLOSE", "1");

/// The reply to a SOCKS connection with these arguments.
fn connect(address: SocketAddr, args: &str) -> [u8; 10] {
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

#[test]
fn a_bad_bridge_line_costs_its_connection_and_nothing_else() {
    let mut client = Client::start(&[], &[VERSION, TRANSPORTS, STDIN]);
    let address = client.socks_port();
    let broker = "url=http://127.0.0.1:9/";
    for bad in [
        "max=1",
        "ampcache=https://cdn.example/",
        "sqsqueue=https://sqs.us-east-1.amazonaws.com/x",
        &format!("{broker};max=x"),
        "url=nonsense",
        &format!("{broker};fingerprint=00"),
    ] {
        assert_eq!(connect(address, bad), [5, 1, 0, 1, 0, 0, 0, 0, 0, 0], "{bad}");
    }
    assert_eq!(connect(address, &format!("{broker};colour=blue")), [5, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    assert!(client.close().success());
}

/// The dummy of the Go project's documentation.
const CREDS: &str =
    "eyJhd3MtYWNjZXNzLWtleS1pZCI6IkFLSUFFWEFNUExFIiwiYXdzLXNlY3JldC1rZXkiOiJzZWNyZXRFWEFNUExFIn0=";

#[test]
fn a_bad_queue_costs_its_connection_and_nothing_else() {
    let mut client = Client::start(&[], &[VERSION, TRANSPORTS, STDIN]);
    let address = client.socks_port();
    let queue = "sqsqueue=https://sqs.us-east-1.amazonaws.com/1/queue";
    for bad in [
        queue,
        &format!("{queue};sqscreds=%"),
        &format!("url=http://127.0.0.1:9/;{queue};sqscreds={CREDS}"),
        &format!("sqsqueue=https://queue.example/1/queue;sqscreds={CREDS}"),
    ] {
        assert_eq!(connect(address, bad), [5, 1, 0, 1, 0, 0, 0, 0, 0, 0], "{bad}");
    }
    assert_eq!(connect(address, "url=http://127.0.0.1:9/")[1], 0);
    assert!(client.close().success());
}

#[test]
fn a_queue_is_asked_in_the_place_of_the_broker() {
    let service = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", service.local_addr().unwrap());
    let environment = [VERSION, TRANSPORTS, STDIN, ("AWS_ENDPOINT_URL_SQS", &url)];
    let mut client = Client::start(&["-keep-local-addresses"], &environment);
    let address = client.socks_port();
    let line = format!("sqsqueue=https://sqs.us-east-1.amazonaws.com/1/queue;sqscreds={CREDS}");
    assert_eq!(connect(address, &line)[1], 0);
    let (mut request, _) = service.accept().unwrap();
    let mut head = String::new();
    let mut reader = BufReader::new(request.try_clone().unwrap());
    while !head.ends_with("\r\n\r\n") {
        reader.read_line(&mut head).unwrap();
    }
    assert!(head.contains("x-amz-target: AmazonSQS.SendMessage\r\n"), "{head}");
    assert!(head.contains("Credential=AKIAEXAMPLE/") && head.contains("/us-east-1/sqs/"), "{head}");
    let length = head.split("content-length: ").nth(1).unwrap().split('\r').next().unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    let body = String::from_utf8(body).unwrap();
    assert!(body.contains("\"MessageBody\":\"1.0\\n{") && body.contains("\"ClientID\""), "{body}");
    let refusal = r#"{"__type":"com.amazonaws.sqs#AccessDenied"}"#;
    let length = refusal.len();
    write!(request, "HTTP/1.1 403 X\r\nContent-Length: {length}\r\n\r\n{refusal}").unwrap();
    assert_eq!(client.line(), "LOG SEVERITY=notice MESSAGE=\"offer created\"");
    assert_eq!(
        client.line(),
        "LOG SEVERITY=notice MESSAGE=\"broker failure asking the broker: sending the poll to the broker's queue: \
         SendMessage: refused with status 403, AccessDenied\""
    );
    assert!(client.close().success());
}

/// Go's client goes around the proxy here.
#[test]
fn a_queue_is_asked_through_the_proxy_of_tors_user() {
    const ASKED: &str = "CONNECT sqs.us-east-1.amazonaws.com:443 ";
    let (port, told) = proxy(vec![(ASKED.len(), b"HTTP/1.1 403 X\r\n\r\n")]);
    let url = format!("http://127.0.0.1:{port}");
    let (client, lines) = behind(&url, |line| line == "CMETHODS DONE");
    let port = lines[3].rsplit(':').next().unwrap().parse().unwrap();
    let line = format!("sqsqueue=https://sqs.us-east-1.amazonaws.com/1/queue;sqscreds={CREDS}");
    assert_eq!(connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port)), &line)[1], 0);
    assert_eq!(told.recv_timeout(LIMIT).unwrap(), ASKED.as_bytes());
    assert!(client.close().success());
}

/// As with Go's: through which proxy to go is said by tor.
#[test]
fn the_environments_proxies_are_not_used() {
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", proxy.local_addr().unwrap());
    let mut environment = vec![VERSION, TRANSPORTS, STDIN];
    environment.extend(["HTTP_PROXY", "http_proxy", "ALL_PROXY"].map(|name| (name, &*url)));
    let mut client = Client::start(&["-keep-local-addresses"], &environment);
    let address = client.socks_port();
    assert_eq!(connect(address, "url=http://broker.invalid/")[1], 0);
    assert_eq!(client.line(), "LOG SEVERITY=notice MESSAGE=\"offer created\"");
    let failure = client.line();
    assert!(failure.contains("\"broker failure asking the broker: "), "{failure}");
    assert!(client.close().success());
    proxy.set_nonblocking(true).unwrap();
    assert_eq!(proxy.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

/// Also while a connection waits for its first proxy.
#[test]
fn sigterm_ends_it_with_status_0() {
    let mut client = Client::start(&[], &[VERSION, TRANSPORTS]);
    let address = client.socks_port();
    assert_eq!(connect(address, "url=http://127.0.0.1:9/")[1], 0);
    let id = client.child.id().to_string();
    assert!(Command::new("kill").args(["-s", "TERM", &id]).status().unwrap().success());
    assert_eq!(client.child.wait().unwrap().code(), Some(0));
}

#[test]
fn socks_garbage_is_turned_away_and_the_program_goes_on() {
    let mut client = Client::start(&["-url", "http://127.0.0.1:9/"], &[VERSION, TRANSPORTS, STDIN]);
    let address = client.socks_port();
    let garbage: [&[u8]; 4] =
        [b"GET / HTTP/1.0\r\n\r\n", &[4, 1, 0, 80, 1, 2, 3, 4, 0], &[5, 1, 9], &[0xff; 600]];
    for bytes in garbage {
        let mut socks = TcpStream::connect(address).unwrap();
        socks.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        socks.write_all(bytes).unwrap();
        let mut answer = Vec::new();
        // A reset is as good as a close.
        let _ = socks.read_to_end(&mut answer);
        assert!(answer.len() <= 2, "{answer:?}");
    }
    assert_eq!(connect(address, "max=1")[1], 0);
    assert!(client.close().success());
}

#[test]
fn tor_hears_of_events() {
    let mut client = Client::start(&["-keep-local-addresses"], &[VERSION, TRANSPORTS, STDIN]);
    let address = client.socks_port();
    let _reply = connect(address, "url=http://127.0.0.1:9/");
    assert_eq!(client.line(), "LOG SEVERITY=notice MESSAGE=\"offer created\"");
    let failure = client.line();
    assert!(
        failure.starts_with("LOG SEVERITY=notice MESSAGE=\"broker failure asking the broker"),
        "{failure}"
    );
    assert!(!failure.contains("127.0.0.1"), "{failure}");
    assert!(client.close().success());
}

#[test]
fn what_cannot_be_imitated_is_said_once_and_the_connection_made() {
    let mut client = Client::start(&["-keep-local-addresses"], &[VERSION, TRANSPORTS, STDIN]);
    let address = client.socks_port();
    let line = "url=http://127.0.0.1:9/;utls-imitate=hellorandomizedalpn;covertdtls-config=mimic";
    let notice = |text: &str| {
        format!(
            "LOG SEVERITY=notice MESSAGE=\"{text} has no effect in this build; going on without it\""
        )
    };
    let _reply = connect(address, line);
    assert_eq!(client.line(), notice("utls-imitate=hellorandomizedalpn"));
    assert_eq!(client.line(), notice("covertdtls-config=mimic"));
    let mut offers = 0;
    let second = connect(address, line);
    assert_eq!(second[1], 0);
    while offers < 2 {
        let said = client.line();
        assert!(!said.is_empty() && !said.contains("has no effect"), "{said}");
        offers += usize::from(said.contains("offer created"));
    }
    assert!(client.close().success());
}

#[test]
fn the_log_in_tors_state_directory_does_not_wait_for_tor_to_make_it() {
    use std::os::unix::fs::PermissionsExt;
    let state = std::env::temp_dir().join(format!("snowflake-state-{}", std::process::id()));
    let directory = state.join("pt_state");
    let location = ("TOR_PT_STATE_LOCATION", directory.to_str().unwrap());
    let flags = ["-log", "client.log", "-log-to-state-dir"];
    let mut client = Client::start(&flags, &[VERSION, TRANSPORTS, STDIN, location]);
    client.socks_port();
    assert_eq!(std::fs::metadata(&directory).unwrap().permissions().mode() & 0o777, 0o700);
    assert!(directory.join("client.log").exists());
    assert!(client.close().success());
    std::fs::remove_dir_all(&state).unwrap();
}

/// A broker that reads one request and sends `response`, then whatever `then` does; returns its URL.
fn broker(response: String, then: impl FnOnce(TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("url=http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let (mut request, mut piece) = (Vec::new(), [0; 4096]);
        // The message ends with its JSON object.
        while !request.ends_with(b"}") {
            let length = client.read(&mut piece).unwrap();
            assert_ne!(length, 0, "the request is whole");
            request.extend_from_slice(&piece[..length]);
        }
        // The client may have left before it was all sent.
        let _ = client.write_all(response.as_bytes());
        then(client);
    });
    url
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

fn answer(description: &str) -> String {
    ok(&format!("{{\"answer\":\"{}\"}}", description.replace('\\', "\\\\").replace('"', "\\\"")))
}

/// What tor hears after "offer created", without the words around it.
fn first_failure(broker: &str) -> String {
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

#[test]
fn bad_answers_of_the_broker_are_named_and_end_only_the_attempt() {
    let cases = [
        (ok(""), "broker failure reading the broker's response: "),
        (ok("{}"), "broker failure received empty broker response"),
        (
            ok("{\"error\":\"no snowflake proxies currently available\"}"),
            "broker failure no snowflake proxies currently available",
        ),
        (
            "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n".to_owned(),
            "broker failure Unexpected error, no answer.",
        ),
        (ok(&"x".repeat(100_001)), "broker failure asking the broker: "),
        (String::new(), "broker failure asking the broker: "),
        (
            answer("v=0"),
            "broker failure reading the broker's response: malformed session description",
        ),
        (
            answer(r#"{"type":"offer","sdp":"v=0"}"#),
            "trying a new proxy: what the proxy sent is no answer",
        ),
        (
            answer(r#"{"type":"answer","sdp":"this is no SDP"}"#),
            "trying a new proxy: opening a data channel: the peer sent an unusable session description: \
             the text is no session description",
        ),
        (
            answer(r#"{"type":"answer","sdp":"v=0\r\nm=audio 9 RTP/AVP 0\r\n"}"#),
            "trying a new proxy: opening a data channel: the peer sent an unusable session description: ",
        ),
    ];
    for (response, expected) in cases {
        let failure = first_failure(&broker(response.clone(), drop));
        assert!(failure.starts_with(expected), "{failure} after {response:.80}");
    }
}

/// What stands in the log, line by line, without the times.
fn texts(log: &str) -> Vec<&str> {
    log.lines().map(|line| line.split_at("2026/08/12 10:00:00 ".len()).1).collect()
}

/// In the words of the Go client, which the programs that show how far it is look for.
#[test]
fn the_log_has_the_lines_of_go() {
    let log = std::env::temp_dir().join(format!("snowflake-lines-{}", std::process::id()));
    let flags = ["-keep-local-addresses", "-log", log.to_str().unwrap()];
    for (response, status, failure) in [
        (
            "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n".to_owned(),
            "503",
            "Unexpected error, no answer.",
        ),
        (ok(NO_PROXIES), "200 OK", "no snowflake proxies currently available"),
    ] {
        let mut client = Client::start(&flags, &[VERSION, TRANSPORTS, STDIN]);
        let address = client.socks_port();
        let _reply = connect(address, &format!("{};max=2", broker(response, drop)));
        while !client.line().contains("broker failure ") {}
        assert!(client.close().success());
        let logged = std::fs::read_to_string(&log).unwrap();
        std::fs::remove_file(&log).unwrap();
        // Two proxies are looked for at once, and the broker answers one.
        let lines = texts(&logged);
        let place = |text: &str| {
            let found = lines.iter().position(|line| *line == text);
            found.unwrap_or_else(|| panic!("{text:?} is not in {logged}"))
        };
        let places = [
            "--- Starting Snowflake Client ---",
            "WebRTC: Collecting a new Snowflake. Currently at [0/2]",
            "offer created",
            "Our NAT type is \"unknown\", but let's tell the broker it's \"unrestricted\".",
            "Negotiating via HTTP rendezvous...",
            &format!("HTTP rendezvous response: {status}"),
            "WebRTC: Closing",
            &format!("broker failure {failure}"),
            "copy loop ended",
            "---- SnowflakeConn: end collecting snowflakes ---",
        ]
        .map(place);
        assert!(places.is_sorted(), "{logged}");
    }
}

/// A broker that answers each request as `respond` says, given the request's body; returns the argument that names it.
fn broker_of_many(respond: impl Fn(&str) -> String + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("url=http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.unwrap();
            let (mut request, mut piece) = (Vec::new(), [0; 4096]);
            while !request.ends_with(b"}") {
                let length = client.read(&mut piece).unwrap();
                assert_ne!(length, 0, "the request is whole");
                request.extend_from_slice(&piece[..length]);
            }
            let request = String::from_utf8(request).unwrap();
            let (_, body) = request.split_once("\r\n\r\n").unwrap();
            // The client may have ended.
            let _ = client.write_all(respond(body).as_bytes());
        }
    });
    url
}

/// A STUN server with two addresses, towards which there is no NAT, or one that lets through only what comes from whom was
/// sent to; returns the argument that names it.
fn stun_server(is_filtered: bool) -> String {
    let [one, two] =
        [1, 2].map(|host| UdpSocket::bind((Ipv4Addr::new(127, 0, 0, host), 0)).unwrap());
    let url = format!("ice=stun:{}", one.local_addr().unwrap());
    let SocketAddr::V4(other) = two.local_addr().unwrap() else { unreachable!("it is IPv4") };
    for (here, there) in
        [(one.try_clone().unwrap(), two.try_clone().unwrap()), (two.try_clone().unwrap(), two)]
    {
        std::thread::spawn(move || {
            let mut request = [0; 100];
            while let Ok((length, SocketAddr::V4(from))) = here.recv_from(&mut request) {
                let mut answer = vec![1, 1, 0, 24];
                answer.extend(&request[4..20]);
                answer.extend([0, 0x20, 0, 8, 0, 1]);
                answer.extend((from.port() ^ 0x2112).to_be_bytes());
                answer.extend((from.ip().to_bits() ^ 0x2112_a442).to_be_bytes());
                answer.extend([0x80, 0x2c, 0, 8, 0, 1]);
                answer.extend(other.port().to_be_bytes());
                answer.extend(other.ip().octets());
                // Those that are longer than their header ask for an answer from elsewhere.
                let from_elsewhere = length > 20;
                if !from_elsewhere {
                    here.send_to(&answer, from).unwrap();
                } else if !is_filtered {
                    there.send_to(&answer, from).unwrap();
                }
            }
        });
    }
    url
}

/// What the client tells a broker about its NAT in each request.
fn nats_told(
    stun: &str,
    respond: impl Fn(&str) -> String + Send + 'static,
) -> (Client, Receiver<String>, PathBuf) {
    let (told, nats) = std::sync::mpsc::channel();
    let broker = broker_of_many(move |body| {
        let (_, rest) = body.split_once("\"nat\":\"").unwrap();
        let nat = rest.split_once('"').unwrap().0;
        let _ = told.send(nat.to_owned());
        respond(nat)
    });
    let log = std::env::temp_dir().join(broker.replace(['/', ':'], "-"));
    let flags = ["-keep-local-addresses", "-log", log.to_str().unwrap()];
    let mut client = Client::start(&flags, &[VERSION, TRANSPORTS, STDIN]);
    let address = client.socks_port();
    assert_eq!(connect(address, &format!("{broker};{stun}"))[1], 0);
    (client, nats, log)
}

const NO_PROXIES: &str = "{\"error\":\"no snowflake proxies currently available\"}";
const LIMIT: Duration = Duration::from_secs(20);

/// Go's client measures while it dials, too, and then says what it found.
#[test]
fn the_broker_hears_what_our_nat_does_as_soon_as_that_is_known() {
    let (client, nats, log) = nats_told(&stun_server(false), |_| ok(NO_PROXIES));
    // The first one may come before there is an answer.
    let first = nats.recv_timeout(LIMIT).unwrap();
    assert!(["unrestricted", "open"].contains(&first.as_str()), "{first}");
    assert_eq!(nats.recv_timeout(LIMIT).unwrap(), "open");
    assert!(client.close().success());
    let lines = std::fs::read_to_string(&log).unwrap();
    std::fs::remove_file(log).unwrap();
    assert!(lines.contains("NAT Type: open\n"), "{lines}");
    assert!(lines.contains("natTypeToSend: \"open\" (same as actualNatType)\n"), "{lines}");
    if first != "open" {
        let guess = "Our NAT type is \"unknown\", but let's tell the broker it's \"unrestricted\".";
        assert!(lines.contains(guess), "{lines}");
    }
}

/// It takes 3 s to find out that nothing comes through a filter.
#[test]
fn no_dial_waits_for_what_our_nat_does() {
    let (client, nats, log) = nats_told(&stun_server(true), |_| ok(NO_PROXIES));
    assert_eq!(nats.recv_timeout(LIMIT).unwrap(), "unrestricted");
    let mut told = (0..10).map(|_| nats.recv_timeout(LIMIT).unwrap());
    assert_eq!(told.find(|nat| nat != "unrestricted").as_deref(), Some("moderate"));
    assert!(client.close().success());
    std::fs::remove_file(log).unwrap();
}

/// Those up to 2.14.1 know the old words only.
#[test]
fn a_broker_that_refuses_the_new_words_hears_the_old_ones_from_then_on() {
    let (client, nats, log) = nats_told(&stun_server(false), |nat| match nat {
        "unrestricted" | "restricted" | "unknown" => ok(NO_PROXIES),
        _ => ok("{\"error\":\"invalid NAT type\"}"),
    });
    let next = || nats.recv_timeout(LIMIT).unwrap();
    let first = next();
    if first != "open" {
        assert_eq!([first, next()], ["unrestricted", "open"]);
    }
    assert_eq!([next(), next(), next()], ["unrestricted"; 3]);
    assert!(client.close().success());
    std::fs::remove_file(log).unwrap();
}

/// An AMP cache for `http://broker.example/` that gives this answer, made of the poll; returns the argument for both.
fn amp_cache(answer: impl Fn(&[u8]) -> String + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                client.read_exact(&mut byte).unwrap();
                request.extend(byte);
            }
            let request = String::from_utf8(request).unwrap();
            assert!(request.to_lowercase().contains("\r\nhost: broker-example.amp.example\r\n"));
            let path = request.strip_prefix("GET /c/broker.example/amp/client/").unwrap();
            let path = path.split_once(" HTTP/1.1\r\n").unwrap().0;
            let poll = snowflake_amp::decode_path(path).unwrap();
            // The client may have ended.
            let _ = client.write_all(answer(&poll).as_bytes());
        }
    });
    format!("url=http://broker.example/;ampcache=http://amp.example/;front={address}")
}

#[test]
fn a_broker_is_asked_through_an_amp_cache() {
    let line = amp_cache(|poll| {
        assert!(poll.starts_with(b"1.0\n{\"offer\":"));
        ok(&String::from_utf8(snowflake_amp::encode_armor(NO_PROXIES.as_bytes())).unwrap())
    });
    assert_eq!(first_failure(&line), "broker failure no snowflake proxies currently available");
}

/// AMP caches redirect to what they do not serve, and say 200.
#[test]
fn an_amp_caches_redirect_is_refused() {
    let line = amp_cache(|_| {
        let page = String::from_utf8(snowflake_amp::encode_armor(NO_PROXIES.as_bytes())).unwrap();
        ok(&page).replacen("\r\n", "\r\nLocation: http://broker.example/\r\n", 1)
    });
    let expected = "broker failure asking the broker: the peer answered with a redirect";
    assert_eq!(first_failure(&line), expected);
}

#[test]
fn of_two_brokers_the_one_that_works_is_remembered() {
    use std::os::unix::fs::PermissionsExt;
    let state = std::env::temp_dir().join(format!("snowflake-methods-{}", std::process::id()));
    let location = ("TOR_PT_STATE_LOCATION", state.to_str().unwrap());
    let dead = TcpListener::bind("127.0.0.1:0").unwrap();
    let dead_url = format!("url=http://{}/", dead.local_addr().unwrap());
    let (told, polls) = std::sync::mpsc::channel();
    let works = broker_of_many(move |_| {
        // The test may have seen enough.
        let _ = told.send(());
        answer(r#"{"type":"answer","sdp":"this is no SDP"}"#)
    });
    let line = format!("{dead_url};{}", works.replacen("url", "url2", 1));
    let run = || {
        let flags = ["-keep-local-addresses"];
        let mut client = Client::start(&flags, &[VERSION, TRANSPORTS, STDIN, location]);
        let address = client.socks_port();
        assert_eq!(connect(address, &line)[1], 0);
        polls.recv_timeout(LIMIT).unwrap();
        loop {
            let line = client.line();
            assert!(!line.is_empty(), "the client lives");
            if line.contains("broker rendezvous peer received") {
                break;
            }
        }
        assert!(client.close().success());
        while polls.try_recv().is_ok() {}
    };
    // The first run finds that the first broker takes connections and says nothing, and does not wait for it for long.
    run();
    assert!(dead.accept().is_ok());
    let file = state.join("snowflake-rendezvous");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    dead.set_nonblocking(true).unwrap();
    while dead.accept().is_ok() {}
    run();
    let untouched = dead.accept().unwrap_err();
    assert_eq!(untouched.kind(), std::io::ErrorKind::WouldBlock, "the second run knows better");
    std::fs::remove_dir_all(state).unwrap();
}

/// The end of the program does not wait for a broker that holds its answer back.
#[test]
fn a_broker_that_never_answers_does_not_hold_the_end_up() {
    let (hold, held) = std::sync::mpsc::channel::<()>();
    let url = broker(String::new(), move |client| {
        let _ended = held.recv();
        drop(client);
    });
    let mut client = Client::start(&["-keep-local-addresses"], &[VERSION, TRANSPORTS, STDIN]);
    let address = client.socks_port();
    let _reply = connect(address, &url);
    assert_eq!(client.line(), "LOG SEVERITY=notice MESSAGE=\"offer created\"");
    assert!(client.close().success());
    drop(hold);
}

#[test]
fn a_bad_environment_is_said_in_tors_words() {
    for (env, expected) in [
        (vec![], "ENV-ERROR no TOR_PT_MANAGED_TRANSPORT_VER environment variable"),
        (vec![("TOR_PT_MANAGED_TRANSPORT_VER", "2"), TRANSPORTS], "VERSION-ERROR no-version"),
    ] {
        let mut client = Client::start(&[], &env);
        assert_eq!(client.line(), expected);
        assert_eq!(client.close().code(), Some(1));
    }
}

/// A proxy that reads so many bytes, then sends these, line by line; what it was told, and its port.
fn proxy(lines: Vec<(usize, &'static [u8])>) -> (u16, Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        for (length, answer) in lines {
            let mut heard = vec![0; length];
            client.read_exact(&mut heard).unwrap();
            // Not every test listens.
            let _ = tell.send(heard);
            client.write_all(answer).unwrap();
        }
        // Until the client has read it all.
        let _ = client.read_to_end(&mut Vec::new());
    });
    (port, told)
}

/// The lines of a client behind this proxy, up to the first that `is_last`.
fn behind(url: &str, is_last: fn(&str) -> bool) -> (Client, Vec<String>) {
    let mut client = Client::start(&[], &[VERSION, TRANSPORTS, STDIN, ("TOR_PT_PROXY", url)]);
    let mut lines = Vec::new();
    while lines.last().is_none_or(|line: &String| !line.is_empty() && !is_last(line)) {
        lines.push(client.line());
    }
    (client, lines)
}

#[test]
fn a_proxy_that_carries_datagrams_is_used_and_tor_told_so() {
    let granted = &[5, 0, 0, 1, 127, 0, 0, 1, 0, 9];
    let (port, told) = proxy(vec![(4, &[5, 2]), (9, &[1, 0]), (10, granted)]);
    let url = format!("socks5://us:p%40ss@127.0.0.1:{port}");
    let (client, lines) = behind(&url, |line| line == "CMETHODS DONE");
    assert_eq!(lines[..2], ["VERSION 1", "PROXY DONE"]);
    assert!(lines[2].starts_with("STATUS TYPE=version ") && lines[3].starts_with("CMETHOD "));
    assert_eq!(told.recv().unwrap(), [5, 2, 0, 2]);
    assert_eq!(told.recv().unwrap(), b"\x01\x02us\x04p@ss");
    assert_eq!(told.recv().unwrap(), [5, 3, 0, 1, 0, 0, 0, 0, 0, 0]);
    assert!(client.close().success());
}

#[test]
fn a_proxy_that_carries_no_datagrams_is_the_end() {
    let (port, _) = proxy(vec![(3, &[5, 0]), (10, &[5, 7, 0, 1, 0, 0, 0, 0, 0, 0])]);
    let dead = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for (port, why) in [
        (port, "the proxy refused: command not supported"),
        (dead, "cannot connect to the proxy: Connection refused (os error 111)"),
    ] {
        let (client, lines) = behind(&format!("socks5://127.0.0.1:{port}"), |_| false);
        let error = format!("PROXY-ERROR proxy test failure:{why}");
        assert_eq!(lines, ["VERSION 1", &error, ""]);
        assert_eq!(client.close().code(), Some(1));
    }
}

#[test]
fn an_unknown_kind_of_proxy_is_refused_plainly() {
    let (client, lines) = behind("https://127.0.0.1:1080", |_| false);
    assert_eq!(
        lines,
        ["VERSION 1", "PROXY-ERROR proxy is not supported:unsupported proxy type", ""]
    );
    assert_eq!(client.close().code(), Some(1));
}

/// Nothing is asked of it before somebody dials.
#[test]
fn other_proxies_are_for_the_rendezvous_only_and_tor_told_so() {
    for kind in ["socks4a", "http"] {
        let (tell, told) = std::sync::mpsc::channel();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("{kind}://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let mut first = [0; 8];
            listener.accept().unwrap().0.read_exact(&mut first).unwrap();
            tell.send(first).unwrap();
        });
        let (client, lines) = behind(&url, |line| line.starts_with("LOG "));
        assert_eq!(lines[1], "PROXY DONE");
        let notice =
            "LOG SEVERITY=notice MESSAGE=\"the upstream proxy is used for the rendezvous only";
        assert!(lines[5].starts_with(notice), "{lines:?}");
        let port = lines[3].rsplit(':').next().unwrap().parse().unwrap();
        let socks = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        assert_eq!(connect(socks, "url=http://b.example:80/")[1], 0);
        let first = told.recv_timeout(LIMIT).unwrap();
        let expected = if kind == "http" { *b"CONNECT " } else { [4, 1, 0, 80, 0, 0, 0, 255] };
        assert_eq!(first, expected);
        assert!(client.close().success());
    }
}

#[test]
fn an_unknown_transport_is_named() {
    let mut client =
        Client::start(&[], &[VERSION, ("TOR_PT_CLIENT_TRANSPORTS", "obfs4,snowflake"), STDIN]);
    assert_eq!(client.line(), "VERSION 1");
    client.line();
    assert_eq!(client.line(), "CMETHOD-ERROR obfs4 no such method");
    assert!(client.line().starts_with("CMETHOD snowflake "));
    assert_eq!(client.line(), "CMETHODS DONE");
    assert!(client.close().success());
}

/// tor shows it. Otherwise every connection would be turned away, for a reason that nobody sees.
#[test]
fn a_flag_with_a_bad_value_is_told_to_tor() {
    let client = Command::new(env!("CARGO_BIN_EXE_snowflake-client"))
        .args(["-url", "b.example"])
        .env_clear()
        .envs([VERSION, TRANSPORTS])
        .output()
        .unwrap();
    let error = "invalid value \"b.example\" for flag -url: relative URL without a base";
    let stdout = String::from_utf8(client.stdout).unwrap();
    assert!(
        stdout.ends_with(&format!("CMETHOD-ERROR snowflake {error}\nCMETHODS DONE\n")),
        "{stdout}"
    );
    assert_eq!(String::from_utf8(client.stderr).unwrap(), format!("snowflake-client: {error}\n"));
    assert_eq!(client.status.code(), Some(1));
}

#[test]
fn a_misspelt_flag_is_named() {
    let output =
        Command::new(env!("CARGO_BIN_EXE_snowflake-client")).arg("-uri=x").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("-uri"));
    assert!(output.stdout.is_empty());
}

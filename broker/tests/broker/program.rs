//! The program itself: its log, its exit status, its signals.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpListener;
use tokio::process::{Child, ChildStderr, Command};
use tokio::time::timeout;

use crate::moto::Moto;
use crate::support::*;

/// What a broker cannot do without, and what it can.
pub(crate) const SERVING: [&str; 4] =
    ["-disable-tls", "-disable-geoip", "-allowed-relay-pattern", PATTERN];

/// A broker with its log.
pub(crate) struct Running {
    child: Child,
    log: Lines<BufReader<ChildStderr>>,
}

impl Running {
    pub(crate) fn start(args: &[&str]) -> Self {
        Self::start_in(args, &[])
    }

    fn start_in(args: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_snowflake-broker"));
        command.args(args).env_remove("RUST_LOG").kill_on_drop(true);
        command.envs(environment.iter().copied());
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap()).lines();
        Self { child, log }
    }

    /// The next line of the log with these words.
    pub(crate) async fn line(&mut self, words: &str) -> String {
        self.lines_to(words).await.pop().unwrap()
    }

    /// The lines of the log up to the next one with these words.
    async fn lines_to(&mut self, words: &str) -> Vec<String> {
        let mut lines = Vec::new();
        let find = async {
            while let Some(line) = self.log.next_line().await.unwrap() {
                lines.push(line);
                if lines.last().is_some_and(|line| line.contains(words)) {
                    return lines;
                }
            }
            panic!("the log ends without {words:?}");
        };
        timeout(PATIENCE, find).await.unwrap_or_else(|_| panic!("{words:?} is never logged"))
    }

    async fn signal(&self, name: &str) {
        let id = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().await.unwrap().success());
    }

    async fn exit_code(mut self) -> Option<i32> {
        timeout(PATIENCE, self.child.wait()).await.expect("it ends").unwrap().code()
    }
}

#[tokio::test]
async fn serves_reloads_and_stops() {
    let folder = tempfile::tempdir().unwrap();
    let (file, geoip) = (folder.path().join("intervals"), folder.path().join("geoip"));
    std::fs::write(&geoip, "").unwrap();
    std::fs::write(&file, r#"{"unrestricted_poll_interval":1000000}"#).unwrap();
    let mut broker = Running::start(&[
        "-disable-tls",
        "-addr",
        "127.0.0.1:0",
        "-allowed-relay-pattern",
        PATTERN,
        "-poll-interval-filepath",
        file.to_str().unwrap(),
        "-geoipdb",
        geoip.to_str().unwrap(),
        "-geoip6db",
        geoip.to_str().unwrap(),
    ]);
    let line = broker.line("listens on port").await;
    let port: u16 = line.rsplit(' ').next().unwrap().parse().unwrap();
    // Parked polls end at once when the program stops, and tell the interval that counted when they
    // came.
    let poll = async |address| {
        let mut connection =
            Connection(tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap());
        connection.poll_from(address, &proxy_poll(address)).await;
        connection
    };
    std::fs::write(&file, "nonsense").unwrap();
    std::fs::write(&geoip, "nonsense").unwrap();
    broker.signal("HUP").await;
    broker.line("not reloaded").await;
    let line = broker.line("not reloaded").await;
    assert!(line.contains("is no geoip file"), "{line}");
    std::fs::write(&geoip, "").unwrap();
    let mut early = poll("192.0.2.1").await;
    until_parked(port, 1).await;
    std::fs::write(&file, r#"{"unrestricted_poll_interval":2000000}"#).unwrap();
    broker.signal("HUP").await;
    let line = broker.line("reloaded").await;
    assert!(line.contains("intervals"), "{line}");
    let line = broker.line("reloaded").await;
    assert!(line.contains("geoip"), "{line}");
    let mut late = poll("192.0.2.2").await;
    until_parked(port, 2).await;
    broker.signal("TERM").await;
    for (parked, seconds) in [(&mut early, 1000), (&mut late, 2000)] {
        let reply = parked.reply().await;
        assert!(reply.is_no_match());
        let (left, interval) = (reply.poll().next_poll.unwrap(), Duration::from_secs(seconds));
        assert!(left <= interval && left > interval - PATIENCE, "{left:?}");
    }
    assert_eq!(broker.exit_code().await, Some(0));
}

/// Waits until so many proxies are parked at the broker on this port.
async fn until_parked(port: u16, wanted: usize) {
    let first_line = format!("current snowflakes available: {wanted}\n");
    let parked = async {
        loop {
            let mut connection =
                Connection(tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap());
            connection.send("GET /debug HTTP/1.1\r\nHost: broker\r\n\r\n").await;
            if connection.reply().await.body.starts_with(&first_line) {
                return;
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    timeout(PATIENCE, parked).await.unwrap_or_else(|_| panic!("never {wanted} proxies"));
}

#[tokio::test]
async fn a_hangup_reads_the_certificate_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["broker".to_owned()])
        .unwrap()
        .self_signed(&key)
        .unwrap();
    std::fs::write(path("cert"), certificate.pem()).unwrap();
    std::fs::write(path("key"), key.serialize_pem()).unwrap();
    let (cert, key) = (path("cert"), path("key"));
    let files = ["-addr", "127.0.0.1:0", "-cert", &cert, "-key", &key];
    let mut broker = Running::start(&[&files[..], &SERVING[1..]].concat());
    broker.line("listens on port").await;
    broker.signal("HUP").await;
    broker.line(&format!("the certificate in {cert} is read again")).await;
}

#[tokio::test]
async fn a_queue_is_read_for_each_profile() {
    let moto = Moto::start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("credentials");
    let keys = format!(
        "aws_access_key_id = {}\naws_secret_access_key = {}\n",
        moto.access_key, moto.secret_key
    );
    std::fs::write(&file, format!("[one]\n{keys}[two]\n{keys}")).unwrap();
    let queue =
        ["-addr", "127.0.0.1:0", "-broker-sqs-name", "polls", "-broker-sqs-region", "eu-west-1"];
    let args = [&SERVING[..], &queue[..], &["-sqs-profiles", "one,two"]].concat();
    let environment = [
        ("AWS_SHARED_CREDENTIALS_FILE", file.to_str().unwrap()),
        ("AWS_CONFIG_FILE", "/nowhere"),
        ("AWS_ENDPOINT_URL_SQS", moto.url.as_str()),
    ];
    let mut broker = Running::start_in(&args, &environment);
    for _ in 0..2 {
        let line = broker.line("takes polls of clients from an SQS queue").await;
        assert!(line.contains("polls"), "{line}");
    }
    broker.signal("TERM").await;
    assert_eq!(broker.exit_code().await, Some(0));
}

/// A broker whose queue is at this address.
fn with_queue_at(service: &str) -> Running {
    let queue =
        ["-addr", "127.0.0.1:0", "-broker-sqs-name", "polls", "-broker-sqs-region", "x-y-1"];
    let environment = [
        ("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "secretEXAMPLE"),
        ("AWS_ENDPOINT_URL_SQS", service),
    ];
    Running::start_in(&[&SERVING[..], &queue[..]].concat(), &environment)
}

#[tokio::test]
async fn a_queue_service_that_is_not_there_is_said_without_its_address() {
    let mut broker = with_queue_at("http://127.0.0.1:1/");
    let line = broker.line("cannot make the SQS queue").await;
    assert!(line.contains("reaching the queue service") && line.contains("refused"), "{line}");
    assert!(!line.contains("127.0.0.1") && !line.contains("EXAMPLE"), "{line}");
    broker.signal("TERM").await;
    assert_eq!(broker.exit_code().await, Some(0));
}

/// Answers the next request at a queue service; returns what was asked.
async fn answer_next(service: &TcpListener, status: u16, body: &str) -> String {
    let (mut peer, _) = timeout(PATIENCE, service.accept()).await.expect("it asks").unwrap();
    let mut request = Vec::new();
    while !request.ends_with(b"}") {
        assert_ne!(peer.read_buf(&mut request).await.unwrap(), 0, "the request is whole");
    }
    let length = body.len();
    let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n\r\n{body}");
    peer.write_all(answer.as_bytes()).await.unwrap();
    String::from_utf8(request).unwrap()
}

#[tokio::test]
async fn a_queue_service_that_fails_is_said_once_and_asked_again() {
    let service = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut broker = with_queue_at(&format!("http://{}/", service.local_addr().unwrap()));
    for (status, body) in [
        (500, r#"{"__type":"InternalFailure"}"#),
        (503, r#"{"__type":"ServiceUnavailable"}"#),
        (200, r#"{"QueueUrl":"http://queue.example/1/polls"}"#),
    ] {
        let request = answer_next(&service, status, body).await;
        assert!(request.contains("x-amz-target: AmazonSQS.CreateQueue\r\n"), "{request}");
        assert!(request.contains(r#""QueueName":"polls""#), "{request}");
    }
    let log = broker.lines_to("takes polls of clients from an SQS queue").await;
    let failures: Vec<_> = log.iter().filter(|line| line.contains("cannot make")).collect();
    assert_eq!(failures.len(), 1, "{log:?}");
    assert!(failures[0].contains("refused with status 500, InternalFailure"), "{log:?}");

    // What the queue brings is a matter of its own: it fails once, and then goes well.
    for (status, body) in [(500, r#"{"__type":"InternalFailure"}"#), (200, "{}")] {
        let request = answer_next(&service, status, body).await;
        assert!(request.contains("x-amz-target: AmazonSQS.ReceiveMessage\r\n"), "{request}");
        assert!(request.contains(r#""QueueUrl":"http://queue.example/1/polls""#), "{request}");
    }
    let log = broker.lines_to("can read the SQS queue again").await;
    assert_eq!(log.iter().filter(|line| line.contains("cannot read")).count(), 1, "{log:?}");
    assert!(!log.concat().contains("EXAMPLE") && !log.concat().contains("127.0.0.1"), "{log:?}");
    broker.signal("TERM").await;
    assert_eq!(broker.exit_code().await, Some(0));
}

#[tokio::test]
async fn an_interrupt_stops_it_too() {
    let mut broker = Running::start(&[&SERVING[..], &["-addr", "127.0.0.1:0"]].concat());
    broker.line("listens on port").await;
    broker.signal("INT").await;
    assert_eq!(broker.exit_code().await, Some(0));
}

#[tokio::test]
async fn a_wrong_configuration_ends_it_before_it_listens() {
    let mut broker = Running::start(&["-addr", "127.0.0.1:0"]);
    broker
        .line("the --acme-hostnames, --cert and --key, or --disable-tls option is required")
        .await;
    assert_eq!(broker.exit_code().await, Some(1));

    let mut broker =
        Running::start(&[&SERVING[..], &["-bridge-list-path", "/nowhere/list"]].concat());
    broker.line("invalid value \"/nowhere/list\" for flag -bridge-list-path: No such file").await;
    assert_eq!(broker.exit_code().await, Some(1));

    let mut broker = Running::start(&["-disable-tls", "-no-such-flag"]);
    broker.line("no-such-flag").await;
    assert_eq!(broker.exit_code().await, Some(2));
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    let mut broker = Running::start(&[&SERVING[..], &["-addr", &addr, "-unsafe-logging"]].concat());
    let line = broker.line("for flag -addr").await;
    assert!(line.contains(&addr) && line.contains("in use"), "{line}");
    assert_eq!(broker.exit_code().await, Some(1));
}

#[tokio::test]
async fn help_explains_the_flags() {
    let output =
        Command::new(env!("CARGO_BIN_EXE_snowflake-broker")).arg("-help").output().await.unwrap();
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    for words in ["-allowed-relay-pattern", "-geoip6db", "Keep no statistics by country"] {
        let flowing = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flowing.contains(words), "{words} in\n{text}");
    }
}

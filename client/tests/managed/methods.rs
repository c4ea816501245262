//! The other ways to a broker: a queue, an AMP cache, and several at once.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;

use crate::support::*;

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
        "LOG SEVERITY=notice MESSAGE=\"broker failure asking the queue: sending the poll to the broker's queue: \
         SendMessage: refused with status 403, AccessDenied\""
    );
    assert!(client.close().success());
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
    let expected = "broker failure asking the AMP cache: the peer answered with a redirect";
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

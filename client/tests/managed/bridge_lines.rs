//! Bad bridge lines, and clients that do not speak SOCKS: each costs its own connection and nothing else.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::support::*;

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

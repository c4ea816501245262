//! The proxy that tor's user has told tor of.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::mpsc::Receiver;

use crate::support::*;

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
            "LOG SEVERITY=warning MESSAGE=\"the upstream proxy is used for the rendezvous only";
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

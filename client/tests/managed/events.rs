//! What tor and the log hear of the way to a proxy.

use crate::support::*;

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
        let _reply = connect(address, &broker(response, drop));
        while !client.line().contains("broker failure ") {}
        assert!(client.close().success());
        let logged = std::fs::read_to_string(&log).unwrap();
        std::fs::remove_file(&log).unwrap();
        let lines = texts(&logged);
        let place = |text: &str| {
            let found = lines.iter().position(|line| *line == text);
            found.unwrap_or_else(|| panic!("{text:?} is not in {logged}"))
        };
        let places = [
            "--- Starting Snowflake Client ---",
            "WebRTC: Collecting a new Snowflake. Currently at [0/1]",
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

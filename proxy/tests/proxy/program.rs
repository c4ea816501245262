//! The program as an operator sees it: its lines, its exit, its refusals.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
};

use crate::support::broker::Broker;
use tokio::{net::TcpListener, task::spawn_blocking};

fn program(flags: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_snowflake-proxy"));
    command.args(flags).env_remove("RUST_LOG").stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn signal(child: &Child, name: &str) {
    let kill = format!("kill -{name} {}", child.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
}

/// Runs until the NAT type is known, then sends the signal; returns the exit status, stdout and stderr.
fn run_until_signal(flags: &[String], name: &str) -> (Option<i32>, String, Vec<String>) {
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let mut child = program(&flags).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut lines = Vec::new();
    while !lines.last().is_some_and(|line: &String| line.contains("NAT type")) {
        lines.push(stderr.next().unwrap().unwrap());
    }
    signal(&child, name);
    lines.extend(stderr.map(Result::unwrap));
    let mut stdout = String::new();
    child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
    (child.wait().unwrap().code(), stdout, lines)
}

#[tokio::test(flavor = "multi_thread")]
async fn signals_end_it_well_and_stdout_stays_empty() {
    let broker = Broker::start(|_, _| (503, String::new())).await;
    // A relay that never answers: the proxy is stopped in the middle of a dial.
    let relay = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let flags = [
        format!("-broker={}", broker.url),
        format!("-relay=ws://{}/", relay.local_addr().unwrap()),
        format!("-nat-probe-server={}probe", broker.url),
        "-stun=".to_owned(),
        "-keep-local-addresses".to_owned(),
        "-covertdtls-config=mimic".to_owned(),
        "-ephemeral-ports-range=40000:40018".to_owned(),
    ];
    for name in ["TERM", "INT"] {
        let flags = flags.clone();
        let (code, stdout, lines) =
            spawn_blocking(move || run_until_signal(&flags, name)).await.unwrap();
        assert_eq!((code, stdout.as_str()), (Some(0), ""), "{lines:?}");
        for text in ["Proxy starting", "NAT type: unknown"] {
            assert!(lines.iter().any(|line| line.contains(text)), "{text}: {lines:?}");
        }
        let refused = "the peer answered with HTTP status 503";
        assert!(
            lines.iter().any(|line| line.contains(" warning: ") && line.contains(refused)),
            "{lines:?}"
        );
        assert!(lines.iter().all(|line| !line.contains("127.0.0.1")), "{lines:?}");
        let said = "covertdtls-config=mimic has no effect in this build; going on without it";
        assert_eq!(lines.iter().filter(|line| line.contains(said)).count(), 1, "{lines:?}");
        let narrow = "the range of UDP ports is narrow: have two for each client";
        assert!(lines.iter().any(|line| line.contains(narrow)), "{lines:?}");
        let events = lines.iter().filter(|line| !line.contains(" warning: "));
        assert_eq!(events.count(), 2, "without -verbose there is nothing but events: {lines:?}");
    }
}

/// The time in this zone, as the log has it.
fn time_in(zone: &str) -> String {
    let output = Command::new("date").arg("+%Y/%m/%d %H:%M:%S").env("TZ", zone).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn the_log_is_in_utc_or_in_local_time() {
    const INDIA: &str = "IST-5:30";
    let nowhere = ["-broker=http:", "-nat-probe-server=http:", "-relay=ws:"]
        .map(|flag| format!("{flag}//127.0.0.1:9/"));
    for (flag, zone, begin) in [
        ("-log-local-time", INDIA, "Local time is being used for logging. If you want to share"),
        ("-log-local-time=false", "UTC0", "Proxy starting"),
    ] {
        let before = time_in(zone);
        let mut child = program(&["-stun=", flag]).args(&nowhere).env("TZ", INDIA).spawn().unwrap();
        let line = BufReader::new(child.stderr.take().unwrap()).lines().next().unwrap().unwrap();
        let after = time_in(zone);
        child.kill().unwrap();
        child.wait().unwrap();
        let (time, text) = line.split_at(before.len());
        assert!(*before <= *time && *time <= *after, "{before} {line} {after}");
        assert!(text.starts_with(&format!(" {begin}")), "{line}");
    }
}

#[test]
fn what_makes_no_sense_is_refused_with_a_sentence() {
    let both = ["-outbound-address=192.0.2.7", "-keep-local-addresses"];
    let output = program(&both).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8(output.stderr).unwrap();
    let refusal = "snowflake-proxy: invalid value \"192.0.2.7\" for flag -outbound-address: \
                   beside -keep-local-addresses: give one of them\n";
    assert!(stderr.starts_with(refusal), "{stderr}");
    assert!(output.stdout.is_empty());
}

#[test]
fn a_proxy_of_the_environment_that_cannot_be_used_is_refused() {
    let output = program(&[]).env("HTTPS_PROXY", "https://u:secret@p.example").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("HTTPS_PROXY in the environment names a kind of proxy"), "{stderr}");
    assert!(!stderr.contains("secret"), "{stderr}");
}

#[test]
fn the_version_is_shown() {
    let output = program(&["-version"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(stderr.trim(), concat!("snowflake-proxy ", env!("CARGO_PKG_VERSION")));
}

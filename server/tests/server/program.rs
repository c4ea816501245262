//! The binary under tor: lines on stdout, exit status, the end.

use std::{net::SocketAddr, process::Stdio};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

use crate::{
    rig::in_time,
    tor::{Echo, listen},
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_snowflake-server");

/// A server process in tor's hands.
pub(crate) struct Program {
    pub(crate) child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Program {
    pub(crate) fn start(flags: &[&str], env: &[(&str, &str)]) -> Self {
        Self::run(Command::new(PROGRAM).args(flags), env)
    }

    /// That may have only so many files open.
    fn start_with_files(limit: u32, flags: &[&str], env: &[(&str, &str)]) -> Self {
        let script = format!("ulimit -n {limit} && exec \"$0\" \"$@\"");
        Self::run(Command::new("/bin/sh").args(["-c", &script, PROGRAM]).args(flags), env)
    }

    fn run(command: &mut Command, env: &[(&str, &str)]) -> Self {
        let mut child = command
            .env_clear()
            .env("TOR_PT_MANAGED_TRANSPORT_VER", "1")
            .env("TOR_PT_SERVER_TRANSPORTS", "snowflake")
            .env("TOR_PT_EXIT_ON_STDIN_CLOSE", "1")
            .envs(env.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// What tor is told, up to the end of the methods.
    pub(crate) async fn methods(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        while lines.last().is_none_or(|line| line != "SMETHODS DONE") {
            match in_time(self.lines.next_line()).await.unwrap() {
                Some(line) => lines.push(line),
                None => break,
            }
        }
        lines
    }

    pub(crate) async fn signal(&self, name: &str) {
        let pid = self.child.id().unwrap().to_string();
        let kill = Command::new("kill").args(["-s", name, &pid]).status().await;
        assert!(kill.unwrap().success());
    }

    /// Waits until this is logged; what was logged before is lost.
    pub(crate) async fn logged(&mut self, words: &str) {
        let mut log = BufReader::new(self.child.stderr.as_mut().unwrap()).lines();
        while let Some(line) = in_time(log.next_line()).await.unwrap() {
            if line.contains(words) {
                return;
            }
        }
        panic!("the log ends without {words:?}");
    }

    /// The rest of its life: exit status, and what it wrote to stderr.
    async fn end(mut self) -> (Option<i32>, String) {
        let mut log = String::new();
        let mut stderr = self.child.stderr.take().unwrap();
        in_time(stderr.read_to_string(&mut log)).await.unwrap();
        let status = in_time(self.child.wait()).await.unwrap();
        assert_eq!(self.lines.next_line().await.unwrap(), None, "nothing more for tor");
        (status.code(), log)
    }
}

const HELLO: [&str; 2] = [
    "VERSION 1",
    concat!(
        r#"STATUS TYPE=version IMPLEMENTATION="snowflake-server" VERSION=""#,
        env!("CARGO_PKG_VERSION"),
        '"'
    ),
];

/// The lines of a start, between the greeting and the end of the methods.
pub(crate) async fn method_lines(program: &mut Program) -> Vec<String> {
    let lines = program.methods().await;
    assert_eq!(lines[..2], HELLO);
    assert_eq!(lines.last().unwrap(), "SMETHODS DONE");
    lines[2..lines.len() - 1].to_vec()
}

/// A port that was free a moment ago.
async fn free_port() -> SocketAddr {
    listen().await.1
}

/// The one line about a transport that cannot be started, and nothing that runs on.
pub(crate) async fn failure(flags: &[&str], bind: &str, options: &str) -> String {
    let env = [
        ("TOR_PT_SERVER_BINDADDR", bind),
        ("TOR_PT_SERVER_TRANSPORT_OPTIONS", options),
        ("TOR_PT_ORPORT", "127.0.0.1:9"),
    ];
    let mut program = Program::start(flags, &env);
    let lines = method_lines(&mut program).await;
    assert_eq!(lines.len(), 1, "{lines:?}");
    let (status, log) = program.end().await;
    assert_eq!(status, Some(1), "{log}");
    assert!(log.contains("no transport could be started"), "{log}");
    lines[0].clone()
}

#[tokio::test]
async fn tor_hears_of_the_port_and_of_transports_that_we_do_not_know() {
    let (address, tor) = (free_port().await, Echo::start().await);
    let env = [
        ("TOR_PT_SERVER_TRANSPORTS", "snowflake,meek"),
        ("TOR_PT_SERVER_BINDADDR", &*format!("snowflake-{address},meek-127.0.0.1:1")),
        ("TOR_PT_SERVER_TRANSPORT_OPTIONS", "snowflake:num-turbotunnel=2"),
        ("TOR_PT_ORPORT", &*tor.address.to_string()),
    ];
    let mut program = Program::start(&["-disable-tls"], &env);
    let expected = [
        format!("SMETHOD snowflake {address} ARGS:tls=no"),
        "SMETHOD-ERROR meek no such method".to_owned(),
    ];
    assert_eq!(method_lines(&mut program).await, expected);
    drop(program.child.stdin.take());
    let (status, log) = program.end().await;
    assert_eq!(status, Some(0), "{log}");
    assert_eq!(log.matches("num-turbotunnel has no effect").count(), 1, "{log}");
}

#[tokio::test]
async fn sigterm_ends_it_with_status_0() {
    let (address, tor) = (free_port().await, Echo::start().await);
    let env = [
        ("TOR_PT_SERVER_BINDADDR", &*format!("snowflake-{address}")),
        ("TOR_PT_ORPORT", &*tor.address.to_string()),
    ];
    let mut program = Program::start(&["--disable-tls=true"], &env);
    method_lines(&mut program).await;
    program.signal("TERM").await;
    assert_eq!(program.end().await.0, Some(0));
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let (_listener, address) = listen().await;
    let line = failure(&["-disable-tls"], &format!("snowflake-{address}"), "").await;
    let reason = "another program listens there already";
    assert_eq!(line, format!("SMETHOD-ERROR snowflake cannot listen on {address}: {reason}"));
}

#[tokio::test]
async fn bad_settings_are_told_to_tor_in_whole_sentences() {
    let flags = ["-disable-tls"];
    let line = failure(&flags, "snowflake-127.0.0.1:0", "").await;
    assert!(line.starts_with("SMETHOD-ERROR snowflake cannot listen on port 0; "), "{line}");
    let line = failure(&flags, "snowflake-127.0.0.1:1", "snowflake:num-turbotunnel=0").await;
    let reason = r#"num-turbotunnel "0" is not a number of at least 1"#;
    assert_eq!(line, format!("SMETHOD-ERROR snowflake ServerTransportOptions: {reason}"));
    let line = failure(&flags, "snowflake-127.0.0.1:1", "snowflake:orport-srcaddr=x").await;
    let reason = r#"orport-srcaddr "x" is neither an IP address nor a CIDR prefix"#;
    assert_eq!(line, format!("SMETHOD-ERROR snowflake ServerTransportOptions: {reason}"));
}

#[tokio::test]
async fn what_is_wrong_with_tls_is_told_to_tor() {
    let acme = ["-acme-hostnames", "a.example", "-acme-email=a@a.example"];
    for (flags, reason) in [
        (&[][..], "the --acme-hostnames, --cert and --key, or --disable-tls option is required"),
        (&acme, "TOR_PT_STATE_LOCATION is not set, "),
    ] {
        let line = failure(flags, "snowflake-127.0.0.1:1", "").await;
        assert!(line.starts_with(&format!("SMETHOD-ERROR snowflake {reason}")), "{line}");
    }
}

#[tokio::test]
async fn too_few_files_are_told_with_the_number_to_set() {
    let address = free_port().await;
    let env = [
        ("TOR_PT_SERVER_BINDADDR", &*format!("snowflake-{address}")),
        ("TOR_PT_ORPORT", "127.0.0.1:9"),
    ];
    let mut program = Program::start_with_files(4096, &["-disable-tls"], &env);
    method_lines(&mut program).await;
    drop(program.child.stdin.take());
    let (status, log) = program.end().await;
    assert_eq!(status, Some(0), "{log}");
    assert!(log.contains("4096 files may be open") && log.contains("LimitNOFILE=131136"), "{log}");
}

#[tokio::test]
async fn an_environment_that_is_not_tors_is_an_error() {
    let mut program = Program::start(&["-disable-tls"], &[("TOR_PT_SERVER_BINDADDR", "")]);
    let lines = program.methods().await;
    let error = "ENV-ERROR no TOR_PT_SERVER_BINDADDR environment variable";
    assert_eq!(lines, ["VERSION 1", error]);
    assert_eq!(program.end().await.0, Some(1));
}

//! The parent of a pluggable transport, in tor's place (`pt-spec.txt`, managed proxy protocol version 1).

use std::{ffi::OsString, net::SocketAddr, path::Path, time::Duration};

use crate::{
    error::Error,
    orport::OrPort,
    process::{Plan, Process},
};

/// Time from start to `CMETHODS DONE` or `SMETHODS DONE`.
const START_LIMIT: Duration = Duration::from_secs(20);
/// The transport's name.
const TRANSPORT: &str = "snowflake";

/// Keywords that a pluggable transport may send, each followed by a space or the end of the line.
const KEYWORDS: [&str; 13] = [
    "VERSION",
    "VERSION-ERROR",
    "ENV-ERROR",
    "PROXY",
    "PROXY-ERROR",
    "CMETHOD",
    "CMETHOD-ERROR",
    "CMETHODS",
    "SMETHOD",
    "SMETHOD-ERROR",
    "SMETHODS",
    "STATUS",
    "LOG",
];

/// Starts a client transport and returns it with the address of its SOCKS listener.
///
/// # Errors
/// When it cannot be started, reports an error, or is not ready within 20 s.
pub async fn start_client(
    mut plan: Plan,
    state: &Path,
    logs: &Path,
) -> Result<(Process, SocketAddr), Error> {
    plan.env.extend(common_env(state));
    plan.env.push(("TOR_PT_CLIENT_TRANSPORTS", TRANSPORT.into()));
    start(plan, logs, "CMETHOD", "CMETHODS DONE").await
}

/// Starts a server transport that listens on `bind` and hands its streams to `orport`.
///
/// # Errors
/// As [`start_client`].
pub async fn start_server(
    mut plan: Plan,
    bind: SocketAddr,
    orport: &OrPort,
    state: &Path,
    logs: &Path,
) -> Result<(Process, SocketAddr), Error> {
    plan.env.extend(common_env(state));
    plan.env.extend([
        ("TOR_PT_SERVER_TRANSPORTS", TRANSPORT.into()),
        ("TOR_PT_SERVER_BINDADDR", format!("{TRANSPORT}-{bind}").into()),
        ("TOR_PT_EXTENDED_SERVER_PORT", orport.address.to_string().into()),
        ("TOR_PT_AUTH_COOKIE_FILE", orport.cookie_file.clone().into()),
    ]);
    start(plan, logs, "SMETHOD", "SMETHODS DONE").await
}

/// Whether a line is one that tor understands.
pub fn is_pt_line(line: &str) -> bool {
    let keyword = line.split(' ').next().unwrap_or_default();
    KEYWORDS.contains(&keyword) && line.bytes().all(|b| b.is_ascii() && b != 0)
}

fn common_env(state: &Path) -> [(&'static str, OsString); 3] {
    [
        ("TOR_PT_MANAGED_TRANSPORT_VER", "1".into()),
        ("TOR_PT_STATE_LOCATION", state.into()),
        ("TOR_PT_EXIT_ON_STDIN_CLOSE", "1".into()),
    ]
}

async fn start(
    mut plan: Plan,
    logs: &Path,
    method: &str,
    done: &str,
) -> Result<(Process, SocketAddr), Error> {
    plan.read_stdout = true;
    let program = plan.name.clone();
    let mut process = plan.start(logs)?;
    let mut dialogue = Dialogue { method, done, version: false, address: None };
    let report = |line: &str| dialogue.take(line).map_err(|problem| problem.of(&program, line));
    let address =
        process.wait_for_line("get ready as a pluggable transport", START_LIMIT, report).await?;
    Ok((process, address))
}

/// What was said so far between `VERSION` and `DONE`.
#[derive(Debug)]
struct Dialogue<'a> {
    method: &'a str,
    done: &'a str,
    version: bool,
    address: Option<SocketAddr>,
}

/// What is wrong with a line.
#[derive(Debug, PartialEq, Eq)]
enum Problem {
    /// It is none that tor knows, or in the wrong place.
    NoPtLine,
    /// It reports an error.
    Reported,
}

impl Problem {
    fn of(self, program: &str, line: &str) -> Error {
        let (program, line) = (program.to_owned(), line.to_owned());
        match self {
            Self::NoPtLine => Error::NoPtLine { program, line },
            Self::Reported => Error::Reported { program, line },
        }
    }
}

impl Dialogue<'_> {
    /// Takes one line; gives the address once the transport is ready.
    fn take(&mut self, line: &str) -> Result<Option<SocketAddr>, Problem> {
        if !is_pt_line(line) {
            return Err(Problem::NoPtLine);
        }
        let words: Vec<&str> = line.split(' ').collect();
        match words[0] {
            "VERSION" => self.version = words == ["VERSION", "1"],
            error if error.ends_with("-ERROR") => return Err(Problem::Reported),
            _ if line == self.done => return self.address.map(Some).ok_or(Problem::Reported),
            "STATUS" | "LOG" | "PROXY" => {}
            method if method == self.method && self.version => {
                self.address = Some(method_address(&words)?)
            }
            _ => return Err(Problem::NoPtLine),
        }
        Ok(None)
    }
}

/// `CMETHOD snowflake socks5 ADDRESS` or `SMETHOD snowflake ADDRESS [ARGS:…]`.
fn method_address(words: &[&str]) -> Result<SocketAddr, Problem> {
    let address = match words {
        ["CMETHOD", TRANSPORT, "socks5", address] | ["SMETHOD", TRANSPORT, address, ..] => address,
        _ => return Err(Problem::NoPtLine),
    };
    address.parse().map_err(|_| Problem::NoPtLine)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hear(method: &str, lines: &[&str]) -> Result<Option<SocketAddr>, (usize, Problem)> {
        let done = format!("{method}S DONE");
        let mut dialogue = Dialogue { method, done: &done, version: false, address: None };
        let mut last = None;
        for (at, line) in lines.iter().enumerate() {
            last = dialogue.take(line).map_err(|problem| (at, problem))?;
        }
        Ok(last)
    }

    #[test]
    fn a_client_and_a_server_get_ready() {
        let client = [
            "VERSION 1",
            "STATUS TYPE=version IMPLEMENTATION=\"snowflake-client\" VERSION=\"2.14.1\"",
            "CMETHOD snowflake socks5 127.0.0.1:40000",
            "CMETHODS DONE",
        ];
        assert_eq!(hear("CMETHOD", &client), Ok("127.0.0.1:40000".parse().ok()));
        assert_eq!(hear("CMETHOD", &client[..3]), Ok(None));
        let server = ["VERSION 1", "SMETHOD snowflake 127.0.0.1:8443 ARGS:tls=no", "SMETHODS DONE"];
        assert_eq!(hear("SMETHOD", &server), Ok("127.0.0.1:8443".parse().ok()));
    }

    #[test]
    fn what_tor_would_not_take_is_named() {
        assert_eq!(
            hear("CMETHOD", &["VERSION 1", "2026/01/01 hello"]),
            Err((1, Problem::NoPtLine))
        );
        assert_eq!(hear("CMETHOD", &["VERSION 1", "CMETHODS DONE"]), Err((1, Problem::Reported)));
        assert_eq!(hear("CMETHOD", &["VERSION-ERROR no-version"]), Err((0, Problem::Reported)));
        assert_eq!(
            hear("CMETHOD", &["CMETHOD snowflake socks5 127.0.0.1:1"]),
            Err((0, Problem::NoPtLine))
        );
        assert_eq!(
            hear("SMETHOD", &["VERSION 1", "SMETHOD-ERROR snowflake no"]),
            Err((1, Problem::Reported))
        );
        assert!(!is_pt_line("CMETHODX y") && !is_pt_line("") && !is_pt_line("LOG \u{e9}"));
    }
}

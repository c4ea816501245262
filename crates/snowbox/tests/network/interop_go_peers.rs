//! The Go client and the Go proxy of Debian (2.5.1) in all mixes with ours, over our broker and our server.
//!
//! They find no ICE candidates on loopback, so each mix has a network namespace of its own; that needs root, or a kernel that
//! gives namespaces to everybody. `SNOWFLAKE_GO_PEERS` is the directory of the two programs, `/usr/bin` if it is not set.
//! `SNOWFLAKE_WITHOUT_GO_PEERS=1` leaves these tests out, and they say so.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::support::ONE_AT_A_TIME;
use snowflake_snowbox::Report;

/// Bytes moved each way.
const SIZE: &str = "16M";

fn go(program: &str) -> PathBuf {
    let dir = std::env::var_os("SNOWFLAKE_GO_PEERS").unwrap_or_else(|| "/usr/bin".into());
    let file = Path::new(&dir).join(program);
    assert!(
        file.is_file(),
        "{} is missing: install Debian's package {program}, or run .ci/run",
        file.display()
    );
    file
}

/// `None` when the tests are left out.
pub(crate) fn mix(go_programs: &[(&str, &str)], more: &[&str]) -> Option<Report> {
    if std::env::var("SNOWFLAKE_WITHOUT_GO_PEERS").is_ok_and(|value| value == "1") {
        snowflake_snowbox::progress::say("left out, because SNOWFLAKE_WITHOUT_GO_PEERS=1");
        return None;
    }
    let _turn = ONE_AT_A_TIME.blocking_lock();
    let mut command = Command::new(env!("CARGO_BIN_EXE_snowbox"));
    command.args(["--netns", "--json", "--no-kill", "--size", SIZE]);
    command.args(more);
    for (flag, program) in go_programs {
        command.arg(flag).arg(go(program));
    }
    let output = command.output().expect("snowbox can be run");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        !stderr.contains("unshare failed"),
        "this test needs a network namespace: run it as root, or leave it out with SNOWFLAKE_WITHOUT_GO_PEERS=1"
    );
    assert!(output.status.success(), "{stderr}");
    Some(serde_json::from_slice(&output.stdout).expect("snowbox prints JSON"))
}

/// Both ways are there, and the proxy told the bridge the client's address, the one outside loopback.
pub(crate) fn check(report: Option<Report>) {
    let Some(report) = report else { return };
    let moved: Vec<_> = report.transfers.iter().map(|t| (t.direction.as_str(), t.bytes)).collect();
    assert_eq!(moved, [("download", 16 << 20), ("upload", 16 << 20)]);
    assert_eq!(report.client_address_at_bridge.as_deref(), Some("192.0.2.77:1"));
}

#[test]
fn our_client_and_our_proxy() {
    check(mix(&[], &[]));
}

#[test]
fn our_client_and_go_proxy() {
    check(mix(&[("--proxy-bin", "snowflake-proxy")], &[]));
}

#[test]
fn go_client_and_our_proxy() {
    check(mix(&[("--client-bin", "snowflake-client")], &[]));
}

#[test]
fn go_client_and_go_proxy() {
    check(mix(&[("--client-bin", "snowflake-client"), ("--proxy-bin", "snowflake-proxy")], &[]));
}

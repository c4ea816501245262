//! Our client with a server that behaves as the deployed one: on the real kcp-go and smux, which know nothing of what our
//! two ends tell each other. Bytes both ways, and the proxy that carries them killed on the way.
//!
//! The server is built from `go-server` with Debian's packages golang-go, golang-github-gorilla-websocket-dev,
//! golang-github-xtaci-kcp-dev and golang-github-xtaci-smux-dev. `SNOWFLAKE_WITHOUT_GO_PEERS=1` leaves this test out, and it
//! says so.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::support::{ONE_AT_A_TIME, snowbox};

const PACKAGES: &str = "this test runs a server on kcp-go: apt-get install golang-go golang-github-gorilla-websocket-dev \
                        golang-github-xtaci-kcp-dev golang-github-xtaci-smux-dev, or leave it out with \
                        SNOWFLAKE_WITHOUT_GO_PEERS=1";

/// Builds the server; what go keeps of it stays in cargo's directory.
fn go_server() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let binary = target.join("go-server");
    let status = Command::new("go")
        .args(["build", "-o"])
        .arg(&binary)
        .arg(".")
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/go-server"))
        .env("GO111MODULE", "off")
        .env("GOPATH", "/usr/share/gocode")
        .env("GOCACHE", target.join("go-cache"))
        .status()
        .unwrap_or_else(|error| panic!("cannot run go ({error}); {PACKAGES}"));
    assert!(status.success(), "go build failed; {PACKAGES}");
    binary
}

#[tokio::test]
async fn a_killed_proxy_costs_time_and_no_byte() {
    if std::env::var("SNOWFLAKE_WITHOUT_GO_PEERS").is_ok_and(|value| value == "1") {
        snowflake_snowbox::progress::say("left out, because SNOWFLAKE_WITHOUT_GO_PEERS=1");
        return;
    }
    let server = {
        let _turn = ONE_AT_A_TIME.lock().await;
        go_server()
    };
    let server = server.to_str().expect("cargo's directory has a name in UTF-8");
    let report = snowbox(&["--server-bin", server, "--size", "8M"]).await;
    let moved: Vec<_> = report.transfers.iter().map(|t| (t.direction.as_str(), t.bytes)).collect();
    assert_eq!(moved, [("download", 8 << 20), ("upload", 8 << 20)]);
    for transfer in &report.transfers {
        assert!(transfer.killed.is_some() && transfer.stall_ms > Some(0.0), "{transfer:?}");
    }
}

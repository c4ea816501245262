//! States what an idle session costs the server in resident memory: `cargo bench -p snowflake-server`.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do: at once, and saying where"
)]
#![allow(
    dead_code,
    unused_imports,
    reason = "the helpers are shared with tests that use more of them"
)]

#[path = "../tests/server/idle_sessions.rs"]
mod idle_sessions;
#[path = "../tests/server/program.rs"]
mod program;
#[path = "../tests/server/rig.rs"]
mod rig;
#[path = "../tests/server/tor.rs"]
mod tor;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "a bench states its figure there")]
async fn main() {
    let each = idle_sessions::resident_per_session().await;
    println!(
        "idle session: {each:.1} KiB of resident memory, WebSocket and stream to tor included"
    );
}

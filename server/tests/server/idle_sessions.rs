//! What an idle user costs in memory: the whole process is measured, not a part of it.

use snowflake_cli::open_files;
use snowflake_session::Stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    program::Program,
    rig::{Client, Proxies, in_time},
    tor::{Echo, listen},
};

const SESSIONS: usize = 1000;

/// Sessions that are there before the measurement begins, so that what the process needs anyway does not count.
const BEFORE: usize = 100;

/// The most that an idle session with one WebSocket and one stream to tor may hold, in KiB. Measured on x86-64: 25.2 KiB,
/// of which the WebSocket's read buffer, which is always there, is 16 KiB.
const BOUND: f64 = 32.0;

/// A session with one stream, through which a byte went there and back.
async fn idle_session(proxies: Proxies) -> (Client, Stream) {
    let client = Client::new(proxies);
    let mut stream = client.stream();
    stream.write_all(b"x").await.unwrap();
    assert_eq!(in_time(stream.read_u8()).await.unwrap(), b'x');
    (client, stream)
}

/// Resident memory of a process in KiB.
pub(crate) fn resident(pid: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_session_holds_little_memory() {
    let each = resident_per_session().await;
    println!("{each:.1} KiB of resident memory for each of {SESSIONS} idle sessions");
    assert!(each <= BOUND, "{each:.1} KiB for each idle session");
}

/// KiB of resident memory that each further session costs a server.
pub(crate) async fn resident_per_session() -> f64 {
    open_files::raise_limit();
    let (tor, address) = (Echo::start().await, listen().await.1);
    let env = [
        ("TOR_PT_SERVER_BINDADDR", &*format!("snowflake-{address}")),
        ("TOR_PT_ORPORT", &*tor.address.to_string()),
    ];
    let mut program = Program::start(&["-disable-tls"], &env);
    program.methods().await;
    let pid = program.child.id().unwrap();
    let mut sessions = Vec::new();
    let mut before = 0;
    for n in 0..BEFORE + SESSIONS {
        if n == BEFORE {
            before = resident(pid);
        }
        sessions.push(idle_session(Proxies::of(address)).await);
    }
    (resident(pid) - before) as f64 / SESSIONS as f64
}

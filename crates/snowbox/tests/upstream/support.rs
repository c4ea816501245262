//! How long things take, what the tests need, and what both kinds of them do.

use std::{io, time::Duration};

use bytes::Bytes;
use futures_util::StreamExt;
use snowflake_snowbox::stun;
use snowflake_webrtc::{DataChannel, StunServer};
use tokio::time::timeout;

pub(crate) const LIMIT: Duration = Duration::from_secs(30);

pub(crate) async fn within<T>(work: impl Future<Output = T>) -> T {
    timeout(LIMIT, work).await.unwrap()
}

/// A server of the local network, as the settings of a connection have it.
pub(crate) fn listed(stun: &stun::StunServer) -> Vec<StunServer> {
    StunServer::of_urls(&[stun.url()]).unwrap()
}

pub(crate) async fn next(channel: &mut DataChannel) -> Option<io::Result<Bytes>> {
    within(channel.next()).await
}

/// Whether this is left out on purpose.
///
/// # Panics
/// It is not, and something that it needs is missing.
#[expect(clippy::print_stderr, reason = "whoever runs the tests should see it")]
pub(crate) fn is_left_out(programs: &[&'static str]) -> bool {
    if std::env::var("SNOWFLAKE_WITHOUT_NATS").is_ok_and(|value| value == "1") {
        eprintln!("left out, because SNOWFLAKE_WITHOUT_NATS=1");
        return true;
    }
    let is_root = std::fs::read_to_string("/proc/self/status").is_ok_and(|status| {
        status.lines().any(|line| line.split_whitespace().eq(["Uid:", "0", "0", "0", "0"]))
    });
    let is_there = |program: &str| {
        std::env::split_paths(&std::env::var_os("PATH").unwrap())
            .any(|dir| dir.join(program).exists())
    };
    let missing = programs.iter().copied().filter(|program| !is_there(program));
    let missing: Vec<_> = missing.chain((!is_root).then_some("root")).collect();
    assert!(missing.is_empty(), "no {missing:?}; SNOWFLAKE_WITHOUT_NATS=1 leaves this test out");
    false
}

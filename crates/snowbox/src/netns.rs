//! A network namespace of our own, for programs that find no candidates on loopback.
//!
//! Only this program and its children are in it, so it is gone when they are. It has loopback and a virtual cable that leads nowhere.

use std::{os::unix::process::CommandExt, path::Path, process::Stdio, time::Duration};

use tokio::process::Command;

use crate::{
    build_programs::Programs,
    error::Error,
    process::{find_in_path, run_helper},
};

/// An address of TEST-NET-1 (RFC 5737): to every program a public one, and nobody's.
const ADDRESS: &str = "192.0.2.77/24";
const INTERFACE: &str = "snow0";
/// The other end of a virtual cable, so that the first has a carrier.
const PEER: &str = "snow1";
/// Time for one call of `ip`.
const LIMIT: Duration = Duration::from_secs(10);

/// Becomes `unshare`, which becomes this program again inside a new namespace. Returns only if that fails.
///
/// The programs are named on the new command line: in there, cargo might lack the network.
///
/// # Errors
/// When `unshare` (util-linux) cannot be executed. What it cannot do it says itself.
pub fn enter(this_program: &Path, programs: &Programs) -> Result<(), Error> {
    let mut command = std::process::Command::new("unshare");
    // Without root, a user namespace in which we are root.
    if run_as_root() {
        command.arg("--net");
    } else {
        command.args(["--map-root-user", "--net"]);
    }
    command.arg("--").arg(this_program);
    command.args(std::env::args_os().skip(1)).arg("--inside-netns");
    for (flag, file) in programs.as_flags() {
        command.arg(flag).arg(file);
    }
    Err(Error::Start { program: "unshare".into(), path: "unshare".into(), source: command.exec() })
}

/// Gives the new namespace its addresses.
///
/// # Errors
/// When `ip` (iproute2) is missing or refuses.
pub async fn set_up() -> Result<(), Error> {
    let ip = find_in_path("ip").unwrap_or_else(|| "ip".into());
    for line in [
        "link set lo up".to_owned(),
        format!("link add {INTERFACE} type veth peer name {PEER}"),
        // No IPv6: for its first second a link-local address cannot be bound.
        format!("link set {INTERFACE} addrgenmode none"),
        format!("link set {PEER} addrgenmode none"),
        format!("address add {ADDRESS} dev {INTERFACE}"),
        format!("link set {INTERFACE} up"),
        format!("link set {PEER} up"),
    ] {
        run_helper(Command::new(&ip).args(line.split(' ')), Stdio::null(), LIMIT).await?;
    }
    Ok(())
}

/// Whether the effective user id is 0, from `/proc` (proc(5)).
pub(crate) fn run_as_root() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let uids = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    uids.and_then(|uids| uids.split_whitespace().nth(1)) == Some("0")
}

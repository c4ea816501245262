//! Network namespaces that have no name: held by an open file, gone when that is closed and their processes have ended.

use std::{
    fs::File,
    io,
    os::fd::AsRawFd,
    path::{Path, PathBuf},
    process::Stdio,
    thread,
    time::Duration,
};

use nix::sched::{CloneFlags, setns, unshare};
use tokio::process::Command;

use crate::{
    error::{Doing, Error},
    process::{find_in_path, run_helper},
};

/// The namespace of the thread that opens it (namespaces(7)).
const OF_THIS_THREAD: &str = "/proc/thread-self/ns/net";
/// Whether a namespace passes on packets that are for others; a new one does as the machine's first one.
const FORWARDING: &str = "/proc/sys/net/ipv4/ip_forward";
/// Least, usual and largest receive buffer of a TCP connection, in bytes (tcp(7)).
const RECEIVE_BUFFERS: &str = "/proc/sys/net/ipv4/tcp_rmem";
/// Time for one call of `ip`.
const LIMIT: Duration = Duration::from_secs(10);

/// A network namespace.
#[derive(Debug)]
pub struct Namespace(File);

impl Namespace {
    /// The one that this thread is in.
    ///
    /// # Errors
    /// When `/proc` is not there.
    pub fn current() -> Result<Self, Error> {
        File::open(OF_THIS_THREAD).map(Self).doing("opening our network namespace")
    }

    /// Makes a new, empty one that forwards nothing. The calling thread stays where it is.
    ///
    /// # Errors
    /// When the system refuses, as it does without root.
    pub fn new() -> Result<Self, Error> {
        let make = || {
            unshare(CloneFlags::CLONE_NEWNET)?;
            forward_nothing()?;
            File::open(OF_THIS_THREAD)
        };
        on_a_thread(make).map(Self).doing("making a network namespace")
    }

    /// A path that names it for as long as this program holds it.
    pub fn path(&self) -> PathBuf {
        format!("/proc/{}/fd/{}", std::process::id(), self.0.as_raw_fd()).into()
    }

    /// Runs `work` on a thread inside: what it opens belongs to this namespace wherever it is used later.
    ///
    /// # Errors
    /// Those of `work`, and those of entering.
    pub fn within<T: Send>(&self, work: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
        on_a_thread(|| {
            setns(&self.0, CloneFlags::CLONE_NEWNET)?;
            work()
        })
    }

    /// Has TCP connections that are made from now on buffer at most so many bytes, which count with all the kernel's overhead.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn limit_receive_buffers(&self, bytes: u64) -> Result<(), Error> {
        let line = format!("4096 {bytes} {bytes}");
        self.within(|| std::fs::write(RECEIVE_BUFFERS, line)).doing("limiting TCP's buffers")
    }

    /// Runs `ip` (iproute2) inside, once for each line.
    ///
    /// # Errors
    /// When it is missing or refuses.
    pub async fn ip<L: AsRef<str>>(&self, lines: impl IntoIterator<Item = L>) -> Result<(), Error> {
        let ip = find_in_path("ip").unwrap_or_else(|| "ip".into());
        for line in lines {
            let mut command = self.command(&ip);
            command.args(line.as_ref().split(' '));
            run_helper(&mut command, Stdio::null(), LIMIT).await?;
        }
        Ok(())
    }

    /// `nsenter` (util-linux) enters and becomes the program.
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net={}", self.path().display())).arg("--").arg(program);
        command
    }
}

/// Namespaces belong to threads; one that ends takes its change along.
fn on_a_thread<T: Send>(work: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
    thread::scope(|scope| scope.spawn(work).join())
        .unwrap_or_else(|_| Err(io::Error::other("a thread of ours panicked")))
}

/// Reads first: where `/proc/sys` cannot be written, it may be as we want it.
fn forward_nothing() -> io::Result<()> {
    match std::fs::read_to_string(FORWARDING)?.trim() {
        "0" => Ok(()),
        _ => std::fs::write(FORWARDING, "0"),
    }
}

//! What can go wrong, and whose fault it was.

use std::{io, path::PathBuf, process::ExitStatus, time::Duration};

use thiserror::Error;

use crate::{pattern::Mismatch, socks::SocksError, tor::TorrcError};

/// Why the local network did not do its work.
#[derive(Debug, Error)]
pub enum Error {
    /// `cargo build` could not be run or failed; its own messages stand above.
    #[error("the programs could not be built: {0}")]
    Build(BuildError),
    /// A program could not be started.
    #[error("{program} could not be started from {}: {source}", path.display())]
    Start {
        /// Which program.
        program: String,
        /// Its file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A program did not do its part in time.
    #[error("{program} did not {what} within {limit:?}")]
    TooLate {
        /// Which program.
        program: String,
        /// What it should have done.
        what: &'static str,
        /// How long it had.
        limit: Duration,
    },
    /// A program ended although it should run.
    #[error("{program} ended ({status}) before it could {what}")]
    Ended {
        /// Which program.
        program: String,
        /// How it ended.
        status: ExitStatus,
        /// What it should have done.
        what: &'static str,
    },
    /// A pluggable transport said that it cannot work.
    #[error("{program} reported: {line}")]
    Reported {
        /// Which program.
        program: String,
        /// Its line, as tor would see it.
        line: String,
    },
    /// A pluggable transport wrote something to stdout that tor does not know.
    #[error("{program} wrote to stdout what is no line of the PT protocol: {line:?}")]
    NoPtLine {
        /// Which program.
        program: String,
        /// The line.
        line: String,
    },
    /// A helper such as tor-gencert or ip failed.
    #[error("`{command}` failed ({status}): {stderr}")]
    Helper {
        /// The command line.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// What it said.
        stderr: String,
    },
    /// A helper's output or a file lacks what is needed.
    #[error("{what} has no {missing}")]
    Missing {
        /// Where it was looked for.
        what: String,
        /// What was looked for.
        missing: &'static str,
    },
    /// One of our example files does not fit the private network.
    #[error(transparent)]
    Torrc(#[from] TorrcError),
    /// The way in was refused.
    #[error("no way into the tunnel: {0}")]
    Socks(#[from] SocksError),
    /// Bytes arrived that were not sent.
    #[error("the {direction} was damaged: {mismatch}")]
    Damaged {
        /// `download` or `upload`.
        direction: &'static str,
        /// Where.
        mismatch: Mismatch,
    },
    /// The other end judged the upload.
    #[error("the upload was not taken: {answer}")]
    UploadRefused {
        /// The answer's first lines.
        answer: String,
    },
    /// A transfer ended or broke.
    #[error("the {direction} broke off after {bytes} bytes: {source}")]
    Broken {
        /// `download` or `upload`.
        direction: &'static str,
        /// Bytes that had arrived.
        bytes: u64,
        /// What the connection said.
        source: io::Error,
    },
    /// A transfer stood still.
    #[error("the {direction} stood still for {limit:?} after {bytes} bytes")]
    Stalled {
        /// `download` or `upload`.
        direction: &'static str,
        /// Bytes that had arrived.
        bytes: u64,
        /// How long it was watched.
        limit: Duration,
    },
    /// No proxy stood out as the one that carries the traffic.
    #[error("no proxy used noticeable CPU time: none of them carries the {direction}")]
    NoBusyProxy {
        /// `download` or `upload`.
        direction: &'static str,
    },
    /// A file, a port or a pipe of our own.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// A scenario was asked for without the rights that it needs.
    #[error("scenarios make network namespaces and TUN devices: run them as root")]
    NeedsRoot,
    /// The kernel makes no TUN devices here.
    #[error("scenarios need TUN devices, but /dev/net/tun is not there")]
    NoTun,
    /// The system does not let us have as many connections as were asked for.
    #[error(
        "this needs {needed} open files in one program, but the limit is {limit}: raise it before (`ulimit -Hn {needed}`), or \
         ask for fewer"
    )]
    TooFewFiles {
        /// How many are needed.
        needed: u64,
        /// How many there may be, after all that we may do about it.
        limit: u64,
    },
    /// Ctrl-C or SIGTERM.
    #[error("interrupted")]
    Interrupted,
}

/// Why there are no programs to run.
#[derive(Debug, Error)]
pub enum BuildError {
    /// cargo is not there.
    #[error("cargo could not be run: {0}")]
    NoCargo(io::Error),
    /// cargo said no.
    #[error("`cargo build --release` ended with {0}")]
    Failed(ExitStatus),
    /// cargo was content and yet made no such program.
    #[error("cargo built no {0}")]
    NotBuilt(String),
    /// A file is not where it should be.
    #[error("{} does not exist", .0.display())]
    NoFile(PathBuf),
}

/// Gives an [`io::Error`] its context.
pub(crate) trait Doing<T> {
    /// Says what was being done.
    fn doing(self, what: &'static str) -> Result<T, Error>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, what: &'static str) -> Result<T, Error> {
        self.map_err(|source| Error::Io { what, source })
    }
}

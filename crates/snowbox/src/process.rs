//! One child process: started with a clean environment, its output in files, dead when its owner is gone.
//!
//! Three things see to it that no child outlives us. Dropping a [`Process`] kills it. `setpriv --pdeathsig`, where it is
//! installed, has the kernel kill it when we die without a chance to drop anything. A pluggable transport also ends when its
//! stdin closes, as tor has it do.

use std::{
    ffi::OsString,
    fs::File,
    io,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use nix::{sys::signal::Signal, unistd::Pid};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
    task::JoinSet,
    time::timeout,
};

use crate::{
    error::{Doing, Error},
    usage::{self, Usage},
};

/// Time for a killed process to disappear.
const KILL_LIMIT: Duration = Duration::from_secs(10);

/// A child to be started.
#[derive(Debug)]
pub struct Plan {
    /// What messages, log files and the table call it.
    pub name: String,
    /// The file to execute.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Its environment, beside `PATH` and `HOME`.
    pub env: Vec<(&'static str, OsString)>,
    /// Whether our side reads its stdout; otherwise that goes to a file as it is.
    pub read_stdout: bool,
    /// The file of the network namespace in which it shall run, if not in ours.
    pub namespace: Option<PathBuf>,
}

/// A running child.
#[derive(Debug)]
pub struct Process {
    name: String,
    pid: u32,
    child: Child,
    output: Option<Output>,
    drain: JoinSet<io::Result<()>>,
    /// Open for as long as the child shall run.
    _stdin: Option<ChildStdin>,
}

/// A child's stdout, line by line; every line is also written to the child's log.
#[derive(Debug)]
struct Output {
    lines: tokio::io::Lines<BufReader<ChildStdout>>,
    copy: tokio::fs::File,
}

impl Plan {
    /// A child without arguments whose stdout goes to a file.
    pub fn new(name: impl Into<String>, program: &Path) -> Self {
        Self {
            name: name.into(),
            program: program.into(),
            args: Vec::new(),
            env: Vec::new(),
            read_stdout: false,
            namespace: None,
        }
    }

    /// Adds arguments.
    pub fn args(mut self, args: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Starts it; stdout and stderr go to `NAME.stdout` and `NAME.stderr` in `logs`, its `HOME` is that directory.
    ///
    /// # Errors
    /// When the log files cannot be made or the program cannot be executed.
    pub fn start(self, logs: &Path) -> Result<Process, Error> {
        let file_name = self.name.replace(' ', "-");
        let log = |kind| {
            File::create(logs.join(format!("{file_name}.{kind}"))).doing("making a log file")
        };
        let (stdout, stderr) = (log("stdout")?, log("stderr")?);
        let mut command = command_that_dies_with_us(&self.program, self.namespace.as_deref());
        command
            .args(&self.args)
            .env_clear()
            .envs(self.env.iter().map(|(k, v)| (k, v)))
            .env("HOME", logs);
        command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command.stdin(Stdio::piped()).stderr(stderr).kill_on_drop(true);
        command.stdout(if self.read_stdout {
            Stdio::piped()
        } else {
            stdout.try_clone().doing("a log file")?.into()
        });
        // Its own group, so that Ctrl-C reaches us alone and we end the children in order.
        command.as_std_mut().process_group(0);
        let started = command.spawn();
        let failed = |source| Error::Start {
            program: self.name.clone(),
            path: self.program.clone(),
            source,
        };
        let mut child = started.map_err(failed)?;
        let pid = child.id().ok_or_else(|| failed(io::ErrorKind::NotFound.into()))?;
        let output = child
            .stdout
            .take()
            .map(|pipe| Output { lines: BufReader::new(pipe).lines(), copy: stdout.into() });
        let stdin = child.stdin.take();
        Ok(Process { name: self.name, pid, child, output, drain: JoinSet::new(), _stdin: stdin })
    }
}

impl Process {
    /// What messages call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// What it has used so far; `None` once it is gone.
    pub fn usage(&self) -> Option<Usage> {
        usage::of(self.pid)
    }

    /// Reads lines of stdout until `find` gives a value; what comes later only goes to the log.
    ///
    /// # Errors
    /// [`Error::TooLate`] after `limit`, [`Error::Ended`] when stdout closes first, and whatever `find` returns.
    pub async fn wait_for_line<T>(
        &mut self,
        what: &'static str,
        limit: Duration,
        mut find: impl FnMut(&str) -> Result<Option<T>, Error>,
    ) -> Result<T, Error> {
        let Some(mut output) = self.output.take() else { return Err(self.too_late(what, limit)) };
        let search = async {
            while let Some(line) = output.next().await.doing("reading a program's stdout")? {
                if let Some(found) = find(&line)? {
                    return Ok(Some(found));
                }
            }
            Ok(None)
        };
        let found = timeout(limit, search).await;
        self.drain.spawn(output.drain());
        match found {
            Ok(Ok(Some(found))) => Ok(found),
            Ok(Ok(None)) => Err(self.ended(what).await),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(self.too_late(what, limit)),
        }
    }

    /// Repeats `attempt` until it gives a value, for at most `limit`.
    ///
    /// # Errors
    /// [`Error::TooLate`] after `limit`, [`Error::Ended`] when the process ends first.
    pub async fn wait_until<T>(
        &mut self,
        what: &'static str,
        limit: Duration,
        attempt: impl AsyncFnMut() -> Option<T>,
    ) -> Result<T, Error> {
        let found = timeout(limit, retry(attempt));
        tokio::select! {
            found = found => found.map_err(|_| self.too_late(what, limit)),
            status = self.child.wait() => Err(match status {
                Ok(status) => Error::Ended { program: self.name.clone(), status, what },
                Err(source) => Error::Io { what: "waiting for a program", source },
            }),
        }
    }

    /// Kills it with SIGKILL and waits until it is gone.
    ///
    /// # Errors
    /// When it is still there after 10 s.
    pub async fn kill(&mut self) -> Result<ExitStatus, Error> {
        self.child.start_kill().doing("killing a program")?;
        match timeout(KILL_LIMIT, self.child.wait()).await {
            Ok(status) => status.doing("waiting for a killed program"),
            Err(_) => Err(self.too_late("die", KILL_LIMIT)),
        }
    }

    /// Sends it a signal.
    ///
    /// # Errors
    /// When it has ended.
    pub fn signal(&self, signal: Signal) -> Result<(), Error> {
        let pid =
            i32::try_from(self.pid).map_err(io::Error::other).doing("signalling a program")?;
        nix::sys::signal::kill(Pid::from_raw(pid), signal)
            .map_err(io::Error::from)
            .doing("signalling a program")
    }

    /// The error that says so, if it has ended before it could do `what`.
    pub fn has_ended(&mut self, what: &'static str) -> Option<Error> {
        let status = self.child.try_wait().ok()??;
        Some(Error::Ended { program: self.name.clone(), status, what })
    }

    async fn ended(&mut self, what: &'static str) -> Error {
        match timeout(KILL_LIMIT, self.child.wait()).await {
            Ok(Ok(status)) => Error::Ended { program: self.name.clone(), status, what },
            _ => self.too_late(what, KILL_LIMIT),
        }
    }

    fn too_late(&self, what: &'static str, limit: Duration) -> Error {
        Error::TooLate { program: self.name.clone(), what, limit }
    }
}

impl Output {
    async fn next(&mut self) -> io::Result<Option<String>> {
        let Some(line) = self.lines.next_line().await? else { return Ok(None) };
        self.copy.write_all(line.as_bytes()).await?;
        self.copy.write_all(b"\n").await?;
        self.copy.flush().await?;
        Ok(Some(line))
    }

    /// The child must never wait for a reader.
    async fn drain(mut self) -> io::Result<()> {
        while self.next().await?.is_some() {}
        Ok(())
    }
}

/// Pause between two attempts of [`retry`].
const RETRY_PAUSE: Duration = Duration::from_millis(50);

/// Repeats `attempt` until it gives a value. The caller sets the time limit.
pub(crate) async fn retry<T>(mut attempt: impl AsyncFnMut() -> Option<T>) -> T {
    loop {
        if let Some(found) = attempt().await {
            return found;
        }
        tokio::time::sleep(RETRY_PAUSE).await;
    }
}

/// Runs a short-lived helper to its end and returns its stdout.
///
/// # Errors
/// When it cannot be run, does not end within `limit`, or fails.
pub(crate) async fn run_helper(
    command: &mut Command,
    stdin: Stdio,
    limit: Duration,
) -> Result<String, Error> {
    let text = command.as_std().get_program().to_string_lossy().into_owned();
    command.stdin(stdin).kill_on_drop(true);
    let output = match timeout(limit, command.output()).await {
        Err(_) => return Err(Error::TooLate { program: text, what: "end", limit }),
        Ok(Err(source)) => {
            return Err(Error::Start { path: text.clone().into(), program: text, source });
        }
        Ok(Ok(output)) => output,
    };
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(Error::Helper {
            command: format!("{:?}", command.as_std()),
            status: output.status,
            stderr,
        });
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// `setpriv` (util-linux) sets PR_SET_PDEATHSIG and then becomes the program, with the same process id; so does `nsenter`
/// before it, where the program belongs into another namespace.
fn command_that_dies_with_us(program: &Path, namespace: Option<&Path>) -> Command {
    let enter = namespace.map(|file| {
        ["nsenter".into(), OsString::from_iter(["--net=".as_ref(), file.as_os_str()]), "--".into()]
    });
    let outlive_nobody = find_in_path("setpriv")
        .map(|setpriv| [setpriv.into(), "--pdeathsig".into(), "SIGKILL".into(), "--".into()]);
    let words = enter.into_iter().flatten().chain(outlive_nobody.into_iter().flatten());
    let mut words = words.chain([program.into()]);
    let mut command = Command::new(words.next().unwrap_or_else(|| program.into()));
    command.args(words);
    command
}

/// The first executable of this name in `PATH` and in the directories of system programs.
pub(crate) fn find_in_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"].map(PathBuf::from);
    std::env::split_paths(&path).chain(system).map(|dir| dir.join(name)).find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    fn shell(script: &str, logs: &Path) -> Process {
        let mut plan = Plan::new("the shell", Path::new("/bin/sh")).args(["-c", script]);
        plan.read_stdout = true;
        plan.start(logs).unwrap()
    }

    #[tokio::test]
    async fn lines_are_found_and_kept() {
        let logs = tempfile::tempdir().unwrap();
        let mut process = shell("echo one; echo two; echo three; exec cat", logs.path());
        let find = |line: &str| Ok((line == "two").then_some(2));
        assert_eq!(process.wait_for_line("count", LIMIT, find).await.unwrap(), 2);
        let log = logs.path().join("the-shell.stdout");
        let whole = retry(async || {
            Some(std::fs::read_to_string(&log).unwrap()).filter(|text| text.contains("three"))
        });
        assert_eq!(timeout(LIMIT, whole).await.unwrap(), "one\ntwo\nthree\n");
    }

    #[tokio::test]
    async fn messages_name_the_program() {
        let logs = tempfile::tempdir().unwrap();
        let mut process = shell("echo one; exit 3", logs.path());
        let error =
            process.wait_for_line("count to two", LIMIT, |_| Ok(None::<()>)).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "the shell ended (exit status: 3) before it could count to two"
        );
        let mut process = shell("exec cat", logs.path());
        let short = Duration::from_millis(10);
        let error = process.wait_for_line("count", short, |_| Ok(None::<()>)).await.unwrap_err();
        assert_eq!(error.to_string(), "the shell did not count within 10ms");
        let plan = Plan::new("nobody", Path::new("/nonexistent/program"));
        let mut process = match plan.start(logs.path()) {
            Err(error) => {
                return assert!(error.to_string().contains("nobody could not be started"));
            }
            Ok(process) => process,
        };
        let error = process.wait_until("run", LIMIT, async || None::<()>).await.unwrap_err();
        assert!(error.to_string().starts_with("nobody ended"), "{error}");
    }

    #[tokio::test]
    async fn dropping_kills() {
        let logs = tempfile::tempdir().unwrap();
        let process = shell("trap '' TERM; while :; do sleep 1; done", logs.path());
        let pid = process.pid();
        assert!(usage::of(pid).is_some());
        drop(process);
        let gone =
            retry(async || usage::of(pid).is_none_or(|usage| usage.peak_memory == 0).then_some(()));
        timeout(LIMIT, gone).await.unwrap();
    }
}

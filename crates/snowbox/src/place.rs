//! Where a run happens: its programs, its directories, its wishes.

use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::{
    args::Args,
    build_programs::Programs,
    error::{Doing, Error},
    progress::say,
};

/// Lines of each log that are shown when something failed.
const TAIL_LINES: usize = 8;

/// What all parts of a run share.
#[derive(Debug)]
pub struct Place {
    /// The programs.
    pub programs: Programs,
    /// The command line.
    pub args: Args,
    temp: TempDir,
    logs: PathBuf,
}

impl Place {
    /// Makes the directories.
    ///
    /// # Errors
    /// When one cannot be made.
    pub fn new(args: Args, programs: Programs) -> Result<Self, Error> {
        let temp = tempfile::Builder::new()
            .prefix("snowbox-")
            .tempdir()
            .doing("making a temporary directory")?;
        let logs = args.logs.clone().unwrap_or_else(|| temp.path().join("logs"));
        std::fs::create_dir_all(&logs).doing("making the directory of logs")?;
        let logs = logs.canonicalize().doing("finding the directory of logs")?;
        Ok(Self { programs, args, temp, logs })
    }

    /// Where the programs' output goes.
    pub fn logs(&self) -> &Path {
        &self.logs
    }

    /// The variable that makes our programs log everything, when that is wanted.
    pub fn log_levels(&self) -> Option<(&'static str, OsString)> {
        self.args.debug.then(|| ("RUST_LOG", "debug".into()))
    }

    /// The flag that leaves addresses in the logs, when that is wanted. All four programs have it.
    pub fn unsafe_logging(&self) -> Option<&'static str> {
        self.args.unsafe_logging.then_some("-unsafe-logging")
    }

    /// A new directory for a program's files, gone at the end of the run.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn directory(&self, name: &str) -> Result<PathBuf, Error> {
        let dir = self.temp.path().join(name);
        std::fs::create_dir_all(&dir).doing("making a program's directory")?;
        Ok(dir)
    }

    /// Writes a file for a program.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn file(&self, name: &str, text: &str) -> Result<PathBuf, Error> {
        let file = self.temp.path().join(name);
        std::fs::write(&file, text).doing("writing a program's file")?;
        Ok(file)
    }

    /// After a failure: shows the end of every log, and keeps all of them.
    pub fn keep_logs(self) {
        if let Err(error) = show_tails(&self.logs) {
            say(format_args!("The logs could not be read: {error}"));
        }
        let _kept = self.temp.keep();
        say(format_args!("The programs' logs are in {}", self.logs.display()));
    }
}

fn show_tails(logs: &Path) -> io::Result<()> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(logs)?.flatten().map(|entry| entry.path()).collect();
    files.sort();
    for file in files {
        let text = std::fs::read(&file)?;
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        if !lines.is_empty() {
            let tail = &lines[lines.len().saturating_sub(TAIL_LINES)..];
            say(format_args!(
                "--- the end of {}\n{}",
                file.file_name().unwrap_or_default().display(),
                tail.join("\n")
            ));
        }
    }
    Ok(())
}

//! Which ways to a broker worked lately, also for the next run of the program.

use super::Way;
use crate::timers::MAX_WINNERS;
use std::fmt;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The file's name in tor's state directory, which other transports use as well.
const FILE: &str = "snowflake-rendezvous";
/// The file's first line. A file that begins otherwise is not read.
const TITLE: &str = "snowflake rendezvous methods, the last to work first";
/// Bytes of a mark; in the file twice as many digits.
const MARK: usize = 8;
/// The longest file that is read: title and marks, each with a line feed.
const LONGEST: usize = TITLE.len() + 1 + MAX_WINNERS * (2 * MARK + 1);

/// By what a way is known again, without saying which it is: the beginning of a SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark(pub(super) [u8; MARK]);

/// Which ways to a broker worked lately; clones know the same.
///
/// By default for as long as this lives. At most 64 are remembered, then those that worked least lately are forgotten.
#[derive(Clone, Debug, Default)]
pub(crate) struct Winners(Arc<Mutex<Lately>>);

#[derive(Debug, Default)]
struct Lately {
    file: Option<PathBuf>,
    is_read: bool,
    /// The last to work first.
    marks: Vec<Mark>,
}

impl Winners {
    /// Keeps them in a file in `directory`, which is made (0700) when there is something to keep. Both are touched only if
    /// there is a choice between several ways.
    ///
    /// A file that cannot be read, or is not one of ours, is as good as none, and said in the log.
    pub(crate) fn kept_in(directory: &Path) -> Self {
        let file = Some(directory.join(FILE));
        Self(Arc::new(Mutex::new(Lately { file, ..Lately::default() })))
    }

    /// The ways in the order in which they should be tried: those that worked lately, then the others as they are.
    pub(super) fn first<'m>(&self, ways: &'m [Way]) -> Vec<&'m Way> {
        let mut sorted: Vec<_> = ways.iter().collect();
        if sorted.len() > 1 {
            let mut lately = self.lately();
            lately.read();
            sorted.sort_by_key(|way| lately.place(way.mark).unwrap_or(usize::MAX));
        }
        sorted
    }

    /// This one of several worked.
    ///
    /// The file is replaced in one step. It is not waited for the disk: after a power failure it may be empty, and is as
    /// good as none then.
    pub(super) fn won(&self, winner: &Way, ways: &[Way]) {
        let mut lately = self.lately();
        let place = lately.place(winner.mark);
        let mut others = ways.iter().filter(|way| way.mark != winner.mark);
        let is_news = others.any(|other| {
            let other = lately.place(other.mark);
            place.is_none() || other.is_some_and(|other| Some(other) < place)
        });
        if is_news {
            lately.marks.retain(|mark| *mark != winner.mark);
            lately.marks.insert(0, winner.mark);
            lately.marks.truncate(MAX_WINNERS);
            if let Err(error) = lately.write() {
                tracing::warn!("cannot keep which rendezvous method worked: {error}");
            }
        }
    }

    fn lately(&self) -> MutexGuard<'_, Lately> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lately {
    fn place(&self, mark: Mark) -> Option<usize> {
        self.marks.iter().position(|other| *other == mark)
    }

    /// Reads the file, once.
    fn read(&mut self) {
        if std::mem::replace(&mut self.is_read, true) {
            return;
        }
        let Some(file) = &self.file else { return };
        match read(file) {
            Ok(marks) => self.marks = marks,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                tracing::warn!("ignoring what is kept of rendezvous methods: {error}");
            }
        }
    }

    fn write(&self) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        if let Some(directory) = file.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        }
        // Another program of the same user may do the same at the same time.
        let new = file.with_extension(std::process::id().to_string());
        let lines = self.marks.iter().map(ToString::to_string);
        let text: String =
            std::iter::once(TITLE.to_owned()).chain(lines).map(|line| line + "\n").collect();
        let mut options = OpenOptions::new();
        let written = options.write(true).create(true).truncate(true).mode(0o600).open(&new);
        let written = written.and_then(|mut new| new.write_all(text.as_bytes()));
        written.and_then(|()| std::fs::rename(&new, file)).inspect_err(|_| {
            // It may never have been there.
            let _ = std::fs::remove_file(&new);
        })
    }
}

fn read(file: &Path) -> io::Result<Vec<Mark>> {
    let mut text = String::new();
    File::open(file)?.take(LONGEST as u64 + 1).read_to_string(&mut text)?;
    let not_ours = || io::Error::new(io::ErrorKind::InvalidData, "it is not in the format");
    if text.len() > LONGEST || !text.ends_with('\n') {
        return Err(not_ours());
    }
    let mut lines = text.lines();
    let is_ours = lines.next() == Some(TITLE);
    let marks: Result<Vec<Mark>, _> = lines.map(str::parse).collect();
    marks.ok().filter(|_| is_ours).ok_or_else(not_ours)
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

impl FromStr for Mark {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let is_hex = text.len() == 2 * MARK && text.bytes().all(|digit| digit.is_ascii_hexdigit());
        let number = u64::from_str_radix(text, 16).map_err(drop)?;
        is_hex.then_some(Self(number.to_be_bytes())).ok_or(())
    }
}

#[cfg(test)]
mod tests;

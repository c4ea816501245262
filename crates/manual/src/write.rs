//! Where the files go.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;
use time::Date;

use crate::{SHELLS, programs};

/// A file or directory that cannot be written.
#[derive(Debug, Error)]
#[error("cannot write {}: {source}", path.display())]
pub struct WriteError {
    /// Which.
    pub path: PathBuf,
    /// What the system says.
    pub source: io::Error,
}

/// Writes the man pages to `man1` in `directory`, and completions to a directory for each shell in its `completions`.
///
/// The pages say that they are of that day. Directories are made, files replaced.
///
/// # Errors
///
/// Names what cannot be written; what was written before that stays.
pub fn write(directory: &Path, day: Date) -> Result<(), WriteError> {
    let pages = make(directory.join("man1"))?;
    let shells = directory.join("completions");
    for manual in programs() {
        let path = pages.join(format!("{}.1", manual.program.name));
        let page = manual.page(day).and_then(|page| fs::write(&path, page));
        page.map_err(cannot_write(&path))?;
        for shell in SHELLS {
            let path = make(shells.join(shell.to_string()))?.join(manual.completions_file(shell));
            fs::write(&path, manual.completions(shell)).map_err(cannot_write(&path))?;
        }
    }
    Ok(())
}

fn make(directory: PathBuf) -> Result<PathBuf, WriteError> {
    fs::create_dir_all(&directory).map_err(cannot_write(&directory))?;
    Ok(directory)
}

fn cannot_write(path: &Path) -> impl FnOnce(io::Error) -> WriteError + use<> {
    let path = path.to_owned();
    |source| WriteError { path, source }
}

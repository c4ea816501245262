//! Where the metrics go, one block a day. The only place of the broker that writes to stdout.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::limits::MAX_METRICS_LOG;

/// Where blocks of metrics are appended.
#[derive(Clone, Debug, Default)]
pub enum MetricsLog {
    /// Nowhere.
    #[default]
    None,
    /// Standard output. A broker is not a pluggable transport, so no tor reads there.
    Stdout,
    /// A file.
    File(Arc<MetricsFile>),
}

/// A metrics log that is open for appending, and what was read of it last.
#[derive(Debug)]
pub struct MetricsFile {
    path: PathBuf,
    file: File,
    last: Mutex<Option<(Version, Bytes)>>,
}

/// Length and time of the last change: new after each block.
type Version = (u64, SystemTime);

impl MetricsLog {
    /// Opens a file for appending, creating it if need be.
    ///
    /// # Errors
    /// What the system says.
    pub fn file(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self::File(Arc::new(MetricsFile {
            path: path.to_owned(),
            file,
            last: Mutex::default(),
        })))
    }

    /// Appends a block.
    pub(crate) async fn append(&self, block: &str) -> io::Result<()> {
        match self {
            MetricsLog::None => Ok(()),
            MetricsLog::Stdout => write(tokio::io::stdout(), block).await,
            MetricsLog::File(log) => {
                write(tokio::fs::File::from_std(log.file.try_clone()?), block).await
            }
        }
    }

    /// All that the file holds; `None` if there is no file.
    ///
    /// All who ask between two blocks share one copy, however many they are and slowly they read.
    pub(crate) async fn read(&self) -> io::Result<Option<Bytes>> {
        let MetricsLog::File(log) = self else { return Ok(None) };
        let state = tokio::fs::metadata(&log.path).await?;
        let version = (state.len(), state.modified()?);
        if let Some(text) = log.remembered(version) {
            return Ok(Some(text));
        }
        let text = Bytes::from(read(&log.path).await?);
        *log.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((version, text.clone()));
        Ok(Some(text))
    }
}

impl MetricsFile {
    fn remembered(&self, version: Version) -> Option<Bytes> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.as_ref().filter(|(of, _)| *of == version).map(|(_, text)| text.clone())
    }
}

async fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = tokio::fs::File::open(path).await?.take(MAX_METRICS_LOG + 1);
    let mut text = Vec::new();
    match file.read_to_end(&mut text).await? as u64 {
        ..=MAX_METRICS_LOG => Ok(text),
        _ => Err(io::ErrorKind::FileTooLarge.into()),
    }
}

async fn write(mut out: impl tokio::io::AsyncWrite + Unpin, block: &str) -> io::Result<()> {
    out.write_all(block.as_bytes()).await?;
    out.flush().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn readers_share_a_copy_until_the_next_block() {
        let folder = tempfile::tempdir().unwrap();
        let log = MetricsLog::file(&folder.path().join("metrics")).unwrap();
        log.append("one\n").await.unwrap();
        let first = log.read().await.unwrap().unwrap();
        let second = log.read().await.unwrap().unwrap();
        assert_eq!(first, "one\n");
        assert_eq!(first.as_ptr(), second.as_ptr(), "not a copy for each reader");
        log.append("two\n").await.unwrap();
        assert_eq!(log.read().await.unwrap().unwrap(), "one\ntwo\n");
        assert!(MetricsLog::Stdout.read().await.unwrap().is_none());
    }
}

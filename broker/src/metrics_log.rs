//! Where the metrics go, one block a day. The only place of the broker that writes to stdout.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

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
    /// A file, open for appending.
    File(PathBuf, Arc<File>),
}

impl MetricsLog {
    /// Opens a file for appending, creating it if need be.
    ///
    /// # Errors
    /// What the system says.
    pub fn file(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self::File(path.to_owned(), Arc::new(file)))
    }

    /// Appends a block.
    pub(crate) async fn append(&self, block: &str) -> io::Result<()> {
        match self {
            MetricsLog::None => Ok(()),
            MetricsLog::Stdout => write(tokio::io::stdout(), block).await,
            MetricsLog::File(_, file) => {
                write(tokio::fs::File::from_std(file.try_clone()?), block).await
            }
        }
    }

    /// All that the file holds; `None` if there is no file.
    pub(crate) async fn read(&self) -> io::Result<Option<Vec<u8>>> {
        let MetricsLog::File(path, _) = self else { return Ok(None) };
        let mut file = tokio::fs::File::open(path).await?.take(MAX_METRICS_LOG + 1);
        let mut text = Vec::new();
        match file.read_to_end(&mut text).await? as u64 {
            ..=MAX_METRICS_LOG => Ok(Some(text)),
            _ => Err(io::ErrorKind::FileTooLarge.into()),
        }
    }
}

async fn write(mut out: impl tokio::io::AsyncWrite + Unpin, block: &str) -> io::Result<()> {
    out.write_all(block.as_bytes()).await?;
    out.flush().await
}

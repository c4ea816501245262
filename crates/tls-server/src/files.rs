//! A certificate from two PEM files, which may be replaced while the server runs.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use rustls::{
    crypto::ring::default_provider,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio::time::sleep;
use tracing::{info, warn};

use crate::{error::FileError, limits::WATCH_INTERVAL};

/// The files, and what was in them when they were last good.
#[derive(Debug)]
pub(crate) struct Files {
    cert: PathBuf,
    key: PathBuf,
    current: RwLock<Loaded>,
}

#[derive(Debug)]
struct Loaded {
    certified: Arc<CertifiedKey>,
    /// How the files looked when they were last read, whether they were good or not.
    seen: [Option<Stamp>; 2],
}

/// By what a file is known to have been replaced or written: inode, time of writing, length.
type Stamp = (u64, i64, i64, u64);

impl Files {
    /// Reads the files for the first time.
    pub(crate) fn open(cert: &Path, key: &Path) -> Result<Self, FileError> {
        let seen = [stamp(cert), stamp(key)];
        let certified = Arc::new(read(cert, key)?);
        let current = RwLock::new(Loaded { certified, seen });
        Ok(Self { cert: cert.to_owned(), key: key.to_owned(), current })
    }

    /// Reads the files again. Bad ones leave things as they are.
    pub(crate) fn reload(&self) {
        let seen = self.stamps();
        let read = read(&self.cert, &self.key).map(Arc::new);
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        current.seen = seen;
        if let Ok(certified) = &read {
            current.certified = Arc::clone(certified);
        }
        // No handshake waits for the log.
        drop(current);
        match read {
            Ok(_) => info!("the certificate in {} is read again", self.cert.display()),
            Err(error) => warn!("the certificate is not read again, the last one stays: {error}"),
        }
    }

    /// Reads the files again when they change. Never ends.
    ///
    /// Whoever replaces them may do so one after the other: the pair in between is refused and the next change awaited.
    pub(crate) async fn watch(&self) {
        loop {
            sleep(WATCH_INTERVAL).await;
            let seen = self.current.read().unwrap_or_else(PoisonError::into_inner).seen;
            if self.stamps() != seen {
                self.reload();
            }
        }
    }

    fn stamps(&self) -> [Option<Stamp>; 2] {
        [stamp(&self.cert), stamp(&self.key)]
    }
}

impl ResolvesServerCert for Files {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&current.certified))
    }
}

/// Of the file to which a symbolic link leads, if it is one.
fn stamp(path: &Path) -> Option<Stamp> {
    let file = fs::metadata(path).ok()?;
    Some((file.ino(), file.mtime(), file.mtime_nsec(), file.len()))
}

fn read(cert: &Path, key: &Path) -> Result<CertifiedKey, FileError> {
    let file = |path: &Path| {
        let path = path.to_owned();
        |source| FileError::File { path, source }
    };
    let chain = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(file(cert))?;
    if chain.is_empty() {
        return Err(FileError::NoCertificate(cert.to_owned()));
    }
    let key = PrivateKeyDer::from_pem_file(key).map_err(file(key))?;
    Ok(CertifiedKey::from_der(chain, key, &default_provider())?)
}

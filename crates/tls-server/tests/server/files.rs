//! Certificates from files, which are replaced while the server runs.

use std::{fs, path::Path, pin::pin, time::Duration};

use rustls::pki_types::{CertificateDer, pem::PemObject};
use snowflake_tls_server::{HTTP1, Tls, limits::WATCH_INTERVAL};
use tempfile::TempDir;
use tokio::time::timeout;

use crate::client::{certificate, shown_by};

const NAME: &str = "snowflake.example";

/// Files of a server.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, text: &str) {
        // As who renews certificates does it: nobody sees half of a file.
        let new = self.0.path().join("new");
        fs::write(&new, text).unwrap();
        fs::rename(new, self.0.path().join(name)).unwrap();
    }

    fn open(&self) -> Tls {
        Tls::from_files(&self.path("cert"), &self.path("key"), &[HTTP1]).unwrap()
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        Path::new(self.0.path()).join(name)
    }
}

async fn shows(tls: &Tls, pem: &str) -> bool {
    let expected = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    shown_by(tls, NAME, std::slice::from_ref(&expected)).await.is_ok_and(|shown| shown == expected)
}

#[tokio::test]
async fn replaced_files_are_shown_when_they_are_read_again() {
    let folder = Folder::new();
    let [(first, first_key), (second, second_key)] = [certificate(&[NAME]), certificate(&[NAME])];
    folder.write("cert", &first);
    folder.write("key", &first_key);
    let tls = folder.open();
    assert!(shows(&tls, &first).await);
    folder.write("cert", &second);
    tls.reload();
    assert!(shows(&tls, &first).await, "a key is no use to another certificate");
    folder.write("key", &second_key);
    tls.reload();
    assert!(shows(&tls, &second).await && !shows(&tls, &first).await);
    fs::remove_file(folder.path("cert")).unwrap();
    tls.reload();
    assert!(shows(&tls, &second).await, "what was good stays");
}

#[tokio::test(start_paused = true)]
async fn files_that_change_are_read_again_within_a_minute() {
    let folder = Folder::new();
    let [(first, first_key), (second, second_key)] = [certificate(&[NAME]), certificate(&[NAME])];
    folder.write("cert", &first);
    folder.write("key", &first_key);
    let tls = folder.open();
    let mut watching = pin!(tls.keep());
    // Half of a pair is not taken, and not the end.
    folder.write("cert", &second);
    let interval = WATCH_INTERVAL + Duration::from_secs(1);
    assert!(timeout(interval, watching.as_mut()).await.is_err());
    assert!(shows(&tls, &first).await);
    folder.write("key", &second_key);
    assert!(timeout(interval, watching.as_mut()).await.is_err());
    assert!(shows(&tls, &second).await);
}

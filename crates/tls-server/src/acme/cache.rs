//! What is kept between two runs: a key that names us to the authority, and the certificates.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rustls_acme::acme::Account;

use crate::error::AcmeError;

/// The account key's file: PKCS #8, not PEM. Go's autocert keeps its own beside it.
const ACCOUNT_KEY: &str = "acme_account.p8";

/// Longest file that can be what we look for.
const LONGEST_FILE: u64 = 1 << 20;

/// A directory with a PEM file for each name, key first, then the chain: what Go's autocert keeps, under the same names,
/// so that one program goes on where the other ended.
#[derive(Debug)]
pub(crate) struct Cache {
    directory: PathBuf,
}

impl Cache {
    /// Makes the directory, for our eyes only, if it is not there.
    pub(crate) fn open(directory: &Path) -> Result<Self, AcmeError> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(directory);
        made.map_err(cannot_keep(directory))?;
        Ok(Self { directory: directory.to_owned() })
    }

    /// The key of the account, made if there is none: so it is known from the start that files can be written.
    pub(crate) fn account_key(&self) -> Result<Vec<u8>, AcmeError> {
        let path = self.directory.join(ACCOUNT_KEY);
        match self.read(ACCOUNT_KEY) {
            Ok(key) if is_account_key(&key) => Ok(key),
            Ok(_) => Err(AcmeError::AccountKey(path)),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let key = Account::generate_key_pair();
                self.write(ACCOUNT_KEY, &key).map_err(cannot_keep(&path))?;
                Ok(key)
            }
            Err(error) => Err(cannot_keep(&path)(error)),
        }
    }

    /// A file. Its name is ours or a host name, and so has no slash.
    pub(crate) fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        let path = self.directory.join(name);
        if fs::metadata(&path)?.len() > LONGEST_FILE {
            return Err(io::Error::new(ErrorKind::FileTooLarge, "far too long"));
        }
        fs::read(path)
    }

    /// Writes a file as a whole, for our eyes only.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let new = self.directory.join(format!(".{name}.new"));
        // One that was left over keeps its mode, so it has to go.
        match fs::remove_file(&new) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(new, self.directory.join(name))
    }
}

/// Whether rustls-acme can sign with it, which takes P-256 and would find out only when it talks to the authority.
fn is_account_key(key: &[u8]) -> bool {
    use rustls::{
        SignatureScheme::ECDSA_NISTP256_SHA256, crypto::ring::sign::any_ecdsa_type,
        pki_types::PrivatePkcs8KeyDer,
    };
    any_ecdsa_type(&PrivatePkcs8KeyDer::from(key).into())
        .is_ok_and(|key| key.choose_scheme(&[ECDSA_NISTP256_SHA256]).is_some())
}

fn cannot_keep(path: &Path) -> impl FnOnce(io::Error) -> AcmeError + use<> {
    let path = path.to_owned();
    |source| AcmeError::Cache { path, source }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use rcgen::{KeyPair, PKCS_ECDSA_P384_SHA384};

    use super::*;

    #[test]
    fn an_account_key_is_one_that_rustls_acme_can_sign_with() {
        assert!(is_account_key(&Account::generate_key_pair()));
        let p384 = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap();
        assert!(!is_account_key(&p384.serialize_der()));
        assert!(!is_account_key(b"nonsense"));
    }

    #[test]
    fn what_an_earlier_run_left_half_written_does_not_open_the_next_file_to_others() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path()).unwrap();
        let left = folder.path().join(".name.new");
        fs::write(&left, "half").unwrap();
        fs::set_permissions(&left, fs::Permissions::from_mode(0o644)).unwrap();
        cache.write("name", b"whole").unwrap();
        assert_eq!(cache.read("name").unwrap(), b"whole");
        let mode = fs::metadata(folder.path().join("name")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(!left.exists());
    }
}

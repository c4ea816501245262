//! What is wrong with files or settings, and why a connection was not taken.

use std::{
    io,
    path::{Path, PathBuf},
};

use rustls::pki_types::pem;
use thiserror::Error;

/// Why a certificate and key cannot be used.
#[derive(Debug, Error)]
pub enum FileError {
    /// The file cannot be read or is not PEM.
    #[error("cannot read {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: pem::Error,
    },
    /// The file holds no certificate.
    #[error("no certificate in {}", .0.display())]
    NoCertificate(PathBuf),
    /// The two do not belong together, or are of a kind that is not supported.
    #[error("certificate and key: {0}")]
    Unusable(#[from] rustls::Error),
}

impl FileError {
    /// Whether `path` is the file that cannot be read.
    pub fn is_about(&self, path: &Path) -> bool {
        matches!(self, Self::File { path: bad, .. } if bad == path)
    }
}

/// Why certificates cannot be had from an authority, before it is asked.
#[derive(Debug, Error)]
pub enum AcmeError {
    /// No name at all.
    #[error("no host name to get a certificate for")]
    NoNames,
    /// Not a name for which there can be a certificate.
    #[error("{0:?} is not a host name (write one with other letters in its xn-- form)")]
    Name(String),
    /// The directory for certificates cannot be made or used.
    #[error("cannot keep certificates in {}: {source}", path.display())]
    Cache {
        /// The directory, or the file in it.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// What the file holds is no key.
    #[error("{} holds no account key; remove it, and another account is made", .0.display())]
    AccountKey(PathBuf),
    /// TLS to the authority cannot be set up.
    #[error("TLS to the certificate authority: {0}")]
    Tls(#[from] rustls::Error),
}

/// Why a connection was not taken.
#[derive(Debug, Error)]
pub enum AcceptError {
    /// The peer broke off, does not speak TLS, or wants what we do not have.
    #[error("TLS handshake: {0}")]
    Handshake(#[from] io::Error),
    /// It was the certificate authority, which has seen what it wanted.
    #[error("the certificate authority has asked and got its answer")]
    Challenge,
}

/// Why the flags of a program say not how to serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TlsChoiceError {
    /// Neither with TLS nor without, or half of TLS.
    #[error("the --acme-hostnames, --cert and --key, or --disable-tls option is required")]
    Nothing,
    /// Two kinds of certificates.
    #[error("The --cert and --key options are not allowed with --acme-email or --acme-hostnames.")]
    FilesAndAcme,
    /// Both with TLS and without.
    #[error("-disable-tls contradicts -cert and -key, and -acme-hostnames: give one of the three")]
    TlsOrNot,
}

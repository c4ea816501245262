//! One host name: its certificate, and its answer while the authority asks.

use std::{
    io::ErrorKind,
    sync::{Arc, PoisonError, RwLock},
};

use rustls::{
    pki_types::DnsName,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use rustls_acme::{ResolvesServerCertAcme, is_tls_alpn_challenge};
use tracing::warn;

use super::{cache::Cache, certificate::Certificate};
use crate::error::AcmeError;

/// A name for which there is a certificate, or will be.
#[derive(Debug)]
pub(crate) struct Name {
    text: String,
    certificate: RwLock<Option<Certificate>>,
    /// Set while an order is under way.
    answer: RwLock<Option<Arc<ResolvesServerCertAcme>>>,
}

impl Name {
    /// Checks the name, and takes the certificate that is kept for it, if there is one.
    pub(crate) fn load(text: &str, cache: &Cache) -> Result<Self, AcmeError> {
        let name = DnsName::try_from(text.trim()).map_err(|_| AcmeError::Name(text.to_owned()))?;
        let text = name.as_ref().trim_end_matches('.').to_ascii_lowercase();
        let certificate = RwLock::new(kept(&text, cache));
        Ok(Self { text, certificate, answer: RwLock::default() })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// The certificate, if there is one.
    pub(crate) fn certificate(&self) -> Option<Certificate> {
        self.certificate.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Shows another certificate from now on.
    pub(crate) fn set_certificate(&self, certificate: Certificate) {
        *self.certificate.write().unwrap_or_else(PoisonError::into_inner) = Some(certificate);
    }

    /// Answers the authority, until it falls silent again.
    pub(crate) fn answer_with(&self, answer: Arc<ResolvesServerCertAcme>) {
        *self.answer.write().unwrap_or_else(PoisonError::into_inner) = Some(answer);
    }

    /// Has nothing to say to the authority any more.
    pub(crate) fn fall_silent(&self) {
        *self.answer.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn answer(&self) -> Option<Arc<ResolvesServerCertAcme>> {
        self.answer.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What is shown in a handshake: to the authority the proof that it wants, to others the certificate.
    pub(crate) fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        if is_tls_alpn_challenge(&hello) {
            return self.answer()?.resolve(hello);
        }
        self.certificate().map(|certificate| certificate.certified)
    }

    /// The content of the file of this token, if that is what the authority looks for.
    pub(crate) fn file(&self, token: &str) -> Option<String> {
        self.answer()?.get_http_01_key_auth(token)
    }
}

/// The certificate of an earlier run.
fn kept(name: &str, cache: &Cache) -> Option<Certificate> {
    let file = match cache.read(name) {
        Err(error) if error.kind() == ErrorKind::NotFound => return None,
        file => file,
    };
    let certificate = file.map_err(Into::into).and_then(|file| Certificate::parse(&file));
    certificate
        .inspect_err(|error| warn!("the certificate that is kept for {name} is of no use: {error}"))
        .ok()
}

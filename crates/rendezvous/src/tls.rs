//! Which certificate authorities are believed.

use std::sync::Arc;

pub use rustls::Error;
use rustls::{ClientConfig, RootCertStore, crypto::ring};

/// A TLS configuration as programs hold it: made once, shared by everything that dials.
pub type TlsConfig = Arc<ClientConfig>;

/// The TLS configuration of a program: the system's roots and the built-in ones together.
///
/// The system's, so that an operator's own authority works as with Go (`SSL_CERT_FILE` and `SSL_CERT_DIR` are obeyed);
/// the built-in ones, ISRG's among them, where the system has none or old ones. Reads files: build it once and share it,
/// then sessions are resumed, too.
///
/// # Errors
///
/// When the cryptography provider does not support the default protocol versions, which no released one does.
pub fn client_config() -> Result<TlsConfig, Error> {
    with_roots(roots())
}

/// A configuration that believes these roots only.
///
/// # Errors
///
/// As [`client_config`].
pub fn with_roots(roots: RootCertStore) -> Result<TlsConfig, Error> {
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn roots() -> RootCertStore {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let system = rustls_native_certs::load_native_certs();
    for error in &system.errors {
        tracing::debug!(%error, "reading the system's certificates");
    }
    let (added, ignored) = roots.add_parsable_certificates(system.certs);
    tracing::debug!(added, ignored, "certificate authorities of the system");
    roots
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_roots_are_there_without_a_system() {
        assert!(roots().len() >= webpki_roots::TLS_SERVER_ROOTS.len());
        let isrg = webpki_roots::TLS_SERVER_ROOTS
            .iter()
            .any(|root| root.subject.as_ref().windows(12).any(|bytes| bytes == b"ISRG Root X1"));
        assert!(isrg, "the authority of the deployed brokers");
        assert!(client_config().is_ok());
    }
}

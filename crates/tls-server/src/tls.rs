//! TLS for a server, whatever its certificates come from.

use std::{path::Path, sync::Arc};

use rustls::{ServerConfig, crypto::ring::default_provider, server::ResolvesServerCert};
use rustls_acme::acme::ACME_TLS_ALPN_NAME;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::{
    acme::{Acme, AcmeConfig},
    error::{AcceptError, AcmeError, FileError},
    files::Files,
};

/// ALPN name of HTTP/2.
pub const H2: &[u8] = b"h2";

/// ALPN name of HTTP/1.1.
pub const HTTP1: &[u8] = b"http/1.1";

/// Takes TLS connections. Copies are handles of the same.
#[derive(Clone, Debug)]
pub struct Tls {
    config: Arc<ServerConfig>,
    source: Source,
}

#[derive(Clone, Debug)]
enum Source {
    Files(Arc<Files>),
    Acme(Arc<Acme>),
}

impl Tls {
    /// With a certificate chain and its key from PEM files. `protocols` are ALPN names, the best first.
    ///
    /// # Errors
    ///
    /// If a file cannot be read or the two do not belong together.
    pub fn from_files(cert: &Path, key: &Path, protocols: &[&[u8]]) -> Result<Self, FileError> {
        let files = Arc::new(Files::open(cert, key)?);
        let config = server_config(files.clone(), protocols)?;
        Ok(Self { config: Arc::new(config), source: Source::Files(files) })
    }

    /// With certificates from an authority, as soon as [`keep`](Self::keep) has got them; with those that are in the
    /// cache already at once. `protocols` are ALPN names, the best first.
    ///
    /// # Errors
    ///
    /// A name that cannot be certified, or a cache that cannot be used.
    pub fn from_acme(config: AcmeConfig, protocols: &[&[u8]]) -> Result<Self, AcmeError> {
        let acme = Arc::new(Acme::new(config)?);
        let mut config = server_config(acme.clone(), protocols)?;
        // The last choice, so that nobody gets it who can do with another.
        config.alpn_protocols.push(ACME_TLS_ALPN_NAME.to_vec());
        Ok(Self { config: Arc::new(config), source: Source::Acme(acme) })
    }

    /// Takes one connection. The caller sets a limit to its time.
    ///
    /// # Errors
    ///
    /// See [`AcceptError`]; all of them end the connection.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the connection.
    pub async fn accept<T>(&self, transport: T) -> Result<TlsStream<T>, AcceptError>
    where
        T: AsyncRead + AsyncWrite + Unpin,
    {
        let stream = TlsAcceptor::from(Arc::clone(&self.config)).accept(transport).await?;
        match stream.get_ref().1.alpn_protocol() {
            Some(ACME_TLS_ALPN_NAME) => Err(AcceptError::Challenge),
            _ => Ok(stream),
        }
    }

    /// Reads certificate files again; bad ones are told of in the log and leave things as they are. Certificates of an
    /// authority renew themselves, and nothing happens.
    pub fn reload(&self) {
        if let Source::Files(files) = &self.source {
            files.reload();
        }
    }

    /// Watches the files, or gets and renews certificates. Never ends; without it, things stay as they are.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up what is under way; it may be called again.
    pub async fn keep(&self) {
        match &self.source {
            Source::Files(files) => files.watch().await,
            Source::Acme(acme) => acme.keep().await,
        }
    }
}

fn server_config(
    certificates: Arc<dyn ResolvesServerCert>,
    protocols: &[&[u8]],
) -> Result<ServerConfig, rustls::Error> {
    let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?;
    let mut config = builder.with_no_client_auth().with_cert_resolver(certificates);
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    Ok(config)
}

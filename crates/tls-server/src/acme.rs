//! Certificates from an authority that speaks ACME (RFC 8555), one for each name.
//!
//! A name that cannot be proven to be ours costs the others nothing. Nothing is asked for when a handshake needs it: a
//! certificate is there before, or the handshake fails.

mod cache;
mod certificate;
mod http01;
mod name;
mod order;

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use futures_util::future::join_all;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring::default_provider,
    pki_types::CertificateDer,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use rustls_acme::acme::LETS_ENCRYPT_PRODUCTION_DIRECTORY;
use tokio::time::sleep;
use tracing::{info, warn};

use self::{
    cache::Cache,
    certificate::Certificate,
    name::Name,
    order::{Challenge, Order, OrderError},
};
use crate::{
    error::AcmeError,
    limits::{CHECK_INTERVAL, FIRST_PAUSE, LONGEST_PAUSE},
};

/// For which names to get certificates, and from whom.
#[derive(Clone, Debug)]
pub struct AcmeConfig {
    /// Host names, at least one. Whoever asks for another name, or none, is shown the certificate of the first.
    pub names: Vec<String>,
    /// Where the authority can write to, if it shall know.
    pub email: Option<String>,
    /// Directory for keys and certificates; made with mode 0700 if it is not there. One that Go's autocert has filled
    /// is used on.
    pub cache: PathBuf,
    /// Where the authority's questions by HTTP-01 arrive; the first address that can be had is taken. It comes to port
    /// 80 and nowhere else, so another port is for tests. Without one, or if none can be had, only TLS-ALPN-01 is
    /// left, for which the authority comes to port 443.
    pub http: Vec<SocketAddr>,
    /// Whom to ask. Default: Let's Encrypt.
    pub directory: Directory,
}

/// A certificate authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory {
    /// Where its ACME directory is.
    pub url: String,
    /// What it shows there is believed if one of these has signed it, besides the public authorities.
    pub extra_roots: Vec<CertificateDer<'static>>,
}

impl Default for Directory {
    fn default() -> Self {
        Self { url: LETS_ENCRYPT_PRODUCTION_DIRECTORY.to_owned(), extra_roots: Vec::new() }
    }
}

/// The certificates, and all that is needed to renew them.
#[derive(Debug)]
pub(crate) struct Acme {
    config: AcmeConfig,
    client: Arc<ClientConfig>,
    cache: Cache,
    account_key: Vec<u8>,
    names: Vec<Name>,
}

impl Acme {
    pub(crate) fn new(config: AcmeConfig) -> Result<Self, AcmeError> {
        let cache = Cache::open(&config.cache)?;
        let mut names: Vec<Name> = Vec::new();
        for text in &config.names {
            let name = Name::load(text, &cache)?;
            // Nobody needs two certificates for one name.
            if !names.iter().any(|known| known.as_str() == name.as_str()) {
                names.push(name);
            }
        }
        if names.is_empty() {
            return Err(AcmeError::NoNames);
        }
        let account_key = cache.account_key()?;
        let client = Arc::new(client_config(&config.directory)?);
        Ok(Self { config, client, cache, account_key, names })
    }

    /// Gets and renews the certificates of all names. Never ends.
    pub(crate) async fn keep(self: &Arc<Self>) {
        let listener = http01::bind(&self.config.http).await;
        let both = [Challenge::Http01, Challenge::TlsAlpn01];
        let challenges = if listener.is_some() { &both[..] } else { &both[1..] };
        let names = join_all(self.names.iter().map(|name| self.keep_name(name, challenges)));
        match listener {
            Some(listener) => drop(tokio::join!(names, http01::serve(listener, self))),
            None => drop(names.await),
        }
    }

    async fn keep_name(&self, name: &Name, challenges: &[Challenge]) {
        let mut pause = FIRST_PAUSE;
        loop {
            let due_in = name.certificate().map_or(Duration::ZERO, |known| known.due_in(now()));
            if !due_in.is_zero() {
                sleep(due_in.min(CHECK_INTERVAL)).await;
            } else if self.renew(name, challenges).await {
                pause = FIRST_PAUSE;
                sleep(CHECK_INTERVAL).await;
            } else {
                warn!("no new certificate for {}, trying again in {pause:?}", name.as_str());
                sleep(pause).await;
                pause = LONGEST_PAUSE.min(2 * pause);
            }
        }
    }

    /// Gets a certificate, by one challenge or the other; the authority knows from which side it can reach us.
    async fn renew(&self, name: &Name, challenges: &[Challenge]) -> bool {
        for challenge in challenges {
            match self.order(name, *challenge).await {
                Ok(()) => {
                    info!("there is a new certificate for {} ({challenge:?})", name.as_str());
                    return true;
                }
                Err(error) => {
                    warn!("no certificate for {} ({challenge:?}): {error}", name.as_str())
                }
            }
        }
        false
    }

    async fn order(&self, name: &Name, challenge: Challenge) -> Result<(), OrderError> {
        let order = Order {
            directory: &self.config.directory.url,
            client: Arc::clone(&self.client),
            email: self.config.email.as_deref(),
            account_key: self.account_key.clone(),
            name: name.as_str(),
        };
        let _silent_afterwards = Answering(name);
        let pem = order.place(challenge, |answer| name.answer_with(answer)).await?;
        name.set_certificate(Certificate::parse(&pem)?);
        if let Err(error) = self.cache.write(name.as_str(), &pem) {
            let directory = self.config.cache.display();
            warn!("the certificate of {} cannot be kept in {directory}: {error}", name.as_str());
        }
        Ok(())
    }

    /// The name of ours that this text means.
    fn name(&self, text: &str) -> Option<&Name> {
        self.names.iter().find(|name| name.as_str().eq_ignore_ascii_case(text))
    }

    /// What the authority expects at this token, if it has been told to look there.
    fn file(&self, token: &str) -> Option<String> {
        self.names.iter().find_map(|name| name.file(token))
    }
}

impl ResolvesServerCert for Acme {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let asked = hello.server_name().and_then(|text| self.name(text));
        asked.or(self.names.first())?.resolve(hello)
    }
}

/// A name that answers the authority, until this is dropped.
struct Answering<'a>(&'a Name);

impl Drop for Answering<'_> {
    fn drop(&mut self) {
        self.0.fall_silent();
    }
}

/// TLS to the authority.
fn client_config(directory: &Directory) -> Result<ClientConfig, rustls::Error> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for root in &directory.extra_roots {
        roots.add(root.clone())?;
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

#[expect(clippy::disallowed_methods, reason = "certificates are dated")]
fn now() -> SystemTime {
    SystemTime::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_given_twice_counts_once() {
        let folder = tempfile::tempdir().unwrap();
        let names = ["b.example", "a.example", "A.example", " a.example."].map(str::to_owned);
        let acme = Acme::new(AcmeConfig {
            names: names.to_vec(),
            email: None,
            cache: folder.path().to_owned(),
            http: Vec::new(),
            directory: Directory::default(),
        });
        let names = acme.unwrap().names;
        assert_eq!(names.iter().map(Name::as_str).collect::<Vec<_>>(), ["b.example", "a.example"]);
    }
}

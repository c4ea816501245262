//! One conversation with the authority, at whose end there is a certificate.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use futures_util::StreamExt;
use rustls::ClientConfig;
use rustls_acme::{
    AccountCache, AcmeConfig, AcmeState, CertCache, CertParseError, EventError, EventOk,
    ResolvesServerCertAcme, UseChallenge, acme,
};
use thiserror::Error;
use tokio::time::timeout;
use tracing::debug;

use super::certificate::CertificateError;
use crate::limits;

/// Where the authority comes to see that a name is ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// A file on port 80.
    Http01,
    /// A certificate in a handshake on port 443.
    TlsAlpn01,
}

/// Why there is no certificate.
#[derive(Debug, Error)]
pub(crate) enum OrderError {
    #[error("{}", in_words(.0))]
    Authority(#[from] rustls_acme::OrderError),
    #[error("the authority's certificate: {0}")]
    BadAnswer(#[from] CertParseError),
    #[error("the authority's certificate: {0}")]
    BadCertificate(#[from] CertificateError),
    #[error("the authority took more than {:?}", limits::ORDER)]
    TimedOut,
}

/// Whom to ask, as whom, for which name.
pub(crate) struct Order<'a> {
    pub(crate) directory: &'a str,
    pub(crate) client: Arc<ClientConfig>,
    pub(crate) email: Option<&'a str>,
    pub(crate) account_key: Vec<u8>,
    pub(crate) name: &'a str,
}

impl Order<'_> {
    /// Gets a certificate with a new key, in PEM. `announce` is given what answers the authority's questions before it
    /// is asked to put any.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future breaks the conversation off.
    pub(crate) async fn place(
        self,
        challenge: Challenge,
        announce: impl FnOnce(Arc<ResolvesServerCertAcme>),
    ) -> Result<Vec<u8>, OrderError> {
        let tray =
            Tray(Arc::new(Contents { account_key: self.account_key, issued: Mutex::default() }));
        let challenge = match challenge {
            Challenge::Http01 => UseChallenge::Http01,
            Challenge::TlsAlpn01 => UseChallenge::TlsAlpn01,
        };
        let state = AcmeConfig::new_with_client_config([self.name], self.client)
            .directory(self.directory)
            .contact(self.email.map(|address| format!("mailto:{address}")))
            .challenge_type(challenge)
            .cache(tray.clone())
            .state();
        announce(state.resolver());
        timeout(limits::ORDER, run(state, &tray)).await.map_err(|_| OrderError::TimedOut)?
    }
}

/// rustls-acme would go on for ever, in its own rhythm; here it has one task at a time.
async fn run(mut state: AcmeState<Infallible>, tray: &Tray) -> Result<Vec<u8>, OrderError> {
    loop {
        match state.next().await {
            Some(Err(EventError::Order(error))) if is_bad_nonce(&error) => {
                debug!("the authority wants a newer nonce, trying again");
            }
            Some(Err(EventError::Order(error))) => return Err(error.into()),
            Some(Err(EventError::NewCertParse(error) | EventError::CachedCertParse(error))) => {
                return Err(error.into());
            }
            Some(Ok(EventOk::CertCacheStore)) | None => return Ok(tray.take()),
            Some(Ok(_)) => {}
            Some(Err(
                EventError::CertCacheLoad(never)
                | EventError::CertCacheStore(never)
                | EventError::AccountCacheLoad(never)
                | EventError::AccountCacheStore(never),
            )) => match never {},
        }
    }
}

/// RFC 8555, section 6.5: no fault of the order's, and to be tried again. rustls-acme does so after a second.
fn is_bad_nonce(error: &rustls_acme::OrderError) -> bool {
    let rustls_acme::OrderError::Acme(acme::AcmeError::HttpRequest(error)) = error else {
        return false;
    };
    error.to_string().contains("urn:ietf:params:acme:error:badNonce")
}

/// What the authority has against us, without the objects that it came in.
fn in_words(error: &rustls_acme::OrderError) -> String {
    let rustls_acme::OrderError::BadAuth(auth) = error else { return error.to_string() };
    let acme::Identifier::Dns(name) = &auth.identifier;
    let problem = auth.challenges.iter().find_map(|challenge| challenge.error.as_ref());
    let detail = problem.and_then(|problem| problem.detail.as_deref());
    format!("{name} is not ours: {}", detail.unwrap_or("the authority does not say why"))
}

/// Where rustls-acme finds our account and puts the certificate, in place of its own store.
#[derive(Clone)]
struct Tray(Arc<Contents>);

struct Contents {
    account_key: Vec<u8>,
    issued: Mutex<Vec<u8>>,
}

impl Tray {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.issued.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl CertCache for Tray {
    type EC = Infallible;

    async fn load_cert(&self, _: &[String], _: &str) -> Result<Option<Vec<u8>>, Infallible> {
        Ok(None)
    }

    async fn store_cert(&self, _: &[String], _: &str, pem: &[u8]) -> Result<(), Infallible> {
        *self.0.issued.lock().unwrap_or_else(PoisonError::into_inner) = pem.to_vec();
        Ok(())
    }
}

#[async_trait]
impl AccountCache for Tray {
    type EA = Infallible;

    async fn load_account(&self, _: &[String], _: &str) -> Result<Option<Vec<u8>>, Infallible> {
        Ok(Some(self.0.account_key.clone()))
    }

    async fn store_account(&self, _: &[String], _: &str, _: &[u8]) -> Result<(), Infallible> {
        Ok(())
    }
}

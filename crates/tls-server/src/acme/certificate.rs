//! A certificate with its key and its term.

use std::{
    io,
    sync::Arc,
    time::{Duration, SystemTime},
};

use rustls::{
    crypto::ring::default_provider,
    pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject},
    sign::CertifiedKey,
};
use thiserror::Error;
use x509_parser::{error::X509Error, nom, parse_x509_certificate};

use crate::limits::LAST_PART;

/// Why a file or an authority's answer is no certificate with its key.
#[derive(Debug, Error)]
pub(crate) enum CertificateError {
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    #[error("not PEM: {0}")]
    Pem(#[from] pem::Error),
    #[error("no certificate in it")]
    Empty,
    #[error("certificate and key: {0}")]
    Unusable(#[from] rustls::Error),
    #[error("not a certificate: {0}")]
    X509(#[from] nom::Err<X509Error>),
}

/// What is shown to clients, and when it has to be renewed.
#[derive(Clone, Debug)]
pub(crate) struct Certificate {
    pub(crate) certified: Arc<CertifiedKey>,
    /// From then on another one is wanted.
    due: SystemTime,
}

impl Certificate {
    /// Reads a key and a chain of certificates, in PEM.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, CertificateError> {
        let key = PrivateKeyDer::from_pem_slice(text)?;
        let chain = CertificateDer::pem_slice_iter(text).collect::<Result<Vec<_>, _>>()?;
        let due = due(chain.first().ok_or(CertificateError::Empty)?)?;
        let certified = Arc::new(CertifiedKey::from_der(chain, key, &default_provider())?);
        Ok(Self { certified, due })
    }

    /// How long from `now` until it is due; zero when it is.
    pub(crate) fn due_in(&self, now: SystemTime) -> Duration {
        self.due.duration_since(now).unwrap_or_default()
    }
}

fn due(certificate: &CertificateDer<'_>) -> Result<SystemTime, CertificateError> {
    let (_, certificate) = parse_x509_certificate(certificate)?;
    let validity = certificate.validity();
    let seconds = |time: i64| Duration::from_secs(time.try_into().unwrap_or(0));
    let (begin, end) =
        (seconds(validity.not_before.timestamp()), seconds(validity.not_after.timestamp()));
    let life = end.saturating_sub(begin);
    Ok(SystemTime::UNIX_EPOCH + (end - life / LAST_PART))
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    fn pem() -> String {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(["a.example".to_owned()]).unwrap();
        params.not_before = date_time_ymd(1970, 1, 1);
        params.not_after = date_time_ymd(1970, 1, 31);
        key.serialize_pem() + &params.self_signed(&key).unwrap().pem()
    }

    #[test]
    fn it_is_due_when_a_third_of_its_life_is_left() {
        const DAY: Duration = Duration::from_secs(86_400);
        let certificate = Certificate::parse(pem().as_bytes()).unwrap();
        let due_in = |days| certificate.due_in(SystemTime::UNIX_EPOCH + days * DAY);
        assert_eq!(
            [due_in(0), due_in(19), due_in(20), due_in(99)],
            [20 * DAY, DAY, Duration::ZERO, Duration::ZERO]
        );
    }

    #[test]
    fn what_is_no_certificate_is_named() {
        let pem = pem();
        let (key, certificate) = pem.split_at(pem.find("-----BEGIN CERT").unwrap());
        let other = KeyPair::generate().unwrap().serialize_pem();
        for (text, reason) in [
            ("", "not PEM: "),
            (key, "no certificate in it"),
            (&(other + certificate), "certificate and key: "),
            (
                &format!("{key}-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"),
                "not a cert",
            ),
        ] {
            let error = Certificate::parse(text.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with(reason), "{error}");
        }
    }
}

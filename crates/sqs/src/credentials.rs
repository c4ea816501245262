//! [`Credentials`]: who asks; and `sqscreds`, their form in bridge lines.

use std::{fmt, str::FromStr};

use base64::{DecodeError, Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// An AWS key: its id, and the secret that requests are signed with. Neither is printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    pub(crate) access_key: String,
    pub(crate) secret_key: String,
    pub(crate) session_token: Option<String>,
}

/// The JSON in `sqscreds`.
#[derive(Serialize, Deserialize)]
struct Wire {
    #[serde(rename = "aws-access-key-id")]
    access_key: String,
    #[serde(rename = "aws-secret-key")]
    secret_key: String,
}

impl Credentials {
    /// A key of a user, which is good until it is revoked.
    ///
    /// # Errors
    ///
    /// [`CredentialsError::Empty`], and [`CredentialsError::AccessKey`] if the id could not be in an HTTP header.
    pub fn new(access_key: String, secret_key: String) -> Result<Self, CredentialsError> {
        if access_key.is_empty() || secret_key.is_empty() {
            return Err(CredentialsError::Empty);
        }
        if !is_word(&access_key) {
            return Err(CredentialsError::AccessKey);
        }
        Ok(Self { access_key, secret_key, session_token: None })
    }

    /// The same as a key of a session, which the service knows by this token.
    ///
    /// # Errors
    ///
    /// [`CredentialsError::SessionToken`] if it could not be in an HTTP header.
    pub fn with_session_token(self, token: String) -> Result<Self, CredentialsError> {
        if !is_word(&token) {
            return Err(CredentialsError::SessionToken);
        }
        Ok(Self { session_token: Some(token), ..self })
    }

    /// As bridge lines have them: base64 of JSON. A session token has no place there.
    ///
    /// ```
    /// let credentials = snowflake_sqs::Credentials::new("AKIAEXAMPLE".into(), "secretEXAMPLE".into())?;
    /// assert_eq!(credentials.to_sqscreds().parse(), Ok(credentials));
    /// # Ok::<(), snowflake_sqs::CredentialsError>(())
    /// ```
    pub fn to_sqscreds(&self) -> String {
        let (access_key, secret_key) = (self.access_key.clone(), self.secret_key.clone());
        let json = serde_json::to_vec(&Wire { access_key, secret_key });
        STANDARD.encode(json.expect("strings can always be written"))
    }
}

/// Reads `sqscreds`.
impl FromStr for Credentials {
    type Err = CredentialsError;

    fn from_str(text: &str) -> Result<Self, CredentialsError> {
        let json = STANDARD.decode(text).map_err(CredentialsError::Base64)?;
        let wire: Wire = serde_json::from_slice(&json).map_err(|_| CredentialsError::Json)?;
        Self::new(wire.access_key, wire.secret_key)
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(hidden)")
    }
}

/// Why a text holds no credentials. It repeats nothing of the text.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CredentialsError {
    /// It is not base64 with padding.
    #[error("not base64: {0}")]
    Base64(#[source] DecodeError),
    /// It is not the JSON of two strings.
    #[error("no JSON with aws-access-key-id and aws-secret-key in it")]
    Json,
    /// The id or the secret is missing.
    #[error("the access key or the secret key is empty")]
    Empty,
    /// An id has other characters than visible ASCII.
    #[error("the access key has characters that no access key has")]
    AccessKey,
    /// A token has other characters than visible ASCII.
    #[error("the session token has characters that no token has")]
    SessionToken,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The dummy of the Go project's documentation.
    const DUMMY: &str = "eyJhd3MtYWNjZXNzLWtleS1pZCI6IkFLSUFFWEFNUExFIiwiYXdzLXNlY3JldC1rZXkiOiJzZWNyZXRFWEFNUExFIn0=";

    fn dummy() -> Credentials {
        Credentials::new("AKIAEXAMPLE".to_owned(), "secretEXAMPLE".to_owned()).unwrap()
    }

    #[test]
    fn they_are_written_and_read_as_go_does() {
        assert_eq!(dummy().to_sqscreds(), DUMMY);
        assert_eq!(DUMMY.parse(), Ok(dummy()));
    }

    #[test]
    fn what_is_wrong_is_said_without_the_secret() {
        let error = |text: &str| text.parse::<Credentials>().unwrap_err();
        let of_json = |json: &str| error(&STANDARD.encode(json));
        assert!(matches!(error("&"), CredentialsError::Base64(_)));
        assert!(matches!(error(DUMMY.trim_end_matches('=')), CredentialsError::Base64(_)));
        for json in ["", "[]", "{}", r#"{"aws-secret-key":"s"}"#] {
            assert_eq!(of_json(json), CredentialsError::Json, "{json}");
        }
        let empty = r#"{"aws-access-key-id":"","aws-secret-key":"s"}"#;
        assert_eq!(of_json(empty), CredentialsError::Empty);
        let broken = r#"{"aws-access-key-id":"a\r\nX: y","aws-secret-key":"s"}"#;
        assert_eq!(of_json(broken), CredentialsError::AccessKey);
        let token = dummy().with_session_token("a b".to_owned());
        assert_eq!(token, Err(CredentialsError::SessionToken));
        assert_eq!(format!("{:?}", dummy()), "Credentials(hidden)");
    }
}

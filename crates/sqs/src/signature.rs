//! Signatures of requests to AWS: "Signature Version 4", as its documentation gives it.
//!
//! What is signed: method, path, query, some headers, the body's hash, the time, the region and the service. The key
//! is derived from the secret, anew for each day, region and service, so the secret itself is never used on a request.

use std::time::SystemTime;

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use crate::{Credentials, Region};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// What is signed of a request.
pub(crate) struct Message<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    /// In lower case, in alphabetical order, without white space around values; `host` and `x-amz-date` among them.
    pub(crate) headers: &'a [(&'a str, &'a str)],
    pub(crate) body: &'a [u8],
}

/// Where and when a signature holds.
pub(crate) struct Scope<'a> {
    pub(crate) region: &'a Region,
    pub(crate) service: &'a str,
    /// As in the header `x-amz-date`.
    pub(crate) timestamp: &'a str,
}

/// A time as headers and signatures have it: `20150830T123600Z`.
pub(crate) fn timestamp(now: SystemTime) -> String {
    let now = OffsetDateTime::from(now);
    let (date, clock) = (now.date(), now.time());
    format!(
        "{:04}{:02}{:02}T{:02}{:02}{:02}Z",
        date.year(),
        u8::from(date.month()),
        date.day(),
        clock.hour(),
        clock.minute(),
        clock.second()
    )
}

/// The value of the header `authorization`.
pub(crate) fn authorization(
    message: &Message<'_>,
    scope: &Scope<'_>,
    credentials: &Credentials,
) -> String {
    let request = hex::encode(Sha256::digest(message.canonical()));
    let (key, path) = (scope.key(credentials), scope.path());
    let to_sign = format!("{ALGORITHM}\n{}\n{path}\n{request}", scope.timestamp);
    let signature = hex::encode(hmac(&key, &to_sign));
    let (access_key, headers) = (&credentials.access_key, message.header_names());
    format!(
        "{ALGORITHM} Credential={access_key}/{path}, SignedHeaders={headers}, Signature={signature}"
    )
}

impl Message<'_> {
    fn canonical(&self) -> String {
        let headers: String =
            self.headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let Self { method, path, query, .. } = self;
        let (names, body) = (self.header_names(), hex::encode(Sha256::digest(self.body)));
        format!("{method}\n{path}\n{query}\n{headers}\n{names}\n{body}")
    }

    fn header_names(&self) -> String {
        self.headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";")
    }
}

impl Scope<'_> {
    fn date(&self) -> &str {
        self.timestamp.split('T').next().unwrap_or_default()
    }

    fn path(&self) -> String {
        format!("{}/{}/{}/aws4_request", self.date(), self.region, self.service)
    }

    fn key(&self, credentials: &Credentials) -> Vec<u8> {
        let secret = format!("AWS4{}", credentials.secret_key);
        [self.date(), self.region.as_str(), self.service, "aws4_request"]
            .iter()
            .fold(secret.into_bytes(), |key, part| hmac(&key, part))
    }
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const HOST: (&str, &str) = ("host", "example.amazonaws.com");
    const DATE: (&str, &str) = ("x-amz-date", "20150830T123600Z");
    const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
    const TOKEN: &str = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==";

    fn of_service(service: &str, message: &Message<'_>) -> String {
        let (key, secret) = ("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
        let credentials = Credentials::new(key.to_owned(), secret.to_owned()).unwrap();
        let scope = Scope { region: &"us-east-1".parse().unwrap(), service, timestamp: DATE.1 };
        authorization(message, &scope, &credentials)
    }

    fn signature(method: &str, query: &str, headers: &[(&str, &str)], body: &str) -> String {
        let body = body.as_bytes();
        let message = Message { method, path: "/", query, headers, body };
        of_service("service", &message).rsplit('=').next().unwrap().to_owned()
    }

    /// AWS' test suite for this version: get-vanilla, get-vanilla-query-order-key-case, post-vanilla,
    /// post-x-www-form-urlencoded, post-sts-header-before.
    #[test]
    fn requests_of_the_test_suite() {
        let plain = [HOST, DATE];
        let cases: [(&str, &str, &[_], &str, &str); 5] = [
            (
                "GET",
                "",
                &plain,
                "",
                "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
            ),
            (
                "GET",
                "Param1=value1&Param2=value2",
                &plain,
                "",
                "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
            ),
            (
                "POST",
                "",
                &plain,
                "",
                "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
            ),
            (
                "POST",
                "",
                &[FORM, HOST, DATE],
                "Param1=value1",
                "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
            ),
            (
                "POST",
                "",
                &[HOST, DATE, ("x-amz-security-token", TOKEN)],
                "",
                "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead",
            ),
        ];
        for (method, query, headers, body, expected) in cases {
            assert_eq!(signature(method, query, headers, body), expected, "{method} {query}");
        }
    }

    /// The example of AWS' documentation, in full.
    #[test]
    fn the_documented_example() {
        let headers = [
            ("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
            ("host", "iam.amazonaws.com"),
            DATE,
        ];
        let query = "Action=ListUsers&Version=2010-05-08";
        let message = Message { method: "GET", path: "/", query, headers: &headers, body: b"" };
        assert_eq!(
            of_service("iam", &message),
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date, \
             Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
        );
    }

    #[test]
    fn times() {
        for (seconds, text) in [
            (0, "19700101T000000Z"),
            (951_782_399, "20000228T235959Z"),
            (1_440_938_160, "20150830T123600Z"),
            (4_107_542_400, "21000301T000000Z"),
        ] {
            assert_eq!(timestamp(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)), text);
        }
    }
}

//! [`Sqs`]: the queue service, and how anything is asked of it.

use std::time::SystemTime;

use bytes::Bytes;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use snowflake_rendezvous::{Connection, Exchange, HeaderMap, Response};
use url::Position;

use crate::{
    Credentials, Region, SqsError,
    limits::{LONGEST_CODE, RESPONSE},
    signature::{self, Message, Scope},
};

const SERVICE: &str = "sqs";
const CONTENT_TYPE: &str = "application/x-amz-json-1.0";

/// The queue service of a region, for one who has these credentials. Each request has a connection of its own.
#[derive(Clone, Debug)]
pub struct Sqs {
    exchange: Exchange,
    region: Region,
    credentials: Credentials,
}

/// What the service says when it refuses something.
#[derive(Deserialize)]
struct Refusal {
    #[serde(rename = "__type")]
    kind: String,
}

impl Sqs {
    /// The service that `exchange` leads to: to [`Region::endpoint`], with
    /// [`limits::HEADERS`](crate::limits::HEADERS) as its limit, through whatever fronts and proxies.
    pub fn new(exchange: Exchange, region: Region, credentials: Credentials) -> Self {
        Self { exchange, region, credentials }
    }

    /// Asks, and reads the response.
    pub(crate) async fn ask<A: DeserializeOwned>(
        &self,
        operation: &'static str,
        question: &Value,
        longest: usize,
    ) -> Result<A, SqsError> {
        let connection = self.connect().await?;
        let response = self.call(connection, operation, question, longest).await?;
        serde_json::from_slice(&response).map_err(|error| SqsError::Response { operation, error })
    }

    /// Asks for something whose response says nothing.
    pub(crate) async fn tell(
        &self,
        connection: Connection<'_>,
        operation: &'static str,
        question: &Value,
    ) -> Result<(), SqsError> {
        self.call(connection, operation, question, RESPONSE).await.map(drop)
    }

    pub(crate) async fn connect(&self) -> Result<Connection<'_>, SqsError> {
        self.exchange.connect().await.map_err(SqsError::Connect)
    }

    async fn call(
        &self,
        connection: Connection<'_>,
        operation: &'static str,
        question: &Value,
        longest: usize,
    ) -> Result<Bytes, SqsError> {
        let body = question.to_string();
        let headers = self.headers(operation, body.as_bytes(), &signature::timestamp(now()));
        let headers = headers.ok_or(SqsError::Request { operation })?;
        let calling = connection.call("", headers, body, longest);
        let response = calling.await.map_err(|error| SqsError::Exchange { operation, error })?;
        if response.status().is_success() {
            Ok(response.into_body())
        } else {
            Err(refused(operation, &response))
        }
    }

    /// The headers of a request to do this at this time, the signature among them.
    fn headers(&self, operation: &str, body: &[u8], timestamp: &str) -> Option<HeaderMap> {
        let url = self.exchange.url();
        let target = format!("AmazonSQS.{operation}");
        let mut headers = vec![
            ("content-type", CONTENT_TYPE),
            ("host", &url[Position::BeforeHost..Position::AfterPort]),
            ("x-amz-date", timestamp),
        ];
        headers
            .extend(self.credentials.session_token.iter().map(|t| ("x-amz-security-token", &**t)));
        headers.push(("x-amz-target", &target));
        let (path, query) = (url.path(), url.query().unwrap_or_default());
        let message = Message { method: "POST", path, query, headers: &headers, body };
        let scope = Scope { region: &self.region, service: SERVICE, timestamp };
        let authorization = signature::authorization(&message, &scope, &self.credentials);
        // HTTP/2 has no such header, and HTTP/1 gets it by itself.
        headers.retain(|(name, _)| *name != "host");
        headers.push(("authorization", &authorization));
        let headers = headers
            .into_iter()
            .map(|(name, value)| Some((name.parse().ok()?, value.parse().ok()?)));
        headers.collect()
    }
}

fn refused(operation: &'static str, response: &Response<Bytes>) -> SqsError {
    let refusal: Option<Refusal> = serde_json::from_slice(response.body()).ok();
    let kind = refusal.map(|refusal| refusal.kind).unwrap_or_default();
    // `com.amazonaws.sqs#QueueDoesNotExist`; only the word, and nothing that is none.
    let code = kind.rsplit('#').next().unwrap_or_default();
    let letters = code.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_'));
    let code = letters.take(LONGEST_CODE).collect();
    SqsError::Refused { operation, status: response.status().as_u16(), code }
}

#[expect(clippy::disallowed_methods, reason = "a signature holds for some minutes only")]
fn now() -> SystemTime {
    SystemTime::now()
}

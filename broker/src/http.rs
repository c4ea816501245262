//! Routes: which path gets to which handler, and what its results are in HTTP.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use snowflake_messages::limits::MAX_BODY;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::{debug, warn};

use crate::handlers::{BadRequest, Refusal};
use crate::origin::ClientOrigin;
use crate::{Broker, amp};

/// How the oldest clients say their NAT type.
const LEGACY_NAT: HeaderName = HeaderName::from_static("snowflake-nat-type");

/// A status and a body.
type Reply = (StatusCode, Bytes);

/// A request body, and its share of the budget for all bodies.
#[derive(Debug)]
struct Payload {
    bytes: Vec<u8>,
    _budget: Option<OwnedSemaphorePermit>,
}

/// Why a request's body was not read to its end.
#[derive(Debug, thiserror::Error)]
enum BodyError {
    #[error("larger than {MAX_BODY} bytes")]
    TooLarge,
    #[error("too slow")]
    Slow,
    #[error("too many bodies at once")]
    Busy,
    #[error("broken off: {0}")]
    Broken(#[from] hyper::Error),
}

/// Answers one request.
///
/// # Cancel safety
/// Dropped when the connection closes: whoever waited has left.
pub(crate) async fn respond(
    broker: Arc<Broker>,
    peer: IpAddr,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    if let Some(path) = amp::encoded_path(&parts.uri) {
        return Ok(with_cors(amp::respond(&broker, &parts.method, path).await));
    }
    let (status, body) = match parts.uri.path() {
        "/proxy" | "/client" | "/answer" | "/debug" | "/metrics"
            if parts.method == Method::OPTIONS =>
        {
            empty(StatusCode::OK)
        }
        "/proxy" | "/client" | "/answer" => match read(body, &broker).await {
            Ok(payload) => post(&broker, peer, &parts, &payload.bytes).await,
            Err(error) => refuse_body(&error),
        },
        "/debug" => ok(broker.debug_page()),
        "/metrics" => metrics(&broker).await,
        "/prometheus" => return Ok(prometheus(&broker)),
        "/robots.txt" => return Ok(response(ok("User-agent: *\nDisallow: /\n"))),
        _ => return Ok(response(not_found())),
    };
    Ok(with_cors(response((status, body))))
}

async fn post(broker: &Broker, peer: IpAddr, head: &Parts, body: &[u8]) -> Reply {
    match head.uri.path() {
        "/proxy" => ok_or_400(broker.proxy_poll(body, broker.proxy_at(&head.headers, peer)).await),
        "/answer" => ok_or_400(broker.proxy_answer(body)),
        _ => {
            let from = ClientOrigin::http(&head.headers, peer);
            if body.starts_with(b"{") {
                legacy_client(broker, &head.headers, body, from).await
            } else {
                ok(broker.client_poll(body, from).await)
            }
        }
    }
}

async fn legacy_client(
    broker: &Broker,
    headers: &HeaderMap,
    offer: &[u8],
    from: ClientOrigin,
) -> Reply {
    let nat = headers.get(LEGACY_NAT).map_or(b"".as_slice(), HeaderValue::as_bytes);
    match broker.legacy_client_poll(offer, &String::from_utf8_lossy(nat), from).await {
        Ok(answer) => ok(answer),
        Err(Refusal::NoProxies) => empty(StatusCode::SERVICE_UNAVAILABLE),
        Err(Refusal::TimedOut) => empty(StatusCode::GATEWAY_TIMEOUT),
        Err(Refusal::Malformed(_) | Refusal::UnknownBridge) => empty(StatusCode::BAD_REQUEST),
    }
}

async fn metrics(broker: &Broker) -> Reply {
    match broker.config.metrics_log.read().await {
        Ok(Some(text)) => ok(text),
        Ok(None) => not_found(),
        Err(error) => {
            warn!(%error, "cannot read the metrics log");
            empty(StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}

fn prometheus(broker: &Broker) -> Response<Full<Bytes>> {
    let mut response = response(ok(broker.metrics.page()));
    let text = HeaderValue::from_static(snowflake_metrics::CONTENT_TYPE);
    response.headers_mut().insert(header::CONTENT_TYPE, text);
    response
}

async fn read(body: Incoming, broker: &Broker) -> Result<Payload, BodyError> {
    let read = read_bounded(body, &broker.body_budget);
    tokio::time::timeout(broker.config.limits.body, read).await.map_err(|_| BodyError::Slow)?
}

/// Reads a body of at most [`MAX_BODY`] bytes, if the budget has room for it.
async fn read_bounded(mut body: Incoming, budget: &Arc<Semaphore>) -> Result<Payload, BodyError> {
    if body.size_hint().lower() > MAX_BODY as u64 {
        return Err(BodyError::TooLarge);
    }
    let mut payload = Payload { bytes: Vec::new(), _budget: None };
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        if payload.bytes.len() + data.len() > MAX_BODY {
            return Err(BodyError::TooLarge);
        }
        // Cannot be cut short: it is at most MAX_BODY.
        let share = Arc::clone(budget)
            .try_acquire_many_owned(data.len() as u32)
            .map_err(|_| BodyError::Busy)?;
        match &mut payload._budget {
            Some(shares) => shares.merge(share),
            none => *none = Some(share),
        }
        payload.bytes.extend_from_slice(&data);
    }
    Ok(payload)
}

fn refuse_body(error: &BodyError) -> Reply {
    debug!(%error, "request body refused");
    empty(match error {
        BodyError::TooLarge | BodyError::Broken(_) => StatusCode::BAD_REQUEST,
        BodyError::Slow => StatusCode::REQUEST_TIMEOUT,
        BodyError::Busy => StatusCode::SERVICE_UNAVAILABLE,
    })
}

fn ok_or_400(result: Result<String, BadRequest>) -> Reply {
    match result {
        Ok(body) => ok(body),
        Err(error) => {
            debug!(%error, "bad request");
            empty(StatusCode::BAD_REQUEST)
        }
    }
}

fn ok(body: impl Into<Bytes>) -> Reply {
    (StatusCode::OK, body.into())
}

fn empty(status: StatusCode) -> Reply {
    (status, Bytes::new())
}

fn not_found() -> Reply {
    (StatusCode::NOT_FOUND, Bytes::from_static(b"404 page not found\n"))
}

fn response((status, body): Reply) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, text);
    response
}

/// Lets pages of any origin use the broker: browser proxies are such pages.
fn with_cors(mut response: Response<Full<Bytes>>) -> Response<Full<Bytes>> {
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_HEADERS,
        HeaderValue::from_static("Origin, X-Session-ID"),
    );
    response
}

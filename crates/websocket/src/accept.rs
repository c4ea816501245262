//! The server's side: one incoming connection becomes a WebSocket, or gets an HTTP error.

use std::{convert::Infallible, net::IpAddr};

use hyper::{
    Method, Request, Response, StatusCode,
    body::Incoming,
    header::{self, HeaderMap, HeaderName, HeaderValue},
    server::conn::http1,
    service::service_fn,
    upgrade::OnUpgrade,
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::mpsc,
    time::timeout,
};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::{
    client_ip,
    error::AcceptError,
    limits,
    socket::{Role, WebSocket},
};

/// A connection that became a WebSocket.
#[derive(Debug)]
pub struct Accepted {
    /// The carrier.
    pub websocket: WebSocket,
    /// What the proxy says is the client's address. Anybody can write anything there.
    pub client_ip: Option<IpAddr>,
}

/// Serves one TCP or TLS connection: reads one HTTP/1.1 request and upgrades it.
///
/// Any path and any Origin are welcome; a subprotocol or an extension that is asked for is not agreed to. Another request
/// is answered with 400, another method than GET with 405, and ends the connection. The whole takes at most
/// [`limits::ACCEPT`]; afterwards the WebSocket lives as long as its peer is heard of.
///
/// # Errors
///
/// See [`AcceptError`]: all of them are the peer's doing.
///
/// # Cancel safety
///
/// Dropping the future drops the connection.
pub async fn accept<T>(transport: T) -> Result<Accepted, AcceptError>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    timeout(limits::ACCEPT, upgrade(transport))
        .await
        .unwrap_or(Err(AcceptError::TimedOut(limits::ACCEPT)))
}

/// What the one request led to.
enum Outcome {
    Upgrading(OnUpgrade, Option<IpAddr>),
    Refused(StatusCode),
}

async fn upgrade<T>(transport: T) -> Result<Accepted, AcceptError>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    // One request, one outcome: an upgrade and a refusal both end HTTP on this connection.
    let (outcomes, mut outcome) = mpsc::channel(1);
    let service = service_fn(move |request: Request<Incoming>| {
        let (response, outcome) = answer(request);
        let _ = outcomes.try_send(outcome);
        async { Ok::<_, Infallible>(response) }
    });
    http1::Builder::new()
        .auto_date_header(false)
        // The one bounds what is read, the other what is accepted of it.
        .max_buf_size(limits::MAX_REQUEST_HEAD)
        .max_header_size(limits::MAX_REQUEST_HEAD)
        .serve_connection(TokioIo::new(transport), service)
        .with_upgrades()
        .await
        .map_err(|error| {
            if error.is_incomplete_message() { AcceptError::Left } else { AcceptError::Http(error) }
        })?;
    match outcome.recv().await {
        Some(Outcome::Upgrading(upgrade, client_ip)) => {
            let transport = TokioIo::new(upgrade.await.map_err(AcceptError::Http)?);
            let websocket = WebSocket::from_upgraded(transport, Role::Server).await;
            Ok(Accepted { websocket, client_ip })
        }
        Some(Outcome::Refused(status)) => Err(AcceptError::NotWebSocket(status.as_u16())),
        None => Err(AcceptError::Left),
    }
}

fn answer(mut request: Request<Incoming>) -> (Response<String>, Outcome) {
    match accept_key(&request) {
        Ok(key) => {
            let client_ip = client_ip::get(request.uri().query());
            let upgrade = hyper::upgrade::on(&mut request);
            (switching_protocols(&key), Outcome::Upgrading(upgrade, client_ip))
        }
        Err(status) => (refusal(status), Outcome::Refused(status)),
    }
}

/// The value of `Sec-WebSocket-Accept`, or the status for a request that is no WebSocket handshake.
fn accept_key<B>(request: &Request<B>) -> Result<String, StatusCode> {
    if request.method() != Method::GET {
        return Err(StatusCode::METHOD_NOT_ALLOWED);
    }
    let headers = request.headers();
    let key = headers.get(header::SEC_WEBSOCKET_KEY).map(HeaderValue::as_bytes).unwrap_or_default();
    let version = headers.get(header::SEC_WEBSOCKET_VERSION).map(HeaderValue::as_bytes);
    let valid = has_token(headers, &header::CONNECTION, "upgrade")
        && has_token(headers, &header::UPGRADE, "websocket")
        && version == Some(b"13")
        && key.len() == KEY_LENGTH;
    if valid { Ok(derive_accept_key(key)) } else { Err(StatusCode::BAD_REQUEST) }
}

/// Length of `Sec-WebSocket-Key`: 16 bytes in base64.
const KEY_LENGTH: usize = 24;

/// Whether one of the comma-separated lists under this name holds the token, in any case.
fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|item| item.trim().eq_ignore_ascii_case(token))
}

fn switching_protocols(key: &str) -> Response<String> {
    let mut response = Response::new(String::new());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    if let Ok(key) = HeaderValue::from_str(key) {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, key);
    }
    response
}

fn refusal(status: StatusCode) -> Response<String> {
    let mut response =
        Response::new(format!("{}\n", status.canonical_reason().unwrap_or_default()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(header::ALLOW, HeaderValue::from_static("GET"));
    }
    response
}

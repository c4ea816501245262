//! Port 80: the authority's questions, and everybody else, who is sent to TLS.

use std::{convert::Infallible, net::SocketAddr, sync::Arc};

use hyper::{
    Method, Request, Response, StatusCode,
    body::Incoming,
    header::{self, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{sleep, timeout},
};
use tracing::{debug, warn};

use super::Acme;
use crate::limits::{ACCEPT_PAUSE, HTTP_CONNECTIONS, HTTP_HEAD, HTTP_REQUEST};

/// Where the authority looks (RFC 8555, section 8.3).
const PLACE: &str = "/.well-known/acme-challenge/";

/// Listens at the first of the addresses that can be had. Without it there is one challenge less, which is said.
pub(crate) async fn bind(addresses: &[SocketAddr]) -> Option<TcpListener> {
    if addresses.is_empty() {
        return None;
    }
    let port = addresses[0].port();
    match TcpListener::bind(addresses).await {
        Ok(listener) => Some(listener),
        Err(error) => {
            warn!(
                "cannot listen on port {port} for the certificate authority (HTTP-01): {error}; \
                 it has to find us on port 443 (TLS-ALPN-01)"
            );
            None
        }
    }
}

/// Answers one request of each connection. Never ends.
pub(crate) async fn serve(listener: TcpListener, acme: &Arc<Acme>) {
    let mut connections = JoinSet::new();
    loop {
        while connections.len() >= HTTP_CONNECTIONS {
            connections.join_next().await;
        }
        while connections.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, _)) => {
                connections.spawn(timeout(HTTP_REQUEST, converse(stream, Arc::clone(acme))));
            }
            Err(error) => {
                debug!("cannot accept a connection on the HTTP-01 port: {error}");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn converse(stream: TcpStream, acme: Arc<Acme>) {
    let service = service_fn(|request: Request<Incoming>| {
        let response = respond(&acme, &request);
        async { Ok::<_, Infallible>(response) }
    });
    let connection = http1::Builder::new()
        .keep_alive(false)
        .max_buf_size(HTTP_HEAD)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = connection.await {
        debug!("a connection to the HTTP-01 port failed: {error}");
    }
}

fn respond<B>(acme: &Acme, request: &Request<B>) -> Response<String> {
    let file = request.uri().path().strip_prefix(PLACE).and_then(|token| acme.file(token));
    match (file, home(acme, request)) {
        (Some(file), _) => Response::new(file),
        (None, Some(home)) => {
            let mut response = with_status(StatusCode::FOUND);
            response.headers_mut().insert(header::LOCATION, home);
            response
        }
        (None, None) => with_status(StatusCode::NOT_FOUND),
    }
}

fn with_status(status: StatusCode) -> Response<String> {
    let mut response =
        Response::new(format!("{}\n", status.canonical_reason().unwrap_or_default()));
    *response.status_mut() = status;
    response
}

/// The same page behind TLS, if it is one of our names that was asked for.
fn home<B>(acme: &Acme, request: &Request<B>) -> Option<HeaderValue> {
    if ![Method::GET, Method::HEAD].contains(request.method()) {
        return None;
    }
    let host = request.headers().get(header::HOST)?.to_str().ok()?;
    let host = host.split_once(':').map_or(host, |(host, _)| host);
    let name = acme.name(host)?.as_str();
    let page = request.uri().path_and_query().map_or("/", |page| page.as_str());
    HeaderValue::try_from(format!("https://{name}{page}")).ok()
}

//! The page for Prometheus, at `/internal/metrics`.
//!
//! What the Go program says of its own runtime (`go_…`, `promhttp_…`) is not there: this one has none. Of the process
//! there is what the system tells: `process_…`.

mod process;

use std::{
    convert::Infallible,
    io,
    net::{SocketAddr, ToSocketAddrs},
    sync::Arc,
};

use http_body_util::Full;
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{CONTENT_TYPE, HeaderValue},
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

use crate::{
    events::Events,
    timers::{METRICS_CONNECTIONS, METRICS_PAUSE, METRICS_REQUEST},
};

const PATH: &str = "/internal/metrics";

/// Where Prometheus can ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricsAddress {
    /// A name or an address of this machine; empty is all of them.
    pub host: String,
    /// The TCP port; 0 is any.
    pub port: u16,
}

/// The page's socket, on which nobody is answered yet.
#[derive(Debug)]
pub(crate) struct Listener(std::net::TcpListener);

impl Listener {
    /// Listens at the first of the host's addresses that can be had, IPv4 before IPv6 as Go's programs do: who asks
    /// `127.0.0.1` finds what listens at `localhost`.
    pub(crate) fn bind(address: &MetricsAddress) -> io::Result<Self> {
        let MetricsAddress { host, port } = address;
        let listener = match host.as_str() {
            "" => std::net::TcpListener::bind(("::", *port))
                .or_else(|_| std::net::TcpListener::bind(("0.0.0.0", *port)))?,
            host => {
                let host = host.trim_start_matches('[').trim_end_matches(']');
                let mut addresses: Vec<_> = (host, *port).to_socket_addrs()?.collect();
                addresses.sort_by_key(SocketAddr::is_ipv6);
                std::net::TcpListener::bind(&addresses[..])?
            }
        };
        listener.set_nonblocking(true)?;
        Ok(Self(listener))
    }

    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.0.local_addr().ok()
    }

    /// Answers one request on each connection, [`METRICS_CONNECTIONS`] at a time; further ones wait. Does not return.
    pub(crate) async fn serve(self, events: Arc<Events>) {
        let listener = match TcpListener::from_std(self.0) {
            Ok(listener) => listener,
            Err(error) => {
                warn!(%error, "no page for Prometheus");
                return std::future::pending().await;
            }
        };
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept(), if connections.len() < METRICS_CONNECTIONS => match accepted {
                    Ok((stream, _)) => drop(connections.spawn(answer(stream, events.clone()))),
                    Err(error) => {
                        debug!(%error, "accepting a connection of Prometheus");
                        sleep(METRICS_PAUSE).await;
                    }
                },
                Some(_) = connections.join_next() => {}
            }
        }
    }
}

async fn answer(stream: TcpStream, events: Arc<Events>) {
    let service = service_fn(|request| std::future::ready(respond(&request, &events)));
    let connection =
        http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(stream), service);
    // Who asks too slowly or leaves has no page.
    let _ = timeout(METRICS_REQUEST, connection).await;
}

fn respond(
    request: &Request<Incoming>,
    events: &Events,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (status, kind, text) = if request.uri().path() == PATH {
        (StatusCode::OK, snowflake_metrics::CONTENT_TYPE, page(events))
    } else {
        let text = "404 page not found\n".to_owned();
        (StatusCode::NOT_FOUND, "text/plain; charset=utf-8", text)
    };
    let mut response = Response::new(Full::new(text.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    Ok(response)
}

/// In the order of the names.
fn page(events: &Events) -> String {
    process::figures() + &events.figures.text()
}

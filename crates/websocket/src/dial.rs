//! The proxy's side: open a WebSocket to a relay URL.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    net::{TcpStream, lookup_host},
    time::timeout,
};
use tokio_rustls::TlsConnector;
use tokio_tungstenite::{
    client_async_with_config,
    tungstenite::{self, client::IntoClientRequest, handshake::client::Request, http::HeaderValue},
};
use url::{Host, Url};

use crate::{
    client_ip,
    error::{DialError, to_io},
    limits,
    silence::{Heard, Transport},
    socket::WebSocket,
};

/// What the Go programs send, so that the two kinds of proxies look alike to whoever stands before the server.
const USER_AGENT: HeaderValue = HeaderValue::from_static("Go-http-client/1.1");

/// Opens a WebSocket to `url` (`ws` or `wss`) and tells the server the client's address.
///
/// HTTP/1.1 only (ALPN `http/1.1`), no subprotocol, no extension, no Origin, no redirect. The host's addresses are tried
/// in turn, each for at most [`limits::CONNECT`]; `limit` bounds the whole, [`limits::DIAL`] is Go's.
///
/// # Errors
///
/// A URL that cannot be dialled, and every step up to the server's `101`: see [`DialError`].
///
/// # Cancel safety
///
/// Dropping the future drops the connection; nothing stays behind.
pub async fn dial(
    url: &Url,
    client_ip: Option<IpAddr>,
    tls: Arc<ClientConfig>,
    limit: Duration,
) -> Result<WebSocket, DialError> {
    let opening = async {
        let (host, port) = endpoint(url)?;
        open(connect(&host, port).await?, url, client_ip, tls).await
    };
    timeout(limit, opening).await.unwrap_or(Err(DialError::TimedOut(limit)))
}

/// As [`dial()`], over a connection that is there already, such as one through a proxy; `limit` begins now.
///
/// # Errors
///
/// As [`dial()`], without those of the connection.
///
/// # Cancel safety
///
/// As [`dial()`].
pub async fn dial_over(
    tcp: TcpStream,
    url: &Url,
    client_ip: Option<IpAddr>,
    tls: Arc<ClientConfig>,
    limit: Duration,
) -> Result<WebSocket, DialError> {
    let opening = open(tcp, url, client_ip, tls);
    timeout(limit, opening).await.unwrap_or(Err(DialError::TimedOut(limit)))
}

/// Where a URL leads that can be dialled.
fn endpoint(url: &Url) -> Result<(Host<&str>, u16), DialError> {
    if !matches!(url.scheme(), "ws" | "wss") {
        return Err(DialError::Scheme);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(DialError::Credentials);
    }
    url.host().zip(url.port_or_known_default()).ok_or(DialError::NoHost)
}

async fn open(
    tcp: TcpStream,
    url: &Url,
    client_ip: Option<IpAddr>,
    tls: Arc<ClientConfig>,
) -> Result<WebSocket, DialError> {
    let (host, _) = endpoint(url)?;
    let request = request(url, client_ip)?;
    let transport = if url.scheme() == "wss" {
        Heard::new(handshake(&host, tcp, tls).await?)
    } else {
        Heard::new(tcp)
    };
    let (inner, _) = client_async_with_config(request, transport, Some(limits::config()))
        .await
        .map_err(refusal)?;
    Ok(WebSocket::new(inner))
}

fn request(url: &Url, client_ip: Option<IpAddr>) -> Result<Request, DialError> {
    let mut url = url.clone();
    client_ip::set(&mut url, client_ip);
    let mut request = url.as_str().into_client_request().map_err(refusal)?;
    request.headers_mut().insert("User-Agent", USER_AGENT);
    Ok(request)
}

/// Tries the host's addresses in the resolver's order; one that does not answer costs only its share of the time.
async fn connect(host: &Host<&str>, port: u16) -> Result<TcpStream, DialError> {
    let addresses: Vec<SocketAddr> = match host {
        Host::Domain(name) => {
            lookup_host((*name, port)).await.map_err(DialError::Resolve)?.collect()
        }
        Host::Ipv4(address) => vec![(*address, port).into()],
        Host::Ipv6(address) => vec![(*address, port).into()],
    };
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no addresses");
    for address in addresses {
        match timeout(limits::CONNECT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                stream.set_nodelay(true).map_err(DialError::Connect)?;
                return Ok(stream);
            }
            Ok(Err(error)) => last = error,
            Err(_) => last = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(DialError::Connect(last))
}

async fn handshake(
    host: &Host<&str>,
    tcp: TcpStream,
    tls: Arc<ClientConfig>,
) -> Result<impl Transport + 'static, DialError> {
    let name = match host {
        Host::Domain(name) => ServerName::try_from((*name).to_owned())
            .map_err(|error| DialError::Tls(io::Error::new(io::ErrorKind::InvalidInput, error)))?,
        Host::Ipv4(address) => ServerName::from(IpAddr::V4(*address)),
        Host::Ipv6(address) => ServerName::from(IpAddr::V6(*address)),
    };
    TlsConnector::from(tls)
        .with_alpn(vec![b"http/1.1".to_vec()])
        .connect(name, tcp)
        .await
        .map_err(DialError::Tls)
}

fn refusal(error: tungstenite::Error) -> DialError {
    match error {
        tungstenite::Error::Http(response) => DialError::Refused(response.status().as_u16()),
        error => DialError::Handshake(to_io(error)),
    }
}

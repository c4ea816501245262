//! TCP and TLS to an endpoint, each with its time limit.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    net::{TcpStream, lookup_host},
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use url::Host;

use crate::{
    error::{ExchangeError, Step},
    exchange::Endpoint,
    limits,
    upstream::Upstream,
};

pub(crate) const ALPN_HTTP2: &[u8] = b"h2";
const ALPN_HTTP1: &[u8] = b"http/1.1";

/// Connects through the proxy if there is one: then it looks up the name, and nobody else is asked.
pub(crate) async fn tcp(
    endpoint: &Endpoint,
    upstream: Option<&Upstream>,
) -> Result<TcpStream, ExchangeError> {
    let connecting = async {
        match upstream {
            Some(upstream) => upstream.connect(endpoint).await,
            None => try_each(endpoint).await,
        }
    };
    timeout(limits::CONNECT, connecting)
        .await
        .unwrap_or(Err(ExchangeError::TimedOut(Step::Connect, limits::CONNECT)))
}

/// Tries the endpoint's addresses in the resolver's order; one that does not answer costs only its share of the time.
pub(crate) async fn try_each(endpoint: &Endpoint) -> Result<TcpStream, ExchangeError> {
    let port = endpoint.port;
    let addresses: Vec<SocketAddr> = match &endpoint.host {
        Host::Domain(name) => {
            lookup_host((name.as_str(), port)).await.map_err(ExchangeError::Resolve)?.collect()
        }
        Host::Ipv4(address) => vec![(*address, port).into()],
        Host::Ipv6(address) => vec![(*address, port).into()],
    };
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no addresses");
    for address in addresses {
        match timeout(limits::CONNECT_ADDRESS, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                stream.set_nodelay(true).map_err(ExchangeError::Connect)?;
                return Ok(stream);
            }
            Ok(Err(error)) => last = error,
            Err(_) => last = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(ExchangeError::Connect(last))
}

/// The name in the certificate is the endpoint's, and in the ClientHello, if `config` has one there.
pub(crate) async fn tls(
    endpoint: &Endpoint,
    tcp: TcpStream,
    config: Arc<ClientConfig>,
) -> Result<TlsStream<TcpStream>, ExchangeError> {
    let name = match &endpoint.host {
        Host::Domain(name) => ServerName::try_from(name.clone()).map_err(|error| {
            ExchangeError::Tls(io::Error::new(io::ErrorKind::InvalidInput, error))
        })?,
        Host::Ipv4(address) => ServerName::from(IpAddr::V4(*address)),
        Host::Ipv6(address) => ServerName::from(IpAddr::V6(*address)),
    };
    let connector = TlsConnector::from(config);
    let connector = connector.with_alpn(vec![ALPN_HTTP2.to_vec(), ALPN_HTTP1.to_vec()]);
    timeout(limits::TLS, connector.connect(name, tcp))
        .await
        .map_err(|_| ExchangeError::TimedOut(Step::Tls, limits::TLS))?
        .map_err(ExchangeError::Tls)
}

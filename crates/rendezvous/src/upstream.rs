//! A proxy between us and the network: the way out that a user has told tor of.

use std::{
    error::Error,
    fmt,
    future::{Ready, ready},
    io,
    net::{IpAddr, SocketAddr},
    task::{Context, Poll},
};

use hyper::{
    Uri,
    header::{HeaderValue, InvalidHeaderValue},
};
use hyper_util::{
    client::legacy::connect::proxy::{SocksV4, Tunnel},
    rt::TokioIo,
};
pub use snowflake_socks5::Credentials;
use snowflake_socks5::{Target, connect_over};
use tokio::{net::TcpStream, time::timeout};
use tower_service::Service;
use url::{Host, Url};

use crate::{
    connect,
    error::{ExchangeError, Step},
    exchange::Endpoint,
    limits,
};

/// What a proxy speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpstreamKind {
    /// SOCKS5 (RFC 1928), with a user name and a password (RFC 1929) if there are any.
    Socks5,
    /// SOCKS4a, which knows no password.
    Socks4a,
    /// HTTP CONNECT (RFC 9110 9.3.6), with basic authentication if there are credentials.
    Http,
}

/// A proxy through which an exchange goes: it looks up the name and connects, and sees nothing but TLS.
#[derive(Clone)]
pub struct Upstream {
    kind: UpstreamKind,
    at: Endpoint,
    credentials: Option<Credentials>,
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Upstream({:?}, hidden)", self.kind)
    }
}

impl Upstream {
    /// The proxy that listens at `address` and asks for nothing.
    pub fn new(kind: UpstreamKind, address: SocketAddr) -> Self {
        let host = match address.ip() {
            IpAddr::V4(ip) => Host::Ipv4(ip),
            IpAddr::V6(ip) => Host::Ipv6(ip),
        };
        Self::at(kind, host, address.port())
    }

    /// The proxy that listens at `host`, and asks for nothing. A name is looked up for each connection.
    pub fn at(kind: UpstreamKind, host: Host, port: u16) -> Self {
        Self { kind, at: Endpoint { host, port }, credentials: None }
    }

    /// With what it may want to hear. A SOCKS4a proxy is told nothing.
    #[must_use]
    pub fn with_credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = Some(credentials);
        self
    }

    /// A connection through the proxy to the host and port of `url`, for whatever is spoken there.
    ///
    /// # Errors
    ///
    /// [`ExchangeError::Upstream`], and [`ExchangeError::TimedOut`] after [`limits::CONNECT`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the connection.
    pub async fn dial(&self, url: &Url) -> Result<TcpStream, ExchangeError> {
        let endpoint = Endpoint::of(url).ok_or_else(|| {
            ExchangeError::Upstream(io::Error::new(io::ErrorKind::InvalidInput, "no host to go to"))
        })?;
        timeout(limits::CONNECT, self.connect(&endpoint))
            .await
            .unwrap_or(Err(ExchangeError::TimedOut(Step::Connect, limits::CONNECT)))
    }

    /// A connection to `endpoint` through the proxy. The caller sets the time for all of it.
    pub(crate) async fn connect(&self, endpoint: &Endpoint) -> Result<TcpStream, ExchangeError> {
        let tcp = connect::try_each(&self.at).await.map_err(|error| match error {
            ExchangeError::Resolve(error) | ExchangeError::Connect(error) => {
                ExchangeError::Upstream(error)
            }
            error => error,
        })?;
        let tunnel = self.ask(Connected(Some(TokioIo::new(tcp))), endpoint);
        tunnel.await.map(TokioIo::into_inner).map_err(|error| {
            // The texts of the library say which step it was.
            ExchangeError::Upstream(io::Error::other(error))
        })
    }

    /// All of it, for tests.
    #[cfg(test)]
    pub(crate) fn to_text(&self) -> String {
        let mut text = format!("{:?} {}:{}", self.kind, self.at.host, self.at.port);
        if let Some(Credentials { user, password }) = &self.credentials {
            text += &format!(" {user} {password}");
        }
        text
    }

    async fn ask(
        &self,
        proxy: Connected,
        endpoint: &Endpoint,
    ) -> Result<TokioIo<TcpStream>, Box<dyn Error + Send + Sync>> {
        let to = Uri::try_from(format!("https://{}:{}", endpoint.host, endpoint.port))?;
        // Where the proxy is does not matter any more: we are connected.
        let nowhere = Uri::from_static("http://proxy");
        match (self.kind, &self.credentials) {
            (UpstreamKind::Socks5, credentials) => {
                let stream = proxy.0.ok_or("there is no connection")?.into_inner();
                let target = endpoint.target();
                Ok(TokioIo::new(connect_over(stream, credentials.as_ref(), &target).await?))
            }
            (UpstreamKind::Socks4a, _) => Ok(SocksV4::new(nowhere, proxy).call(to).await?),
            (UpstreamKind::Http, None) => Ok(Tunnel::new(nowhere, proxy).call(to).await?),
            (UpstreamKind::Http, Some(credentials)) => {
                let mut tunnel = Tunnel::new(nowhere, proxy).with_auth(basic(credentials)?);
                Ok(tunnel.call(to).await?)
            }
        }
    }
}

impl Endpoint {
    fn target(&self) -> Target {
        match &self.host {
            Host::Domain(name) => Target::Name(name.clone(), self.port),
            Host::Ipv4(ip) => Target::Address((*ip, self.port).into()),
            Host::Ipv6(ip) => Target::Address((*ip, self.port).into()),
        }
    }
}

/// RFC 7617.
fn basic(Credentials { user, password }: &Credentials) -> Result<HeaderValue, InvalidHeaderValue> {
    use base64::{Engine, engine::general_purpose::STANDARD};
    HeaderValue::try_from(format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
}

/// Hands out the connection to the proxy that there is already; once.
struct Connected(Option<TokioIo<TcpStream>>);

impl Service<Uri> for Connected {
    type Response = TokioIo<TcpStream>;
    type Error = io::Error;
    type Future = Ready<io::Result<TokioIo<TcpStream>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        ready(self.0.take().ok_or_else(|| io::ErrorKind::NotConnected.into()))
    }
}

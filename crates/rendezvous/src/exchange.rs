//! [`Exchange`]: where a request goes, and through which front.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use url::{Host, Url};

use crate::{
    connection::Connection,
    error::{ConfigError, ExchangeError},
    tls::TlsConfig,
    upstream::Upstream,
};

/// A broker, and how to reach it.
#[derive(Debug, Clone)]
pub struct Exchange {
    url: Url,
    /// Never empty: without fronts, the broker itself.
    endpoints: Vec<Endpoint>,
    upstream: Option<Upstream>,
    tls: TlsConfig,
    header_limit: Duration,
}

/// What TCP and TLS are dialled to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) host: Host<String>,
    pub(crate) port: u16,
}

impl Exchange {
    /// Describes how to reach the broker at `url`: directly, or through one of `fronts` (host names, optionally with a
    /// port).
    ///
    /// `http` URLs are for local networks; fronts apply to them as well. `header_limit` is the time for the response's
    /// headers: [`limits::CLIENT_HEADERS`](crate::limits::CLIENT_HEADERS) or
    /// [`limits::PROXY_HEADERS`](crate::limits::PROXY_HEADERS).
    ///
    /// # Errors
    ///
    /// A URL of another scheme or without a host, or a front that is not a host name.
    pub fn new<F: AsRef<str>>(
        url: Url,
        fronts: impl IntoIterator<Item = F>,
        tls: TlsConfig,
        header_limit: Duration,
    ) -> Result<Self, ConfigError> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(ConfigError::Scheme);
        }
        let broker = Endpoint::of(&url).ok_or(ConfigError::NoHost)?;
        let fronts = fronts.into_iter().map(|front| parse_front(url.scheme(), front.as_ref()));
        let mut endpoints = fronts.collect::<Result<Vec<_>, _>>()?;
        if endpoints.is_empty() {
            endpoints.push(broker);
        }
        Ok(Self { url, endpoints, upstream: None, tls, header_limit })
    }

    /// Through this proxy. Without one the environment's proxies are not looked at either, as in Go's client.
    #[must_use]
    pub fn through(mut self, upstream: Upstream) -> Self {
        self.upstream = Some(upstream);
        self
    }

    /// Leaves the server's name out of the ClientHello, where a censor could read it. The certificate is checked against
    /// it all the same. Go's `utls-nosni`.
    #[must_use]
    pub fn without_server_name(mut self) -> Self {
        Arc::make_mut(&mut self.tls).enable_sni = false;
        self
    }

    /// The broker.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Posts `body` to `path` and returns the response's body.
    ///
    /// `path` is a relative reference: `client` goes to `/client` of `https://b.example/` and of `https://b.example/x`,
    /// but to `/x/client` of `https://b.example/x/`. An empty path is the URL itself. The front is chosen at random for
    /// each call. HTTP/2 is used if the peer's TLS agrees to it, else HTTP/1.1.
    ///
    /// # Errors
    ///
    /// Any status but 200, redirects among them, and every step that fails or takes too long: see [`ExchangeError`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the connection. The broker may have acted on the request all the same.
    pub async fn post(&self, path: &str, body: impl Into<Bytes>) -> Result<Bytes, ExchangeError> {
        self.connect().await?.post(path, body).await
    }

    /// Gets `path`, as [`post`](Self::post) resolves it, and returns the response's body.
    ///
    /// # Errors
    ///
    /// As [`post`](Self::post).
    ///
    /// # Cancel safety
    ///
    /// As [`post`](Self::post).
    pub async fn get(&self, path: &str) -> Result<Bytes, ExchangeError> {
        self.connect().await?.get(path).await
    }

    /// Goes as far as it can without saying what for: through TCP, and through TLS if the broker's URL is `https`.
    ///
    /// The front is chosen now.
    ///
    /// # Errors
    ///
    /// As [`post`](Self::post), for these steps.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future, or what it gives, closes the connection; nothing has been asked for.
    pub async fn connect(&self) -> Result<Connection<'_>, ExchangeError> {
        let endpoint = self.endpoint()?;
        Connection::open(self, endpoint, self.upstream.as_ref(), &self.tls).await
    }

    pub(crate) fn header_limit(&self) -> Duration {
        self.header_limit
    }

    /// One of the fronts, or the broker itself.
    fn endpoint(&self) -> Result<&Endpoint, ExchangeError> {
        let random = getrandom::u64().map_err(ExchangeError::Random)?;
        let index = random % self.endpoints.len() as u64;
        Ok(&self.endpoints[index as usize])
    }
}

impl Endpoint {
    pub(crate) fn of(url: &Url) -> Option<Self> {
        Some(Self { host: url.host()?.to_owned(), port: url.port_or_known_default()? })
    }
}

fn parse_front(scheme: &str, front: &str) -> Result<Endpoint, ConfigError> {
    let error = || ConfigError::Front(front.to_owned());
    let url = Url::parse(&format!("{scheme}://{front}")).map_err(|_| error())?;
    let plain = url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    Endpoint::of(&url).filter(|_| plain).ok_or_else(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls;

    fn exchange(url: &str, fronts: &[&str]) -> Result<Exchange, ConfigError> {
        let tls = tls::with_roots(rustls::RootCertStore::empty()).unwrap();
        Exchange::new(Url::parse(url).unwrap(), fronts, tls, crate::limits::CLIENT_HEADERS)
    }

    #[test]
    fn fronts_are_host_names_with_an_optional_port() {
        let exchange = exchange("https://b.example/", &["a.example", "c.example:8443"]).unwrap();
        let named = |host: &str, port| Endpoint { host: Host::Domain(host.to_owned()), port };
        assert_eq!(exchange.endpoints, [named("a.example", 443), named("c.example", 8443)]);
        let mut seen = Vec::new();
        // Two fronts, 200 tries: both are used, or the random numbers are not random.
        for _ in 0..200 {
            let port = exchange.endpoint().unwrap().port;
            if !seen.contains(&port) {
                seen.push(port);
            }
        }
        assert_eq!(seen.len(), 2);
    }

    #[test]
    fn nonsense_is_refused() {
        for front in
            ["", "a b", "a.example/path", "user@a.example", "a.example?x", "https://a.example"]
        {
            let error = exchange("https://b.example/", &[front]).unwrap_err();
            assert_eq!(error, ConfigError::Front(front.to_owned()));
        }
        assert_eq!(exchange("ftp://b.example/", &[]).unwrap_err(), ConfigError::Scheme);
        assert_eq!(exchange("file:///etc", &[]).unwrap_err(), ConfigError::Scheme);
    }
}

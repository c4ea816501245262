//! [`Connection`]: the way is open, and nobody has been told yet what for.

use bytes::Bytes;
use hyper::{HeaderMap, Method, Response};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use url::Url;

use crate::{
    connect,
    error::ExchangeError,
    exchange::{Endpoint, Exchange},
    http::{self, Accept, Request},
    tls::TlsConfig,
    upstream::Upstream,
};

/// A connection for one request, which may still take its time.
///
/// The peer does not wait for ever: when it has closed the connection, the request fails.
#[derive(Debug)]
pub struct Connection<'a> {
    exchange: &'a Exchange,
    stream: Stream,
}

#[derive(Debug)]
enum Stream {
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl<'a> Connection<'a> {
    pub(crate) async fn open(
        exchange: &'a Exchange,
        endpoint: &Endpoint,
        upstream: Option<&Upstream>,
        tls: &TlsConfig,
    ) -> Result<Self, ExchangeError> {
        let tcp = connect::tcp(endpoint, upstream).await?;
        let stream = match exchange.url().scheme() {
            "http" => Stream::Tcp(tcp),
            _ => Stream::Tls(Box::new(connect::tls(endpoint, tcp, tls.clone()).await?)),
        };
        Ok(Self { exchange, stream })
    }

    /// As [`Exchange::post`], from here on.
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn post(self, path: &str, body: impl Into<Bytes>) -> Result<Bytes, ExchangeError> {
        self.ask(Method::POST, path, body.into()).await
    }

    /// As [`Exchange::get`], from here on.
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn get(self, path: &str) -> Result<Bytes, ExchangeError> {
        self.ask(Method::GET, path, Bytes::new()).await
    }

    /// Posts `body` with these headers, and returns the response whatever its status, if its body has at most `longest`
    /// bytes.
    ///
    /// For services that explain in the body of a refusal what was wrong. The headers take the place of ours of the same
    /// name.
    ///
    /// # Errors
    ///
    /// As [`Exchange::post`], except for statuses.
    pub async fn call(
        self,
        path: &str,
        headers: HeaderMap,
        body: impl Into<Bytes>,
        longest: usize,
    ) -> Result<Response<Bytes>, ExchangeError> {
        let accept = Accept { any_status: true, longest };
        let (method, url) = (Method::POST, self.url(path)?);
        self.send(&Request { method, url, headers, body: body.into(), accept }).await
    }

    async fn ask(self, method: Method, path: &str, body: Bytes) -> Result<Bytes, ExchangeError> {
        let request = Request::new(method, self.url(path)?, body);
        Ok(self.send(&request).await?.into_body())
    }

    fn url(&self, path: &str) -> Result<Url, ExchangeError> {
        self.exchange.url().join(path).map_err(ExchangeError::Path)
    }

    async fn send(self, request: &Request) -> Result<Response<Bytes>, ExchangeError> {
        let limit = self.exchange.header_limit();
        match self.stream {
            Stream::Tcp(tcp) => http::one(tcp, request, limit).await,
            Stream::Tls(tls) => {
                let speaks_http2 = tls.get_ref().1.alpn_protocol() == Some(connect::ALPN_HTTP2);
                match speaks_http2 {
                    true => http::two(tls, request, limit).await,
                    false => http::one(tls, request, limit).await,
                }
            }
        }
    }
}

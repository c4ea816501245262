//! An AMP cache, which keeps to what Google says of its own.
//!
//! | request | answer |
//! |---|---|
//! | `GET /c/s/HOST/PATH` | the page at `https://HOST/PATH`, written anew |
//! | `GET /c/HOST/PATH` | the page at `http://HOST/PATH`, written anew |
//! | of a page that is no AMP document | 200 and a `Location`: the page itself, past the cache |
//! | of an origin that is not there or answers with another status than 200 | 404 |
//! | whose subdomain does not stand for `HOST` | 404 |
//!
//! A page is kept for 15 s, so that its origin does not see who asks again.

mod page;
mod pages;
mod target;

use std::{
    collections::BTreeMap,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{Instant, timeout},
};
use tokio_rustls::TlsConnector;

use crate::{
    http::Head,
    listener::{self, MAX_CONNECTIONS},
};
use pages::Pages;
use target::Target;

/// Time for one request, its origin's answer included; a broker holds a client for 5 s.
const LIMIT: Duration = Duration::from_secs(20);

/// Largest page that is fetched; a client reads no larger one.
const MAX_PAGE: u64 = 100_000;

/// Where the cache finds its origins, in place of the domain name system.
#[derive(Clone, Debug)]
pub struct Origins {
    /// The hosts that there are, `http` and `https` alike.
    pub addresses: BTreeMap<String, SocketAddr>,
    /// Whom the cache trusts to be such a host.
    pub tls: Arc<ClientConfig>,
}

/// A running cache; it ends when this is dropped.
#[derive(Debug)]
pub struct AmpCache {
    address: SocketAddr,
    _tasks: JoinSet<()>,
}

impl AmpCache {
    /// Serves HTTP/1.1 without TLS on a port of the loopback network, 64 connections at once.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn start(origins: Origins) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let cache = Arc::new(Cache { origins, pages: Mutex::default() });
        let mut tasks = JoinSet::new();
        tasks.spawn(listener::serve(listener, MAX_CONNECTIONS, move |stream| {
            let cache = Arc::clone(&cache);
            // A client that breaks off has lost its answer and nothing else.
            async move { drop(timeout(LIMIT, cache.serve(stream)).await) }
        }));
        Ok(Self { address, _tasks: tasks })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

struct Cache {
    origins: Origins,
    pages: Mutex<Pages>,
}

/// What a client is told.
enum Answer {
    Page(Bytes),
    PastTheCache(String),
    NotFound,
}

impl Cache {
    async fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        let head = Head::read(&mut stream).await?;
        let answer = match Target::of(&head) {
            Some(target) => self.answer(target).await,
            None => Answer::NotFound,
        };
        stream.write_all(&answer.encode()).await?;
        stream.shutdown().await
    }

    async fn answer(&self, target: Target) -> Answer {
        if let Some(page) = self.pages().kept(&target, Instant::now()) {
            return Answer::Page(page);
        }
        let Ok(original) = self.fetch(&target).await else { return Answer::NotFound };
        let Some(page) = page::written_anew(&original) else {
            return Answer::PastTheCache(target.url());
        };
        let page = Bytes::from(page);
        self.pages().keep(target, page.clone(), Instant::now());
        Answer::Page(page)
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn fetch(&self, target: &Target) -> io::Result<Vec<u8>> {
        let address = self.origins.addresses.get(&target.host).ok_or(io::ErrorKind::NotFound)?;
        let tcp = TcpStream::connect(address).await?;
        if !target.tls {
            return fetch_over(tcp, target).await;
        }
        let name = ServerName::try_from(target.host.clone()).map_err(io::Error::other)?;
        let tls = TlsConnector::from(Arc::clone(&self.origins.tls)).connect(name, tcp).await?;
        fetch_over(tls, target).await
    }
}

/// The body of the origin's answer. HTTP/1.0 is asked for, so that it does not come in chunks.
async fn fetch_over(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    target: &Target,
) -> io::Result<Vec<u8>> {
    let request = format!("GET {} HTTP/1.0\r\nHost: {}\r\n\r\n", target.path, target.host);
    stream.write_all(request.as_bytes()).await?;
    stream.flush().await?;
    let head = Head::read(&mut stream).await?;
    if head.status() != Some(200) {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let length = head.content_length().unwrap_or(u64::MAX).min(MAX_PAGE + 1);
    let mut body = head.rest;
    let missing = length.saturating_sub(body.len() as u64);
    stream.take(missing).read_to_end(&mut body).await?;
    match body.len() as u64 {
        0..=MAX_PAGE => Ok(body),
        _ => Err(io::ErrorKind::FileTooLarge.into()),
    }
}

impl Answer {
    fn encode(&self) -> Vec<u8> {
        let (status, header, body) = match self {
            Self::Page(page) => ("200 OK", String::new(), page.as_ref()),
            Self::PastTheCache(url) => {
                ("200 OK", format!("Location: {url}\r\n"), b"<script>location</script>".as_slice())
            }
            Self::NotFound => ("404 Not Found", String::new(), b"".as_slice()),
        };
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: {length}\r\n{header}Connection: close\r\n\r\n"
        );
        [head.as_bytes(), body].concat()
    }
}

#[cfg(test)]
mod tests;

//! The PROXY protocol: what a load balancer says of a connection before it passes the bytes on.
//!
//! ```text
//! client ── TCP ──> load balancer ── header, then the client's bytes (TLS, HTTP) ──> broker
//! ```
//!
//! A load balancer that takes no part in TLS and HTTP cannot write `X-Forwarded-For`. It begins each
//! connection with a header instead: a line of text (version 1) or a block of bytes (version 2), which
//! names the client. Whoever may write that header may be anybody, so it is read from the balancers of
//! `-proxy-protocol` only, who have to send it; from others the same bytes are bad HTTP, or bad TLS.
//!
//! The address in the header takes the place of the peer's, from then on and in everything: rate limit,
//! countries, counted addresses, and also where it is asked whether the peer may be a reverse proxy whose
//! `X-Forwarded-For` is believed (`origin.rs`). So a client behind a balancer cannot choose its address
//! any more than one that comes directly, while an nginx in front of the balancer is believed by its
//! private address. A balancer is no hop of `-trusted-hops`, unless it writes such an entry as well.
//!
//! A connection of the balancer's own, such as a look whether we are alive, says `LOCAL` or `UNKNOWN` (or
//! no address): it keeps the address that it comes from, and is believed nothing beyond that unless
//! `-trusted-hops` says so, because clients that a balancer cannot name come like that as well. The server for HTTP-01 challenges reads no
//! header; port 80 has to reach it without one.

use std::io;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use proxy_header::{ParseConfig, ProxyHeader};
use snowflake_addresses::Network;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::{Instant, timeout};
use tracing::{debug, warn};

use crate::limits::{COMPLAINT_PAUSE, MAX_PROXY_HEADER};

/// How a header of version 1 begins.
const TEXT: &[u8] = b"PROXY ";

/// Longest header of version 1, its line's end included; the protocol says so.
const MAX_TEXT: usize = 107;

/// How a header of version 2 begins.
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// Where version 2 says of what kind it is. A connection of the balancer's own may have any addresses; they do not count.
const KIND: usize = 12;
const LOCAL: u8 = 0x20;

/// Version 2: the signature, two bytes of kind, two of the length of what follows.
const FIXED: usize = 16;

/// The load balancers whose connections begin with a header.
#[derive(Debug)]
pub(crate) struct Balancers {
    networks: Vec<Network>,
    /// When one may be complained about again; a wrong configuration shows with every connection.
    complain_at: Mutex<Option<Instant>>,
}

/// Why a load balancer's connection is not served, in words for the operator.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HeaderError {
    /// It only looked whether somebody listens.
    #[error("closed before the first byte")]
    Nothing,
    #[error(
        "it sends no PROXY header; have it send one (haproxy: send-proxy-v2), or take it out of -proxy-protocol"
    )]
    Missing,
    #[error("its PROXY header is malformed")]
    Malformed,
    #[error("its PROXY header is longer than {0} bytes")]
    TooLong(usize),
    #[error("its PROXY header did not come within {0:?}")]
    Slow(Duration),
    #[error("it broke off within its PROXY header: {0}")]
    BrokenOff(#[from] io::Error),
}

impl Balancers {
    pub(crate) fn new(networks: Vec<Network>) -> Self {
        Self { networks, complain_at: Mutex::default() }
    }

    /// Who is at the other end of a connection from `peer`: the peer, or whom its header names. Takes
    /// not a byte more than the header from the stream.
    ///
    /// # Errors
    /// A balancer's header did not come, or is none.
    pub(crate) async fn origin<S: AsyncRead + Unpin>(
        &self,
        stream: &mut S,
        peer: IpAddr,
        limit: Duration,
    ) -> Result<IpAddr, HeaderError> {
        if !self.has(peer) {
            return Ok(peer);
        }
        let read = timeout(limit, read(stream)).await.unwrap_or(Err(HeaderError::Slow(limit)));
        if let Err(error) = &read {
            self.complain(peer, error);
        }
        Ok(read?.unwrap_or(peer))
    }

    /// Whether connections from there begin with a header.
    pub(crate) fn has(&self, peer: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(peer))
    }

    fn complain(&self, peer: IpAddr, error: &HeaderError) {
        if matches!(error, HeaderError::Nothing) || !self.may_complain() {
            return debug!(%peer, %error, "a load balancer's connection is not served");
        }
        let entry = self.networks.iter().position(|network| network.contains(peer));
        let entry = entry.unwrap_or_default() + 1;
        warn!("load balancer {peer} (-proxy-protocol, entry {entry}) is not served: {error}");
    }

    fn may_complain(&self) -> bool {
        let now = Instant::now();
        let mut complain_at = self.complain_at.lock().unwrap_or_else(PoisonError::into_inner);
        let may = complain_at.is_none_or(|at| now >= at);
        if may {
            *complain_at = Some(now + COMPLAINT_PAUSE);
        }
        may
    }
}

/// Reads a header of either version. `None`: it names nobody.
async fn read<S: AsyncRead + Unpin>(stream: &mut S) -> Result<Option<IpAddr>, HeaderError> {
    let mut header = vec![0];
    // Some looks whether somebody listens end with a reset.
    if matches!(stream.read(&mut header).await, Ok(0) | Err(_)) {
        return Err(HeaderError::Nothing);
    }
    match header[0] {
        first if first == TEXT[0] => read_text(stream, &mut header).await?,
        first if first == SIGNATURE[0] => read_block(stream, &mut header).await?,
        _ => return Err(HeaderError::Missing),
    }
    if header.get(KIND) == Some(&LOCAL) {
        return Ok(None);
    }
    let parsed = ProxyHeader::parse(&header, ParseConfig::default());
    let (parsed, _) = parsed.map_err(|_| HeaderError::Malformed)?;
    let named = parsed.proxied_address().map(|address| address.source.ip().to_canonical());
    Ok(named.filter(|ip| !ip.is_unspecified()))
}

/// Up to the end of the line, byte by byte: what follows is not ours, and nobody knows where it begins.
async fn read_text<S: AsyncRead + Unpin>(
    stream: &mut S,
    header: &mut Vec<u8>,
) -> Result<(), HeaderError> {
    while header.last() != Some(&b'\n') {
        if !header.starts_with(&TEXT[..header.len().min(TEXT.len())]) {
            return Err(HeaderError::Missing);
        }
        if header.len() == MAX_TEXT {
            return Err(HeaderError::TooLong(MAX_TEXT));
        }
        header.push(stream.read_u8().await?);
    }
    Ok(())
}

async fn read_block<S: AsyncRead + Unpin>(
    stream: &mut S,
    header: &mut Vec<u8>,
) -> Result<(), HeaderError> {
    header.resize(FIXED, 0);
    stream.read_exact(&mut header[1..]).await?;
    if !header.starts_with(SIGNATURE) {
        return Err(HeaderError::Missing);
    }
    let whole = FIXED + usize::from(u16::from_be_bytes([header[14], header[15]]));
    if whole > MAX_PROXY_HEADER {
        return Err(HeaderError::TooLong(MAX_PROXY_HEADER));
    }
    header.resize(whole, 0);
    stream.read_exact(&mut header[FIXED..]).await?;
    Ok(())
}

#[cfg(test)]
mod tests;

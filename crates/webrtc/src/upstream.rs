//! A connection whose packets all go through a user's proxy.
//!
//! The library binds a socket to loopback, which is closed at once; in its place it gets one that reaches nobody but the
//! proxy. So the only candidates are those that STUN servers see beyond the proxy.

use std::{
    io::{self, IoSliceMut},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Mutex, PoisonError},
    task::{Context, Poll},
};

use snowflake_socks5::{Association, Error, Proxy, limits::LOOKUP};
use socket2::SockRef;
use tracing::warn;
use webrtc::runtime::{AsyncUdpSocket, RecvMeta, Transmit};

use crate::{
    config::StunServer,
    error::SetupError,
    limits::{GATHERING_GRACE, SOCKET_RECEIVE_BUFFER},
};

/// What the library may bind in vain. It makes its candidates IPv4 ones, which is what proxies carry.
pub(crate) const PLACEHOLDER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// How a connection's packets leave this machine.
#[derive(Debug, Default)]
pub(crate) enum Way {
    /// From sockets of our own.
    #[default]
    Direct,
    /// Through this, once; then there is no way any more.
    Proxied(Mutex<Option<Association>>),
}

impl Way {
    pub(crate) fn through(association: Association) -> Self {
        Self::Proxied(Mutex::new(Some(association)))
    }
}

/// Asks the proxy for a way for datagrams, and over it for the addresses of the STUN servers: at most 3 s for those, and at
/// most [`GATHERING_GRACE`] if there is a server that needs no looking up.
pub(crate) async fn open(
    proxy: &Proxy,
    servers: &[StunServer],
) -> Result<(Association, Vec<SocketAddr>), SetupError> {
    let association = proxy.associate().await.map_err(SetupError::Upstream)?;
    let names: Vec<&str> = servers
        .iter()
        .map(|server| server.host.as_str())
        .filter(|host| host.parse::<IpAddr>().is_err())
        .collect();
    let is_known = |server: &StunServer| server.host.parse::<Ipv4Addr>().is_ok();
    let limit = if servers.iter().any(is_known) { GATHERING_GRACE } else { LOOKUP };
    let found = association.lookup(&names, limit).await;
    let found = found.map_err(|error| SetupError::Upstream(Error::BrokenOff(error)))?;
    let mut found = found.into_iter();
    let addresses = servers.iter().filter_map(|server| {
        let ip = match server.host.parse::<IpAddr>() {
            Ok(ip) => Some(ip),
            Err(_) => found.next()?.first().copied().map(IpAddr::V4),
        };
        Some(SocketAddr::new(ip.filter(IpAddr::is_ipv4)?, server.port))
    });
    let addresses = addresses.collect();
    Ok((association, addresses))
}

/// The socket that reaches nobody but the proxy.
#[derive(Debug)]
pub(crate) struct Proxied(Association);

impl Proxied {
    /// Takes the way, if it is there still.
    pub(crate) fn take(way: &Mutex<Option<Association>>) -> io::Result<Self> {
        let association = way.lock().unwrap_or_else(PoisonError::into_inner).take();
        let association = association.ok_or(io::ErrorKind::NotConnected)?;
        // A kernel that grants less still works, only slower.
        let _ = SockRef::from(association.socket()).set_recv_buffer_size(SOCKET_RECEIVE_BUFFER);
        Ok(Self(association))
    }

    fn poll_one(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
        meta: &mut RecvMeta,
    ) -> Poll<io::Result<()>> {
        self.0.poll_recv_from(cx, buffer).map_ok(|(payload, from)| {
            (meta.addr, meta.len) = (from, payload.len());
            // An empty packet has a length of its own, too.
            meta.stride = meta.len.max(1);
            buffer.copy_within(payload, 0);
        })
    }
}

impl AsyncUdpSocket for Proxied {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.socket().local_addr()
    }

    fn poll_send(&self, cx: &mut Context<'_>, transmit: &Transmit<'_>) -> Poll<io::Result<usize>> {
        let sent = self.0.poll_send_to(cx, transmit.contents, transmit.destination);
        sent.map_ok(|()| transmit.contents.len())
    }

    /// An error ends the connection: it is the end of the proxy.
    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let mut filled = 0;
        for (buffer, meta) in bufs.iter_mut().zip(meta) {
            match self.poll_one(cx, buffer, meta) {
                Poll::Ready(Ok(())) => filled += 1,
                // What came before comes first, and the same after it.
                _ if filled > 0 => break,
                Poll::Ready(Err(error)) => {
                    warn!(%error, "a connection through the upstream proxy is lost");
                    return Poll::Ready(Err(error));
                }
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(Ok(filled))
    }
}

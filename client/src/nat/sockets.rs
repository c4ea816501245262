//! The two sockets from which a server is asked: our own, or places at the user's proxy.

use snowflake_nat::Port;
use snowflake_socks5::{Association, Proxy};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use tokio::net::UdpSocket;
use tokio::time::{Instant, sleep_until};

/// Longer than any answer: servers add a name and a signature to their addresses.
const MAX_ANSWER: usize = 1024;

pub(super) type Buffers = [[u8; MAX_ANSWER]; 2];

pub(super) const BUFFERS: Buffers = [[0; MAX_ANSWER]; 2];

pub(super) struct Sockets {
    mapping: Socket,
    filtering: Socket,
}

enum Socket {
    Own(UdpSocket),
    Proxied(Association),
}

impl Sockets {
    /// Two of a kind, towards `server`.
    pub(super) async fn open(server: SocketAddr, upstream: Option<&Proxy>) -> io::Result<Self> {
        if let Some(proxy) = upstream {
            let open = async || proxy.associate().await.map(Socket::Proxied);
            let (mapping, filtering) =
                tokio::try_join!(open(), open()).map_err(io::Error::other)?;
            return Ok(Self { mapping, filtering });
        }
        let source = source_towards(server).await?;
        Ok(Self {
            mapping: Socket::Own(UdpSocket::bind((source, 0)).await?),
            filtering: Socket::Own(UdpSocket::bind((source, 0)).await?),
        })
    }

    pub(super) async fn send(&self, from: Port, packet: &[u8], to: SocketAddr) -> io::Result<()> {
        let socket = match from {
            Port::Mapping => &self.mapping,
            Port::Filtering => &self.filtering,
        };
        match socket {
            Socket::Own(socket) => socket.send_to(packet, to).await.map(drop),
            Socket::Proxied(association) => association.send_to(packet, to).await,
        }
    }

    /// The next datagram, and where it came; `None` when it is due, or when a socket of ours reports an error, which is
    /// that of something sent before.
    pub(super) async fn hear<'a>(
        &self,
        due: Instant,
        [mapping, filtering]: &'a mut Buffers,
    ) -> io::Result<Option<(Port, SocketAddr, &'a [u8])>> {
        let (port, received, buffer) = tokio::select! {
            received = self.mapping.recv(mapping) => (Port::Mapping, received, mapping),
            received = self.filtering.recv(filtering) => (Port::Filtering, received, filtering),
            () = sleep_until(due) => return Ok(None),
        };
        Ok(received?.map(|(length, from)| (port, from, &buffer[..length])))
    }
}

impl Socket {
    async fn recv(&self, buffer: &mut [u8]) -> io::Result<Option<(usize, SocketAddr)>> {
        match self {
            Self::Own(socket) => Ok(socket.recv_from(buffer).await.ok()),
            Self::Proxied(association) => association.recv_from(buffer).await.map(Some),
        }
    }
}

/// The address from which the kernel sends to `server`. Both sockets keep to it: one that changes with the way to the
/// server's other address would look like a NAT.
async fn source_towards(server: SocketAddr) -> io::Result<IpAddr> {
    let any: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(server).await?;
    Ok(socket.local_addr()?.ip())
}

//! A STUN server for the local network: Binding responses with the behaviour tests of RFC 5780.
//!
//! Two addresses with two ports each, so that a client can find out that no NAT is in its way. Only IPv4.

use std::{
    io,
    net::{Ipv4Addr, SocketAddrV4},
    sync::Arc,
};

use tokio::{net::UdpSocket, task::JoinSet};

/// RFC 8489, section 5: fixed value in every message, and the key of XOR-MAPPED-ADDRESS.
const MAGIC_COOKIE: u32 = 0x2112_a442;
const HEADER_LEN: usize = 20;
const BINDING_REQUEST: u16 = 0x0001;
const BINDING_SUCCESS: u16 = 0x0101;
const CHANGE_REQUEST: u16 = 0x0003;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const OTHER_ADDRESS: u16 = 0x802c;
/// Bits of CHANGE-REQUEST (RFC 5780, section 7.2).
const CHANGE_IP: u32 = 4;
const CHANGE_PORT: u32 = 2;

/// Any two of the loopback network, on which a sender has the same address towards both.
pub const LOOPBACK: [Ipv4Addr; 2] = [Ipv4Addr::new(127, 0, 0, 1), Ipv4Addr::new(127, 0, 0, 2)];

/// A running server; it ends when this is dropped.
#[derive(Debug)]
pub struct StunServer {
    primary: SocketAddrV4,
    _tasks: JoinSet<()>,
}

impl StunServer {
    /// Binds two ports on each of the addresses and serves them.
    ///
    /// # Errors
    /// When a port cannot be bound.
    pub async fn start(addresses: [Ipv4Addr; 2]) -> io::Result<Self> {
        let sockets = Arc::new(Sockets::bind(addresses).await?);
        let mut tasks = JoinSet::new();
        for which in 0..sockets.0.len() {
            tasks.spawn(serve(sockets.clone(), which));
        }
        Ok(Self { primary: local(&sockets.0[0])?, _tasks: tasks })
    }

    /// The server as an ICE URL.
    pub fn url(&self) -> String {
        format!("stun:{}", self.primary)
    }
}

/// Sockets in the order: both ports of the first address, both of the second. Index bit 1 is the address, bit 0 the port.
struct Sockets([UdpSocket; 4]);

impl Sockets {
    async fn bind([a, b]: [Ipv4Addr; 2]) -> io::Result<Self> {
        Ok(Self([
            UdpSocket::bind((a, 0)).await?,
            UdpSocket::bind((a, 0)).await?,
            UdpSocket::bind((b, 0)).await?,
            UdpSocket::bind((b, 0)).await?,
        ]))
    }
}

async fn serve(sockets: Arc<Sockets>, which: usize) {
    let mut buffer = [0; 1500];
    // A failed receive is the error of an earlier send (ICMP); it concerns only that peer.
    loop {
        let Ok((len, std::net::SocketAddr::V4(from))) =
            sockets.0[which].recv_from(&mut buffer).await
        else {
            continue;
        };
        let Some(request) = Request::parse(&buffer[..len]) else { continue };
        let answer_from =
            which ^ usize::from(request.change_ip) << 1 ^ usize::from(request.change_port);
        let Ok(other) = local(&sockets.0[which ^ 3]) else { continue };
        let _ = sockets.0[answer_from].send_to(&response(&request, from, other), from).await;
    }
}

fn local(socket: &UdpSocket) -> io::Result<SocketAddrV4> {
    match socket.local_addr()? {
        std::net::SocketAddr::V4(address) => Ok(address),
        std::net::SocketAddr::V6(_) => Err(io::ErrorKind::AddrNotAvailable.into()),
    }
}

/// What matters of a Binding request.
#[derive(Debug, PartialEq, Eq)]
struct Request {
    transaction: [u8; 12],
    change_ip: bool,
    change_port: bool,
}

impl Request {
    /// `None` for everything that is not a well-formed Binding request.
    fn parse(message: &[u8]) -> Option<Self> {
        let (header, mut attributes) = message.split_at_checked(HEADER_LEN)?;
        let u16_at = |bytes: &[u8], at: usize| {
            Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
        };
        if u16_at(header, 0)? != BINDING_REQUEST
            || header[4..8] != MAGIC_COOKIE.to_be_bytes()
            || usize::from(u16_at(header, 2)?) != attributes.len()
        {
            return None;
        }
        let mut request = Self {
            transaction: header[8..].try_into().ok()?,
            change_ip: false,
            change_port: false,
        };
        while !attributes.is_empty() {
            let (kind, len) = (u16_at(attributes, 0)?, usize::from(u16_at(attributes, 2)?));
            let value = attributes.get(4..4 + len)?;
            if kind == CHANGE_REQUEST {
                let flags = u32::from_be_bytes(value.try_into().ok()?);
                (request.change_ip, request.change_port) =
                    (flags & CHANGE_IP != 0, flags & CHANGE_PORT != 0);
            }
            attributes = attributes.get(4 + len.next_multiple_of(4)..)?;
        }
        Some(request)
    }
}

fn response(request: &Request, mapped: SocketAddrV4, other: SocketAddrV4) -> Vec<u8> {
    let key = MAGIC_COOKIE.to_be_bytes();
    let xored = SocketAddrV4::new(
        Ipv4Addr::from_bits(mapped.ip().to_bits() ^ MAGIC_COOKIE),
        mapped.port() ^ u16::from_be_bytes([key[0], key[1]]),
    );
    let mut message = Vec::with_capacity(HEADER_LEN + 24);
    message.extend(BINDING_SUCCESS.to_be_bytes());
    message.extend(24_u16.to_be_bytes());
    message.extend(key);
    message.extend(request.transaction);
    push_address(&mut message, XOR_MAPPED_ADDRESS, xored);
    push_address(&mut message, OTHER_ADDRESS, other);
    message
}

/// An attribute of 12 bytes: type, length 8, zero, family 1 (IPv4), port, address.
fn push_address(message: &mut Vec<u8>, kind: u16, address: SocketAddrV4) {
    message.extend(kind.to_be_bytes());
    message.extend([0, 8, 0, 1]);
    message.extend(address.port().to_be_bytes());
    message.extend(address.ip().octets());
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn request(change: Option<u32>) -> Vec<u8> {
        let mut message = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
        message.extend(*b"transaction!");
        if let Some(flags) = change {
            message[3] = 8;
            message.extend([0, 3, 0, 4]);
            message.extend(flags.to_be_bytes());
        }
        message
    }

    /// RFC 5769, section 2.2: 192.0.2.1 port 32853 is XORed to a147 e112a643.
    #[test]
    fn xor_mapped_address_is_that_of_the_rfc() {
        let asked = Request::parse(&request(None)).unwrap();
        let answer =
            response(&asked, "192.0.2.1:32853".parse().unwrap(), "127.0.0.2:9".parse().unwrap());
        assert_eq!(answer[20..32], [0, 0x20, 0, 8, 0, 1, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43]);
        assert_eq!(answer[32..], [0x80, 0x2c, 0, 8, 0, 1, 0, 9, 127, 0, 0, 2]);
    }

    #[test]
    fn what_is_no_binding_request_is_left_alone() {
        let good = request(Some(6));
        assert_eq!(Request::parse(&good).map(|r| (r.change_ip, r.change_port)), Some((true, true)));
        for len in 0..good.len() {
            assert_eq!(Request::parse(&good[..len]), None, "{len} bytes");
        }
        for at in [0, 1, 3, 4, 7, 23] {
            let mut bad = good.clone();
            bad[at] ^= 0x40;
            assert_eq!(Request::parse(&bad), None, "byte {at}");
        }
    }

    #[tokio::test]
    async fn answers_from_where_it_is_asked_to() {
        let server = StunServer::start(LOOPBACK).await.unwrap();
        let socket = UdpSocket::bind("0.0.0.0:0").await.unwrap();
        for (change, same_ip, same_port) in
            [(None, true, true), (Some(2), true, false), (Some(6), false, false)]
        {
            socket.send_to(&request(change), server.primary).await.unwrap();
            let mut buffer = [0; 100];
            let answer =
                tokio::time::timeout(Duration::from_secs(10), socket.recv_from(&mut buffer));
            let (len, from) = answer.await.unwrap().unwrap();
            assert_eq!(len, 44);
            assert_eq!(from.ip() == *server.primary.ip(), same_ip);
            assert_eq!(from.port() == server.primary.port(), same_port);
        }
    }
}

//! The server's side of the handshake.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const NO_AUTHENTICATION: u8 = 0;
const USER_PASSWORD: u8 = 2;
const NO_METHOD: u8 = 0xff;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;
/// Replies of RFC 1928, 6.
pub(super) const CONNECTION_REFUSED: u8 = 5;
const COMMAND_NOT_SUPPORTED: u8 = 7;

/// What a client asks for.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) wish: Wish,
    pub(super) target: Target,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    Connect,
    Associate,
}

#[derive(Debug)]
pub(super) enum Target {
    Address(SocketAddr),
    Name(String, u16),
}

impl Target {
    pub(super) async fn connect(&self) -> io::Result<TcpStream> {
        match self {
            Self::Address(address) => TcpStream::connect(address).await,
            Self::Name(name, port) => TcpStream::connect((name.as_str(), *port)).await,
        }
    }
}

/// Hears a client out. Whoever is not understood, or not known, is told so where there is a word for it.
pub(super) async fn listen(
    stream: &mut TcpStream,
    user: Option<&[String; 2]>,
) -> io::Result<Request> {
    let [5, methods] = read(stream).await? else { return Err(bad()) };
    let methods = read_some(stream, methods.into()).await?;
    let method = if user.is_some() { USER_PASSWORD } else { NO_AUTHENTICATION };
    if !methods.contains(&method) {
        stream.write_all(&[5, NO_METHOD]).await?;
        return Err(bad());
    }
    stream.write_all(&[5, method]).await?;
    if let Some(user) = user {
        check(stream, user).await?;
    }
    let [5, command, 0, kind] = read(stream).await? else { return Err(bad()) };
    let target = read_target(stream, kind).await?;
    let wish = match command {
        1 => Wish::Connect,
        3 => Wish::Associate,
        _ => {
            refuse(stream, COMMAND_NOT_SUPPORTED).await?;
            return Err(bad());
        }
    };
    Ok(Request { wish, target })
}

/// RFC 1929.
async fn check(stream: &mut TcpStream, user: &[String; 2]) -> io::Result<()> {
    let [1] = read(stream).await? else { return Err(bad()) };
    let mut is_known = true;
    for expected in user {
        let [length] = read(stream).await?;
        is_known &= read_some(stream, length.into()).await? == expected.as_bytes();
    }
    stream.write_all(&[1, u8::from(!is_known)]).await?;
    if is_known { Ok(()) } else { Err(bad()) }
}

async fn read_target(stream: &mut TcpStream, kind: u8) -> io::Result<Target> {
    let ip: IpAddr = match kind {
        IPV4 => Ipv4Addr::from(read(stream).await?).into(),
        IPV6 => Ipv6Addr::from(read::<16>(stream).await?).into(),
        NAME => {
            let [length] = read(stream).await?;
            let name = read_some(stream, length.into()).await?;
            let name = String::from_utf8(name).map_err(|_| bad())?;
            return Ok(Target::Name(name, u16::from_be_bytes(read(stream).await?)));
        }
        _ => return Err(bad()),
    };
    Ok(Target::Address((ip, u16::from_be_bytes(read(stream).await?)).into()))
}

pub(super) async fn grant(stream: &mut TcpStream, bound: SocketAddr) -> io::Result<()> {
    let mut reply = vec![5, 0, 0];
    match bound.ip() {
        IpAddr::V4(ip) => {
            reply.push(IPV4);
            reply.extend(ip.octets());
        }
        IpAddr::V6(ip) => {
            reply.push(IPV6);
            reply.extend(ip.octets());
        }
    }
    reply.extend(bound.port().to_be_bytes());
    stream.write_all(&reply).await
}

pub(super) async fn refuse(stream: &mut TcpStream, code: u8) -> io::Result<()> {
    stream.write_all(&[5, code, 0, IPV4, 0, 0, 0, 0, 0, 0]).await
}

async fn read<const N: usize>(stream: &mut TcpStream) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

async fn read_some(stream: &mut TcpStream, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

fn bad() -> io::Error {
    io::ErrorKind::InvalidData.into()
}

//! Where the proxy is, and the conversation with it.

use std::{
    fmt,
    future::Future,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::{
    Association,
    error::Error,
    handshake::{Command, Handshake, Step, Target},
    limits,
};

/// A user name and a password, for a proxy of any kind. `Debug` shows neither.
///
/// SOCKS5 has room for 255 bytes of each, and for no empty user name.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user name.
    pub user: String,
    /// The password; it may be empty.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(hidden)")
    }
}

/// A SOCKS5 proxy. `Debug` does not say which.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    address: SocketAddr,
    credentials: Option<Credentials>,
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Proxy(hidden)")
    }
}

impl Proxy {
    /// The proxy that listens at `address`, and what it may want to hear.
    pub fn new(address: SocketAddr, credentials: Option<Credentials>) -> Self {
        Self { address, credentials }
    }

    /// A connection to `target` through the proxy. TCP to it takes at most [`limits::CONNECT`]; how long the proxy may
    /// take to reach the target is the caller's affair.
    ///
    /// # Errors
    ///
    /// [`Error`]; nothing was sent to the target.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the connection to the proxy.
    pub async fn connect(&self, target: &Target) -> Result<TcpStream, Error> {
        connect_over(self.dial().await?, self.credentials.as_ref(), target).await
    }

    /// Datagrams through the proxy, within [`limits::CONNECT`] and [`limits::ASSOCIATE`].
    ///
    /// # Errors
    ///
    /// [`Error`]; [`HandshakeError::Refused`](crate::error::HandshakeError::Refused) with 7 is what proxies say that
    /// carry no datagrams.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the connection to the proxy.
    pub async fn associate(&self) -> Result<Association, Error> {
        let mut control = self.dial().await?;
        // Where our datagrams come from shows when they come, as with Go.
        let anywhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)).into();
        let credentials = self.credentials.as_ref();
        let asked = ask(&mut control, credentials, Command::UdpAssociate, &anywhere);
        let relay = within(limits::ASSOCIATE, asked).await?.ok_or(Error::NoRelay)?;
        Association::new(control, relay, self.address.ip()).await.map_err(Error::Socket)
    }

    async fn dial(&self) -> Result<TcpStream, Error> {
        within(limits::CONNECT, async {
            let stream = TcpStream::connect(self.address).await.map_err(Error::Connect)?;
            stream.set_nodelay(true).map_err(Error::Connect)?;
            Ok(stream)
        })
        .await
    }
}

/// A connection to `target` over one to a proxy that the caller has made, in as much time as the caller gives it.
///
/// # Errors
///
/// [`Error`]; nothing was sent to the target.
///
/// # Cancel safety
///
/// Dropping the future closes the connection.
pub async fn connect_over(
    mut proxy: TcpStream,
    credentials: Option<&Credentials>,
    target: &Target,
) -> Result<TcpStream, Error> {
    ask(&mut proxy, credentials, Command::Connect, target).await?;
    Ok(proxy)
}

async fn ask(
    stream: &mut TcpStream,
    credentials: Option<&Credentials>,
    command: Command,
    target: &Target,
) -> Result<Option<SocketAddr>, Error> {
    let mut handshake = Handshake::new(credentials, command, target)?;
    let mut answer = Vec::new();
    loop {
        match handshake.step(&answer)? {
            Step::Say { send, expect } => {
                stream.write_all(&send).await.map_err(Error::BrokenOff)?;
                // At most 257 bytes: what one byte counts, and a port.
                answer.resize(expect, 0);
                stream.read_exact(&mut answer).await.map_err(Error::BrokenOff)?;
            }
            Step::Done(bound) => return Ok(bound),
        }
    }
}

async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    timeout(limit, work).await.unwrap_or(Err(Error::TimedOut))
}

//! Connections from the server to tor: plain, or with the user's address on the Extended ORPort.
//!
//! ```no_run
//! use snowflake_pt::{OrPort, OrPortDialer};
//!
//! # async fn example() -> Result<(), snowflake_pt::error::OrPortError> {
//! let or_port = OrPort::Extended {
//!     address: ([127, 0, 0, 1], 9002).into(),
//!     cookie_file: "/var/lib/tor/extended_orport_auth_cookie".into(),
//! };
//! let dialer = OrPortDialer::new(or_port, None);
//! let user = ([192, 0, 2, 7], 1).into();
//! let stream = dialer.dial(Some(user)).await?;
//! # drop(stream);
//! # Ok(())
//! # }
//! ```

use std::{
    fs::File,
    io::{self, Read},
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    task::spawn_blocking,
    time::timeout,
};

use crate::{
    OrPort, RECEIVE_BUFFER, SourceAddresses, TRANSPORT,
    error::OrPortError,
    ext_orport::{COOKIE_FILE_LENGTH, Cookie, Handshake, SECRET_LENGTH, Step},
};

/// The longest that connecting and the whole handshake may take: 5 s, as in the Go server.
pub const DIAL_LIMIT: Duration = Duration::from_secs(5);

/// Dials tor, once for each stream.
#[derive(Clone, Debug)]
pub struct OrPortDialer {
    or_port: OrPort,
    source: Option<SourceAddresses>,
}

impl OrPortDialer {
    /// A dialer that connects from a random address of `source`, or from whatever address the
    /// system chooses.
    pub const fn new(or_port: OrPort, source: Option<SourceAddresses>) -> Self {
        Self { or_port, source }
    }

    /// A connection that tor takes for one of a user at `user`, if that is known; the plain ORPort
    /// cannot be told.
    ///
    /// The cookie file is read anew each time, because tor writes a new one when it starts.
    ///
    /// # Errors
    ///
    /// What failed, after at most [`DIAL_LIMIT`].
    ///
    /// # Cancel safety
    ///
    /// Cancelling closes the connection.
    pub async fn dial(&self, user: Option<SocketAddr>) -> Result<TcpStream, OrPortError> {
        let address = self.or_port.address();
        let timed_out = |_| OrPortError::TimedOut(address);
        timeout(DIAL_LIMIT, self.dial_unlimited(user)).await.map_err(timed_out)?
    }

    async fn dial_unlimited(&self, user: Option<SocketAddr>) -> Result<TcpStream, OrPortError> {
        let handshake = match &self.or_port {
            OrPort::Plain(_) => None,
            OrPort::Extended { cookie_file, .. } => {
                let cookie = read_cookie(cookie_file.clone()).await?;
                let mut nonce = [0; SECRET_LENGTH];
                getrandom::fill(&mut nonce)?;
                Some(Handshake::new(cookie, nonce, user, TRANSPORT))
            }
        };
        let mut stream = self.connect().await?;
        if let Some(handshake) = handshake {
            drive(handshake, &mut stream).await?;
        }
        Ok(stream)
    }

    async fn connect(&self) -> Result<TcpStream, OrPortError> {
        let address = self.or_port.address();
        let socket = self.socket(address)?;
        let connected = socket.connect(address).await;
        connected.map_err(|source| OrPortError::Connect { address, source })
    }

    /// A socket that is bound to a source address if there is a choice to be made.
    fn socket(&self, address: SocketAddr) -> Result<TcpSocket, OrPortError> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
        let socket = socket.map_err(|source| OrPortError::Connect { address, source })?;
        // A socket with another buffer than wished works all the same.
        let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
        let no_delay = socket.set_nodelay(true);
        no_delay.map_err(|source| OrPortError::Connect { address, source })?;
        if let Some(source) = self.source {
            if source.is_ipv4() != address.is_ipv4() {
                return Err(OrPortError::SourceFamily(address));
            }
            let mut random = [0; 16];
            getrandom::fill(&mut random)?;
            let source = source.pick(u128::from_ne_bytes(random));
            bind_address_only(&socket, source).map_err(OrPortError::Bind)?;
        }
        Ok(socket)
    }
}

/// Binds an address and leaves the port to `connect`, which knows that the destination differs
/// from those of other connections and so may use a port twice.
fn bind_address_only(socket: &TcpSocket, source: IpAddr) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    nix::sys::socket::setsockopt(socket, nix::sys::socket::sockopt::IpBindAddressNoPort, &true)?;
    socket.bind(SocketAddr::new(source, 0))
}

async fn read_cookie(path: PathBuf) -> Result<Cookie, OrPortError> {
    let read = spawn_blocking(move || {
        let file = read_cookie_file(&path);
        (path, file)
    });
    // The blocking task neither panics nor is aborted.
    let (path, file) = read.await.map_err(|error| OrPortError::BrokenOff(error.into()))?;
    match file {
        Ok(bytes) => Cookie::parse(&bytes).map_err(|source| OrPortError::Cookie { path, source }),
        Err(source) => Err(OrPortError::ReadCookie { path, source }),
    }
}

/// Reads at most one byte more than a cookie file has.
fn read_cookie_file(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(COOKIE_FILE_LENGTH + 1);
    File::open(path)?.take(COOKIE_FILE_LENGTH as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

async fn drive(
    mut handshake: Handshake,
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
) -> Result<(), OrPortError> {
    let mut buffer = [0; 2 * SECRET_LENGTH];
    let mut received = 0;
    loop {
        match handshake.step(&buffer[..received])? {
            Step::NeedMore(count) => {
                // A handshake never asks for more at once than a hash and a nonce.
                received = count.min(buffer.len());
                let read = stream.read_exact(&mut buffer[..received]).await;
                read.map_err(OrPortError::BrokenOff)?;
            }
            Step::Send(bytes) => {
                received = 0;
                stream.write_all(&bytes).await.map_err(OrPortError::BrokenOff)?;
            }
            Step::Finished => return Ok(()),
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_source_address_takes_no_port_before_the_connection_needs_one() {
        let socket = TcpSocket::new_v4().unwrap();
        bind_address_only(&socket, [127, 0, 2, 1].into()).unwrap();
        assert_eq!(socket.local_addr().unwrap(), ([127, 0, 2, 1], 0).into());
    }
}

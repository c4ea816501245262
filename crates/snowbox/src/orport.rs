//! The bridge's Extended ORPort, as tor has it: the server authenticates, says whose connection it is, and then talks to
//! whatever stands behind instead of a relay (`ext-orport-spec.txt`).

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use hmac::{Hmac, Mac};
use sha2::Sha256;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::timeout,
};

use crate::listener::{self, MAX_CONNECTIONS};

const COOKIE_HEADER: &[u8; 32] = b"! Extended ORPort Auth Cookie !\n";
const SERVER_TO_CLIENT: &[u8] = b"ExtORPort authentication server-to-client hash";
const CLIENT_TO_SERVER: &[u8] = b"ExtORPort authentication client-to-server hash";
const SAFE_COOKIE: u8 = 1;
const DONE: u16 = 0;
const USERADDR: u16 = 1;
const TRANSPORT: u16 = 2;
const OKAY: u16 = 0x1000;
/// Longest command body that is accepted; addresses and transport names are far shorter.
const MAX_BODY: u16 = 1024;
/// Time for the whole handshake.
const PATIENCE: Duration = Duration::from_secs(10);

/// A listening Extended ORPort; it ends when this is dropped.
#[derive(Debug)]
pub struct OrPort {
    /// Where it listens.
    pub address: SocketAddr,
    /// The file with the cookie.
    pub cookie_file: PathBuf,
    seen: Arc<Seen>,
    _tasks: JoinSet<()>,
}

/// What the server told about its connections.
#[derive(Debug, Default)]
struct Seen(Mutex<Option<SocketAddr>>);

/// What one connection needs.
#[derive(Debug)]
struct Gate<S> {
    cookie: [u8; 32],
    serve: S,
    seen: Arc<Seen>,
}

impl OrPort {
    /// [`Self::start_for`] as many connections as one client needs.
    ///
    /// # Errors
    /// When the file cannot be written or no port be bound.
    pub async fn start<S, F>(dir: &Path, serve: S) -> io::Result<Self>
    where
        S: Fn(TcpStream) -> F + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        Self::start_for(MAX_CONNECTIONS, dir, serve).await
    }

    /// Writes a new cookie into `dir`, listens on a free port of loopback and gives connections to `serve` once they are the
    /// client's, at most `connections` at a time; further ones wait.
    ///
    /// # Errors
    /// When the file cannot be written or no port be bound.
    pub async fn start_for<S, F>(connections: usize, dir: &Path, serve: S) -> io::Result<Self>
    where
        S: Fn(TcpStream) -> F + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let cookie = random()?;
        let cookie_file = dir.join("extended_orport_auth_cookie");
        std::fs::write(&cookie_file, [COOKIE_HEADER.as_slice(), &cookie].concat())?;
        let listener = TcpListener::bind((crate::ports::LOOPBACK, 0)).await?;
        let address = listener.local_addr()?;
        let seen = Arc::new(Seen::default());
        let mut tasks = JoinSet::new();
        let gate = Arc::new(Gate { cookie, serve, seen: seen.clone() });
        let handle = move |stream| gate.clone().connection(stream);
        tasks.spawn(listener::serve(listener, connections, handle));
        Ok(Self { address, cookie_file, seen, _tasks: tasks })
    }

    /// The client's address in the latest connection that had one.
    pub fn client_address(&self) -> Option<SocketAddr> {
        *self.seen.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S, F> Gate<S>
where
    S: Fn(TcpStream) -> F,
    F: Future<Output = ()>,
{
    /// Errors end here: whoever moves bytes at the other end sees the connection close.
    async fn connection(self: Arc<Self>, mut stream: TcpStream) {
        if let Ok(Ok(())) = timeout(PATIENCE, self.handshake(&mut stream)).await {
            (self.serve)(stream).await;
        }
    }
}

impl<S> Gate<S> {
    async fn handshake(&self, stream: &mut TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        stream.write_all(&[SAFE_COOKIE, 0]).await?;
        if stream.read_u8().await? != SAFE_COOKIE {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let client_nonce: [u8; 32] = read(stream).await?;
        let server_nonce = random()?;
        let hash = |label| self.keyed(label, &client_nonce, &server_nonce);
        stream.write_all(&hash(SERVER_TO_CLIENT).finalize().into_bytes()).await?;
        stream.write_all(&server_nonce).await?;
        let client_hash: [u8; 32] = read(stream).await?;
        let good = hash(CLIENT_TO_SERVER).verify_slice(&client_hash).is_ok();
        stream.write_all(&[u8::from(good)]).await?;
        if !good {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        self.commands(stream).await
    }

    fn keyed(&self, label: &[u8], client_nonce: &[u8], server_nonce: &[u8]) -> Hmac<Sha256> {
        let mac = <Hmac<Sha256> as Mac>::new_from_slice(&self.cookie);
        // HMAC takes keys of any length.
        let Ok(mac) = mac else { unreachable!("HMAC refused a key of 32 bytes") };
        mac.chain_update(label).chain_update(client_nonce).chain_update(server_nonce)
    }

    async fn commands(&self, stream: &mut TcpStream) -> io::Result<()> {
        loop {
            let command = stream.read_u16().await?;
            let length = stream.read_u16().await?;
            if length > MAX_BODY {
                return Err(io::ErrorKind::InvalidData.into());
            }
            let mut body = vec![0; usize::from(length)];
            stream.read_exact(&mut body).await?;
            match command {
                DONE => return stream.write_all(&[OKAY.to_be_bytes(), [0, 0]].concat()).await,
                USERADDR => self.note_address(&body)?,
                TRANSPORT if body == b"snowflake" => {}
                _ => return Err(io::ErrorKind::InvalidData.into()),
            }
        }
    }

    fn note_address(&self, body: &[u8]) -> io::Result<()> {
        let text = str::from_utf8(body).map_err(|_| io::ErrorKind::InvalidData)?;
        let address = text.parse().map_err(|_| io::ErrorKind::InvalidData)?;
        *self.seen.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(address);
        Ok(())
    }
}

async fn read<const N: usize>(stream: &mut TcpStream) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

fn random() -> io::Result<[u8; 32]> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(cookie: [u8; 32]) -> Gate<()> {
        Gate { cookie, serve: (), seen: Arc::default() }
    }

    /// Cookie 00..1f, client nonce 32 x 11, server nonce 32 x 22; computed apart with Python's hmac.
    #[test]
    fn hashes_are_those_of_the_specification() {
        let gate = gate(std::array::from_fn(|i| i as u8));
        let hash = |label| {
            gate.keyed(label, &[0x11; 32], &[0x22; 32]).finalize().into_bytes()[..4].to_vec()
        };
        assert_eq!(hash(SERVER_TO_CLIENT), [0xfa, 0xba, 0x8a, 0xb7]);
        assert_eq!(hash(CLIENT_TO_SERVER), [0x13, 0x73, 0x88, 0x65]);
    }

    #[tokio::test]
    async fn a_wrong_cookie_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let orport = OrPort::start(dir.path(), |stream| async { drop(stream) }).await.unwrap();
        let mut stream = TcpStream::connect(orport.address).await.unwrap();
        assert_eq!(read(&mut stream).await.unwrap(), [SAFE_COOKIE, 0]);
        stream.write_all(&[SAFE_COOKIE]).await.unwrap();
        stream.write_all(&[0x11; 32]).await.unwrap();
        let _hash_and_nonce: [u8; 64] = read(&mut stream).await.unwrap();
        stream.write_all(&[0; 32]).await.unwrap();
        assert_eq!(stream.read_u8().await.unwrap(), 0);
        assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0, "the connection is closed");
    }
}

//! tor's side of the ORPort and of the Extended ORPort.

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use hmac::{Hmac, Mac};
use sha2::Sha256;
use snowflake_pt::OrPort;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_util::task::AbortOnDropHandle;

pub(crate) const COOKIE: [u8; 32] = [0x5a; 32];
const NONCE: [u8; 32] = [0x22; 32];

pub(crate) async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// A plain ORPort that sends everything back, until it is dropped.
pub(crate) struct Echo {
    pub(crate) address: SocketAddr,
    _task: AbortOnDropHandle<()>,
}

impl Echo {
    pub(crate) async fn start() -> Self {
        let (listener, address) = listen().await;
        let task = async move {
            let mut connections = JoinSet::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                connections.spawn(async move {
                    let (mut read, mut write) = stream.split();
                    let _ = tokio::io::copy(&mut read, &mut write).await;
                    let _ = write.shutdown().await;
                });
            }
        };
        Self { address, _task: AbortOnDropHandle::new(tokio::spawn(task)) }
    }

    pub(crate) fn or_port(&self) -> OrPort {
        OrPort::Plain(self.address)
    }
}

/// An Extended ORPort with its cookie file.
pub(crate) struct ExtOrPort {
    listener: TcpListener,
    address: SocketAddr,
    directory: TempDir,
}

impl ExtOrPort {
    pub(crate) async fn start() -> Self {
        let (listener, address) = listen().await;
        let port = Self { listener, address, directory: tempfile::tempdir().unwrap() };
        port.write_cookie(&COOKIE);
        port
    }

    pub(crate) fn cookie_file(&self) -> PathBuf {
        self.directory.path().join("extended_orport_auth_cookie")
    }

    pub(crate) fn write_cookie(&self, cookie: &[u8; 32]) {
        write_cookie(&self.cookie_file(), cookie);
    }

    pub(crate) fn or_port(&self) -> OrPort {
        OrPort::Extended { address: self.address, cookie_file: self.cookie_file() }
    }

    /// The next connection after its handshake, and the user's address if it was told.
    pub(crate) async fn accept(&self) -> io::Result<(TcpStream, Option<String>)> {
        let (mut stream, _) = self.listener.accept().await?;
        authenticate(&mut stream).await?;
        let mut user = None;
        loop {
            let code = stream.read_u16().await?;
            let mut body = vec![0; stream.read_u16().await?.into()];
            stream.read_exact(&mut body).await?;
            let text = String::from_utf8(body).unwrap();
            match code {
                0x0000 => break,
                0x0001 => user = Some(text),
                0x0002 => assert_eq!(text, "snowflake"),
                other => panic!("command {other:#06x}"),
            }
        }
        stream.write_all(&[0x10, 0, 0, 0]).await?;
        Ok((stream, user))
    }
}

fn write_cookie(path: &Path, cookie: &[u8; 32]) {
    std::fs::write(path, [&b"! Extended ORPort Auth Cookie !\n"[..], cookie].concat()).unwrap();
}

/// SAFE_COOKIE; a client that does not know the cookie ends the connection by itself.
async fn authenticate(stream: &mut TcpStream) -> io::Result<()> {
    stream.write_all(&[1, 0]).await?;
    assert_eq!(stream.read_u8().await?, 1);
    let mut client_nonce = [0; 32];
    stream.read_exact(&mut client_nonce).await?;
    let hash = |text: &str| {
        let mut mac = Hmac::<Sha256>::new_from_slice(&COOKIE).unwrap();
        mac.update(text.as_bytes());
        mac.update(&client_nonce);
        mac.update(&NONCE);
        mac.finalize().into_bytes()
    };
    stream.write_all(&hash("ExtORPort authentication server-to-client hash")).await?;
    stream.write_all(&NONCE).await?;
    let mut client_hash = [0; 32];
    stream.read_exact(&mut client_hash).await?;
    assert_eq!(client_hash[..], hash("ExtORPort authentication client-to-server hash")[..]);
    stream.write_all(&[1]).await
}

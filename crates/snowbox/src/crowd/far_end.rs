//! What stands behind the bridge.

use std::{
    collections::HashSet,
    io,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::origin::{Answering, Origin};

/// Bytes that are sent back at once. A user says one at a time; thousands of them share this program.
const ECHO: usize = 64;

/// Sends everything back.
#[derive(Debug, Clone, Default)]
pub struct Echo {
    sources: Arc<Mutex<HashSet<IpAddr>>>,
}

impl Echo {
    /// Addresses from which the server has come.
    pub fn sources(&self) -> usize {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    pub(crate) fn on_connection(&self) -> impl Fn(TcpStream) -> Answering + use<> {
        let echo = self.clone();
        move |stream| {
            let echo = echo.clone();
            // Errors end here: the user sees the stream close.
            Box::pin(async move { drop(echo.serve(stream).await) })
        }
    }

    async fn serve(self, mut stream: TcpStream) -> io::Result<()> {
        let source = stream.peer_addr()?.ip();
        self.sources.lock().unwrap_or_else(PoisonError::into_inner).insert(source);
        loop {
            let mut buffer = [0; ECHO];
            match stream.read(&mut buffer).await? {
                0 => return stream.shutdown().await,
                n => stream.write_all(&buffer[..n]).await?,
            }
        }
    }
}

/// Sends the first byte back, and is the [`Origin`] from then on.
pub(crate) fn greeting(origin: &Origin) -> impl Fn(TcpStream) -> Answering + use<> {
    let origin = origin.clone();
    move |stream| {
        let origin = origin.clone();
        Box::pin(async move { drop(greet(origin, stream).await) })
    }
}

async fn greet(origin: Origin, mut stream: TcpStream) -> io::Result<()> {
    let hello = stream.read_u8().await?;
    stream.write_u8(hello).await?;
    // All wait until the last one is there, and the origin has less patience.
    stream.peek(&mut [0]).await?;
    origin.serve(stream).await
}

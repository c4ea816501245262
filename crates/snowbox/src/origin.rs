//! The web server behind the bridge: it gives and takes the bytes that the transfers move.
//!
//! | request | answer |
//! |---|---|
//! | `GET /` | a greeting |
//! | `GET /bytes/N?seed=S` | `N` bytes of the [`Pattern`] with seed `S` (0 when absent) |
//! | `PUT /bytes?seed=S` | 200 if the body is that pattern, 409 with the first wrong byte if not |

use std::{
    collections::HashMap,
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::timeout,
};

use crate::{
    http::Head,
    meter::Meter,
    pattern::{Mismatch, Pattern},
};

/// Bytes handed to the connection at once.
pub(crate) const BLOCK: usize = 64 * 1024;
/// Time for a request's head, and for the peer to close after the answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// One connection being served.
pub(crate) type Answering = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The web server's state; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    uploads: Arc<Mutex<HashMap<u64, Arc<Meter>>>>,
}

impl Origin {
    /// Counts an upload with this seed on `meter`, since only this side knows what has arrived.
    pub fn measure_upload(&self, seed: u64, meter: Arc<Meter>) {
        self.uploads.lock().unwrap_or_else(PoisonError::into_inner).insert(seed, meter);
    }

    /// Answers on connections; their errors end here, for whoever moves bytes at the other end sees the connection close.
    pub(crate) fn on_connection<S>(&self) -> impl Fn(S) -> Answering + use<S>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let origin = self.clone();
        move |stream| {
            let origin = origin.clone();
            Box::pin(async move { drop(origin.serve(stream).await) })
        }
    }

    /// Answers one request on `stream` and closes it.
    ///
    /// # Errors
    /// Those of the stream; `TimedOut` when no request comes within 30 s.
    pub async fn serve(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
        let head = timeout(PATIENCE, Head::read(&mut stream)).await??;
        match Request::parse(&head) {
            Request::Greeting => {
                answer(&mut stream, "200 OK", "Hello from behind the snow.\n").await?
            }
            Request::Give { count, seed } => give(&mut stream, count, seed).await?,
            Request::Take { count, seed } => self.take(&mut stream, head, count, seed).await?,
            Request::Unknown => {
                answer(&mut stream, "404 Not Found", "Try / or /bytes/1000\n").await?
            }
        }
        stream.shutdown().await?;
        // Closing with bytes unread would reset the connection and lose the end of the answer.
        let _ = timeout(PATIENCE, tokio::io::copy(&mut stream, &mut tokio::io::sink())).await;
        Ok(())
    }

    async fn take(
        &self,
        stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
        head: Head,
        count: u64,
        seed: u64,
    ) -> io::Result<()> {
        if head.header("expect").is_some() {
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        let meter = self.uploads.lock().unwrap_or_else(PoisonError::into_inner).remove(&seed);
        let meter = meter.unwrap_or_else(|| Arc::new(Meter::start(count)));
        let body = head.rest.chain(&mut *stream);
        match check(body, count, seed, &meter).await? {
            Ok(()) => answer(stream, "200 OK", &format!("{count} bytes intact\n")).await,
            Err(mismatch) => answer(stream, "409 Conflict", &format!("{mismatch}\n")).await,
        }
    }
}

/// Reads `count` bytes and compares them with the pattern, counting them on `meter`.
///
/// # Errors
/// Those of the reader; `UnexpectedEof` when it ends early. The inner error is for bytes that came and were wrong.
pub(crate) async fn check(
    mut body: impl AsyncRead + Unpin,
    count: u64,
    seed: u64,
    meter: &Meter,
) -> io::Result<Result<(), Mismatch>> {
    let mut pattern = Pattern::new(seed);
    let mut buffer = vec![0; BLOCK];
    let mut left = count;
    while left > 0 {
        let room = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let n = body.read(&mut buffer[..room]).await?;
        if n == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Err(mismatch) = pattern.check(&buffer[..n]) {
            return Ok(Err(mismatch));
        }
        left -= n as u64;
        meter.add(n);
    }
    Ok(Ok(()))
}

/// Writes `count` bytes of the pattern.
///
/// # Errors
/// Those of the writer.
pub(crate) async fn send(
    mut body: impl AsyncWrite + Unpin,
    count: u64,
    seed: u64,
) -> io::Result<()> {
    let mut pattern = Pattern::new(seed);
    let mut buffer = vec![0; BLOCK];
    let mut left = count;
    while left > 0 {
        let n = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        pattern.fill(&mut buffer[..n]);
        body.write_all(&buffer[..n]).await?;
        left -= n as u64;
    }
    body.flush().await
}

async fn give(stream: &mut (impl AsyncWrite + Unpin), count: u64, seed: u64) -> io::Result<()> {
    write_head(stream, "200 OK", "application/octet-stream", count).await?;
    send(stream, count, seed).await
}

async fn answer(
    stream: &mut (impl AsyncWrite + Unpin),
    status: &str,
    text: &str,
) -> io::Result<()> {
    write_head(stream, status, "text/plain", text.len() as u64).await?;
    stream.write_all(text.as_bytes()).await
}

async fn write_head(
    stream: &mut (impl AsyncWrite + Unpin),
    status: &str,
    kind: &str,
    length: u64,
) -> io::Result<()> {
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await
}

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
enum Request {
    Greeting,
    Give { count: u64, seed: u64 },
    Take { count: u64, seed: u64 },
    Unknown,
}

impl Request {
    fn parse(head: &Head) -> Self {
        Self::known(head).unwrap_or(Self::Unknown)
    }

    fn known(head: &Head) -> Option<Self> {
        let mut words = head.first_line.split(' ');
        let (method, target) = (words.next()?, words.next()?);
        let (path, query) = target.split_once('?').unwrap_or((target, "seed=0"));
        let seed = query.strip_prefix("seed=")?.parse().ok()?;
        match (method, path) {
            ("GET", "/") => Some(Self::Greeting),
            ("PUT", "/bytes") => Some(Self::Take { count: head.content_length()?, seed }),
            ("GET", _) => {
                Some(Self::Give { count: path.strip_prefix("/bytes/")?.parse().ok()?, seed })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn ask(request: Vec<u8>) -> String {
        let (mut ours, theirs) = tokio::io::duplex(1 << 20);
        ours.write_all(&request).await.unwrap();
        ours.shutdown().await.unwrap();
        Origin::default().serve(theirs).await.unwrap();
        let mut answer = Vec::new();
        ours.read_to_end(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    #[tokio::test]
    async fn greets_gives_and_refuses() {
        assert!(
            ask(b"GET / HTTP/1.1\r\n\r\n".into())
                .await
                .ends_with("\r\n\r\nHello from behind the snow.\n")
        );
        assert!(
            ask(b"GET /bytes/70000?seed=3 HTTP/1.1\r\n\r\n".into())
                .await
                .contains("Content-Length: 70000\r\n")
        );
        assert!(ask(b"GET /bytes/-1 HTTP/1.1\r\n\r\n".into()).await.starts_with("HTTP/1.1 404 "));
        assert!(ask(b"POST / HTTP/1.1\r\n\r\n".into()).await.starts_with("HTTP/1.1 404 "));
    }

    #[tokio::test]
    async fn an_upload_is_checked() {
        let mut body = vec![0; 100_000];
        Pattern::new(5).fill(&mut body);
        let mut request = b"PUT /bytes?seed=5 HTTP/1.1\r\nContent-Length: 100000\r\n\r\n".to_vec();
        let start = request.len();
        request.extend(body);
        assert!(ask(request.clone()).await.ends_with("100000 bytes intact\n"));
        request[start + 99_999] ^= 1;
        let answer = ask(request).await;
        assert!(
            answer.starts_with("HTTP/1.1 409 ") && answer.contains("byte 99999 is"),
            "{answer}"
        );
    }
}

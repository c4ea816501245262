//! One download and one upload through the tunnel, every byte checked.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::{
    error::Error,
    http::Head,
    meter::Meter,
    origin::{check, send},
    socks::Route,
};

/// What the origin is called; it does not care.
const HOST: &str = "origin.invalid";
/// Longest answer to an upload that is repeated in messages.
const MAX_ANSWER: u64 = 1024;

/// Which way the bytes go, seen from the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From behind the bridge to the client.
    Download,
    /// From the client to behind the bridge.
    Upload,
}

impl Direction {
    /// The word in messages and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Download => "download",
            Self::Upload => "upload",
        }
    }

    /// Moves the meter's size in bytes this way, over a connection of its own. An upload is counted by the
    /// [`Origin`](crate::origin::Origin), which must know the seed.
    ///
    /// # Errors
    /// When the connection is refused or breaks, or a byte is wrong. There is no time limit; watch the meter.
    pub async fn run(self, route: &Route, seed: u64, meter: &Meter) -> Result<(), Error> {
        self.run_over(route.connect().await?, seed, meter).await
    }

    /// The same over a connection that is there and leads to the origin.
    ///
    /// # Errors
    /// When the connection breaks, or a byte is wrong.
    pub async fn run_over(
        self,
        stream: impl AsyncRead + AsyncWrite + Unpin,
        seed: u64,
        meter: &Meter,
    ) -> Result<(), Error> {
        match self {
            Self::Download => download(stream, seed, meter).await,
            Self::Upload => upload(stream, seed, meter).await,
        }
        .map_err(|source| Error::Broken { direction: self.name(), bytes: meter.total(), source })?
        .map_err(|refusal| refusal.of(self))
    }
}

/// A transfer that came to its end and was not right.
enum Refusal {
    Damaged(crate::pattern::Mismatch),
    Answer(String),
}

impl Refusal {
    fn of(self, direction: Direction) -> Error {
        match self {
            Self::Damaged(mismatch) => Error::Damaged { direction: direction.name(), mismatch },
            Self::Answer(answer) => Error::UploadRefused { answer },
        }
    }
}

/// Broken; not right.
type Outcome = io::Result<Result<(), Refusal>>;

async fn download(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    seed: u64,
    meter: &Meter,
) -> Outcome {
    let size = meter.size();
    let request = format!("GET /bytes/{size}?seed={seed} HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let head = Head::read(&mut stream).await?;
    if head.status() != Some(200) || head.content_length() != Some(size) {
        return Ok(Err(Refusal::Answer(head.first_line)));
    }
    let body = head.rest.chain(&mut stream);
    Ok(check(body, size, seed, meter).await?.map_err(Refusal::Damaged))
}

async fn upload(stream: impl AsyncRead + AsyncWrite + Unpin, seed: u64, meter: &Meter) -> Outcome {
    let (reader, mut writer) = tokio::io::split(stream);
    let size = meter.size();
    let request = format!(
        "PUT /bytes?seed={seed} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {size}\r\n\r\n"
    );
    let body = async {
        writer.write_all(request.as_bytes()).await?;
        send(&mut writer, size, seed).await
    };
    // An answer may come before the whole body is gone, when a byte was wrong; then the answer says more than the broken pipe.
    let (sent, answer) = tokio::join!(body, read_answer(reader));
    match (sent, answer) {
        (_, Ok((Some(200), _))) => Ok(Ok(())),
        (_, Ok((_, text))) => Ok(Err(Refusal::Answer(text))),
        (Err(error), Err(_)) | (Ok(()), Err(error)) => Err(error),
    }
}

async fn read_answer(mut reader: impl AsyncRead + Unpin) -> io::Result<(Option<u16>, String)> {
    let head = Head::read(&mut reader).await?;
    let mut body = head.rest.clone();
    let missing =
        head.content_length().unwrap_or(0).min(MAX_ANSWER).saturating_sub(body.len() as u64);
    reader.take(missing).read_to_end(&mut body).await?;
    Ok((head.status(), format!("{}: {}", head.first_line, String::from_utf8_lossy(&body).trim())))
}

#[cfg(test)]
mod tests {
    use std::{net::SocketAddr, sync::Arc};

    use tokio::{
        io::copy_bidirectional,
        net::{TcpListener, TcpStream},
    };

    use super::*;
    use crate::origin::Origin;

    /// A SOCKS server without authentication that puts whoever comes through to `origin`, and flips one bit after `damage` bytes.
    async fn socks_server(origin: Origin, damage: Option<u64>) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve_socks(stream, origin.clone(), damage));
            }
        });
        address
    }

    async fn serve_socks(mut stream: TcpStream, origin: Origin, damage: Option<u64>) {
        stream.read_exact(&mut [0; 3]).await.unwrap();
        stream.write_all(&[5, 0]).await.unwrap();
        stream.read_exact(&mut [0; 10]).await.unwrap();
        stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await.unwrap();
        let (mut near, far) = tokio::io::duplex(1 << 16);
        tokio::spawn(async move { origin.serve(far).await });
        let Some(at) = damage else {
            let _ = copy_bidirectional(&mut stream, &mut near).await;
            return;
        };
        let (mut from, mut to) = stream.split();
        let (mut near_from, mut near_to) = tokio::io::split(near);
        let up = async {
            tokio::io::copy(&mut (&mut from).take(at), &mut near_to).await.unwrap();
            let byte = from.read_u8().await.unwrap();
            near_to.write_all(&[byte ^ 1]).await.unwrap();
            let _ = tokio::io::copy(&mut from, &mut near_to).await;
        };
        let down = async {
            let _ = tokio::io::copy(&mut near_from, &mut to).await;
        };
        tokio::join!(up, down);
    }

    async fn run(direction: Direction, damage: Option<u64>) -> (Result<(), Error>, Arc<Meter>) {
        let origin = Origin::default();
        let meter = Arc::new(Meter::start(300_000));
        origin.measure_upload(9, meter.clone());
        let socks = socks_server(origin, damage).await;
        let route = Route { socks, args: None, target: "192.0.2.1:80".parse().unwrap() };
        (direction.run(&route, 9, &meter).await, meter)
    }

    #[tokio::test]
    async fn both_ways_are_counted() {
        for direction in [Direction::Download, Direction::Upload] {
            let (result, meter) = run(direction, None).await;
            result.unwrap();
            assert_eq!(meter.total(), 300_000);
        }
    }

    #[tokio::test]
    async fn a_damaged_upload_is_refused() {
        let (result, _) = run(Direction::Upload, Some(200_000)).await;
        let message = result.unwrap_err().to_string();
        assert!(message.contains("409") && message.contains("byte 1999"), "{message}");
    }
}

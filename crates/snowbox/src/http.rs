//! The little of HTTP/1.1 that the local network needs: one request for each connection.

use std::{io, net::SocketAddr};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Largest head of a request or response; curl's are a few hundred bytes.
const MAX_HEAD: usize = 8 * 1024;
/// Largest body that [`get`] takes; the broker's status page is a few lines.
const MAX_BODY: u64 = 64 * 1024;

/// The head of a request or response, and the bytes that came along behind it.
#[derive(Debug)]
pub(crate) struct Head {
    /// Request line or status line.
    pub(crate) first_line: String,
    headers: Vec<(String, String)>,
    /// The beginning of the body.
    pub(crate) rest: Vec<u8>,
}

impl Head {
    /// Reads up to the empty line.
    ///
    /// # Errors
    /// `UnexpectedEof` before the empty line, `InvalidData` for more than 8 KiB or text that is not UTF-8.
    pub(crate) async fn read(reader: &mut (impl AsyncRead + Unpin)) -> io::Result<Self> {
        let mut seen = Vec::new();
        let end = loop {
            if let Some(end) = seen.windows(4).position(|w| w == b"\r\n\r\n") {
                break end;
            }
            if seen.len() > MAX_HEAD {
                return Err(io::ErrorKind::InvalidData.into());
            }
            if reader.read_buf(&mut seen).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        };
        let rest = seen.split_off(end + 4);
        let text = str::from_utf8(&seen).map_err(|_| io::ErrorKind::InvalidData)?;
        let mut lines = text.trim_end().split("\r\n");
        let first_line = lines.next().unwrap_or_default().to_owned();
        let headers = lines.filter_map(|line| line.split_once(':'));
        let headers = headers
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        Ok(Self { first_line, headers, rest })
    }

    /// The value of a header, by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The announced size of the body.
    pub(crate) fn content_length(&self) -> Option<u64> {
        self.header("content-length")?.parse().ok()
    }

    /// The status of a response.
    pub(crate) fn status(&self) -> Option<u16> {
        self.first_line.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()
    }
}

/// Fetches a small text from a server of the local network. The caller sets the time limit.
///
/// # Errors
/// Those of the connection; `InvalidData` when the answer is not a success.
pub(crate) async fn get(server: SocketAddr, path: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(server).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let head = Head::read(&mut stream).await?;
    if head.status() != Some(200) {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut body = head.rest;
    stream.take(MAX_BODY).read_to_end(&mut body).await?;
    String::from_utf8(body).map_err(|_| io::ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_head_may_come_with_its_body() {
        let mut bytes: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\nhello";
        let head = Head::read(&mut bytes).await.unwrap();
        assert_eq!(
            (head.status(), head.content_length(), head.header("x")),
            (Some(200), Some(5), Some("y"))
        );
        assert_eq!(head.rest, b"hello");
    }

    #[tokio::test]
    async fn an_endless_or_a_cut_head_is_an_error() {
        let mut endless = tokio::io::repeat(b'a');
        assert_eq!(Head::read(&mut endless).await.unwrap_err().kind(), io::ErrorKind::InvalidData);
        let mut cut: &[u8] = b"GET / HTTP/1.1\r\n";
        assert_eq!(Head::read(&mut cut).await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}

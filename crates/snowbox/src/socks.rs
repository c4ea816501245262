//! The SOCKS5 client that tor is towards a pluggable transport, and a browser towards tor (RFC 1928, RFC 1929).

use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use thiserror::Error;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// Longest user name and longest password (RFC 1929: one byte for the length).
const MAX_FIELD: usize = 255;
/// Time for the answers of a SOCKS server. A Snowflake client grants at once; tor builds a circuit first and gives up after 120 s.
const PATIENCE: Duration = Duration::from_secs(130);

/// How to reach a target through a SOCKS5 server.
#[derive(Debug, Clone)]
pub struct Route {
    /// The server.
    pub socks: SocketAddr,
    /// What the Bridge line has behind the fingerprint, joined with `;`: sent as user name and password.
    pub args: Option<String>,
    /// The address asked for. A Snowflake client ignores it.
    pub target: SocketAddr,
}

/// Why a SOCKS server did not connect us.
#[derive(Debug, Error)]
pub enum SocksError {
    /// The connection broke.
    #[error("the SOCKS connection failed")]
    Io(#[from] io::Error),
    /// The arguments fit into no user name and password.
    #[error("the arguments are {0} bytes long, SOCKS has room for 2 to 510")]
    ArgsLength(usize),
    /// The arguments were refused.
    #[error("the SOCKS server refused the arguments")]
    ArgsRefused,
    /// The reply code was not 0 (RFC 1928, section 6).
    #[error("the SOCKS server answered with code {0}")]
    Refused(u8),
    /// An answer that has no place in the protocol.
    #[error("the SOCKS server broke the protocol in its {0}")]
    Protocol(&'static str),
    /// No answer in time.
    #[error("the SOCKS server did not answer within {PATIENCE:?}")]
    TooLate,
}

impl Route {
    /// Connects to the target.
    ///
    /// # Errors
    /// As [`SocksError`] says; bounded by 130 s.
    pub async fn connect(&self) -> Result<TcpStream, SocksError> {
        let work = async { self.handshake(TcpStream::connect(self.socks).await?).await };
        timeout(PATIENCE, work).await.map_err(|_| SocksError::TooLate)?
    }

    /// Connects to the target over a connection to the server.
    ///
    /// # Errors
    /// As [`SocksError`] says; bounded by 130 s.
    pub async fn connect_over(&self, stream: TcpStream) -> Result<TcpStream, SocksError> {
        timeout(PATIENCE, self.handshake(stream)).await.map_err(|_| SocksError::TooLate)?
    }

    async fn handshake(&self, mut stream: TcpStream) -> Result<TcpStream, SocksError> {
        stream.set_nodelay(true)?;
        let method = if self.args.is_some() { 2 } else { 0 };
        stream.write_all(&[5, 1, method]).await?;
        if read(&mut stream).await? != [5, method] {
            return Err(SocksError::Protocol("choice of a method"));
        }
        if let Some(args) = &self.args {
            stream.write_all(&credentials(args)?).await?;
            if read(&mut stream).await? != [1, 0] {
                return Err(SocksError::ArgsRefused);
            }
        }
        stream.write_all(&connect_request(self.target)).await?;
        read_reply(&mut stream).await?;
        Ok(stream)
    }

    /// The user name and password that carry the arguments: all but the last byte, and the last.
    pub fn user_and_password(&self) -> Option<(&str, &str)> {
        let args = self.args.as_deref()?;
        split_args(args).ok()
    }
}

/// Neither may be empty, so the password gets the last byte, or more when the user name is full.
fn split_args(args: &str) -> Result<(&str, &str), SocksError> {
    let at = args.len().saturating_sub(1).min(MAX_FIELD);
    if at == 0 || args.len() - at > MAX_FIELD || !args.is_ascii() {
        return Err(SocksError::ArgsLength(args.len()));
    }
    Ok(args.split_at(at))
}

/// RFC 1929, section 2.
fn credentials(args: &str) -> Result<Vec<u8>, SocksError> {
    let (user, password) = split_args(args)?;
    let mut message = vec![1];
    for field in [user, password] {
        message.push(u8::try_from(field.len()).map_err(|_| SocksError::ArgsLength(args.len()))?);
        message.extend(field.as_bytes());
    }
    Ok(message)
}

fn connect_request(target: SocketAddr) -> Vec<u8> {
    let mut message = vec![5, 1, 0];
    match target.ip() {
        IpAddr::V4(ip) => {
            message.push(1);
            message.extend(ip.octets());
        }
        IpAddr::V6(ip) => {
            message.push(4);
            message.extend(ip.octets());
        }
    }
    message.extend(target.port().to_be_bytes());
    message
}

async fn read_reply(stream: &mut TcpStream) -> Result<(), SocksError> {
    let [version, code, _, kind] = read(stream).await?;
    if version != 5 {
        return Err(SocksError::Protocol("reply"));
    }
    if code != 0 {
        return Err(SocksError::Refused(code));
    }
    match kind {
        1 => read::<6>(stream).await.map(drop)?,
        4 => read::<18>(stream).await.map(drop)?,
        _ => return Err(SocksError::Protocol("bound address")),
    }
    Ok(())
}

async fn read<const N: usize>(stream: &mut TcpStream) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_fill_the_user_name_first() {
        let long = "x".repeat(510);
        for (args, user) in
            [("ab", 1), ("abc", 2), (&long[..256], 255), (&long[..300], 255), (&long, 255)]
        {
            assert_eq!(split_args(args).unwrap().0.len(), user);
        }
        for args in ["", "a", &"x".repeat(511)] {
            assert!(matches!(split_args(args), Err(SocksError::ArgsLength(n)) if n == args.len()));
        }
        assert_eq!(credentials("abc").unwrap(), b"\x01\x02ab\x01c");
    }

    #[test]
    fn a_request_names_the_target() {
        let request = connect_request("192.0.2.3:80".parse().unwrap());
        assert_eq!(request, [5, 1, 0, 1, 192, 0, 2, 3, 0, 80]);
    }
}

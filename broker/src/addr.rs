//! Listen addresses as Go writes them.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use tokio::net::TcpListener;

/// Where to listen: `host:port`, `[ip6]:port`, or `:port` for all addresses of the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenAddr {
    /// Empty: all addresses.
    host: String,
    port: u16,
}

/// Why a text is not a [`ListenAddr`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddrError {
    /// No colon after the host.
    #[error("port missing (write host:port or :port)")]
    NoPort,
    /// What follows the last colon is not a number up to 65535.
    #[error("port is not a number from 0 to 65535")]
    BadPort,
    /// An IPv6 address must stand in brackets.
    #[error("too many colons (write an IPv6 address in brackets)")]
    Brackets,
}

impl ListenAddr {
    /// Binds. All addresses means IPv6 and IPv4, or IPv4 alone where the machine has no IPv6.
    ///
    /// # Errors
    /// What the system says, for instance that the address is in use.
    pub async fn bind(&self) -> io::Result<TcpListener> {
        if !self.host.is_empty() {
            return TcpListener::bind((self.host.as_str(), self.port)).await;
        }
        match TcpListener::bind((IpAddr::V6(Ipv6Addr::UNSPECIFIED), self.port)).await {
            Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
                TcpListener::bind((IpAddr::V4(Ipv4Addr::UNSPECIFIED), self.port)).await
            }
            bound => bound,
        }
    }
}

impl FromStr for ListenAddr {
    type Err = AddrError;

    fn from_str(text: &str) -> Result<Self, AddrError> {
        let (host, port) = text.rsplit_once(':').ok_or(AddrError::NoPort)?;
        let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        if bracketed.is_none() && host.contains([':', '[', ']']) {
            return Err(AddrError::Brackets);
        }
        let port = port.parse().map_err(|_| AddrError::BadPort)?;
        Ok(Self { host: bracketed.unwrap_or(host).to_owned(), port })
    }
}

impl fmt::Display for ListenAddr {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(formatter, "[{}]:{}", self.host, self.port),
            false => write!(formatter, "{}:{}", self.host, self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_go_takes() {
        for text in [":443", ":0", "127.0.0.1:8080", "localhost:8080", "[::1]:8080"] {
            assert_eq!(text.parse::<ListenAddr>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_go_refuses() {
        for (text, error) in [
            ("", AddrError::NoPort),
            ("8080", AddrError::NoPort),
            ("localhost", AddrError::NoPort),
            (":", AddrError::BadPort),
            (":65536", AddrError::BadPort),
            (":-1", AddrError::BadPort),
            ("::1:8080", AddrError::Brackets),
            ("[::1:8080", AddrError::Brackets),
        ] {
            assert_eq!(text.parse::<ListenAddr>(), Err(error), "{text}");
        }
    }

    #[tokio::test]
    async fn all_addresses_include_ipv4() {
        let listener = ":0".parse::<ListenAddr>().unwrap().bind().await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
    }
}

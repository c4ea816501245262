//! What can go wrong between us and the proxy. No text holds an address or a name.

use std::io;

use thiserror::Error;

/// Why there is no way through the proxy.
#[derive(Debug, Error)]
pub enum Error {
    /// Nobody answers where the proxy should be.
    #[error("cannot connect to the proxy: {0}")]
    Connect(io::Error),
    /// The proxy broke off.
    #[error("the proxy broke off the handshake: {0}")]
    BrokenOff(io::Error),
    /// The proxy does not want, or speaks something else.
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    /// The proxy takes datagrams, but did not say where.
    #[error("the proxy named no address for datagrams")]
    NoRelay,
    /// No UDP socket towards the proxy.
    #[error("cannot open a UDP socket towards the proxy: {0}")]
    Socket(io::Error),
    /// The proxy is too slow.
    #[error("the proxy did not answer in time")]
    TimedOut,
}

/// What the proxy said, or what it cannot be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HandshakeError {
    /// An answer of another length than was asked for: a mistake of the caller.
    #[error("an answer of the proxy was cut")]
    Length,
    /// Another version of SOCKS, or no SOCKS at all.
    #[error("the proxy speaks version {0} of SOCKS, not 5")]
    Version(u8),
    /// It wants a user name and a password and has none, or something else.
    #[error("the proxy accepts no authentication that we have")]
    NoMethod,
    /// It does not know the user.
    #[error("the proxy's authentication failed: it refused user name and password")]
    Credentials,
    /// No user name, or one of the two is longer than 255 bytes.
    #[error("user name or password cannot be told to a SOCKS5 proxy")]
    BadCredentials,
    /// A name longer than 255 bytes.
    #[error("the host name is too long for a SOCKS5 proxy")]
    Name,
    /// The request was refused (RFC 1928, 6).
    #[error("the proxy refused: {}", refusal(*.0))]
    Refused(u8),
    /// An unknown type of address in an answer.
    #[error("the proxy answered with address type {0}")]
    AddressType(u8),
}

/// The meaning of a reply.
fn refusal(code: u8) -> &'static str {
    match code {
        1 => "general failure",
        2 => "not allowed by its rules",
        3 => "network unreachable",
        4 => "host unreachable",
        5 => "connection refused",
        6 => "TTL expired",
        7 => "command not supported",
        8 => "address type not supported",
        _ => "for a reason that has no name",
    }
}

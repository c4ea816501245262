//! What can go wrong with tor: one enum each for its environment, SOCKS and the ORPort.

use std::{io, net::SocketAddr, path::PathBuf};

/// What is wrong with the environment; `Display` is the text that tor is sent.
///
/// [`Report::env_error`](crate::Report::env_error) sends it, with the right keyword.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvError {
    /// TOR_PT_MANAGED_TRANSPORT_VER offers nothing that we speak: `VERSION-ERROR`.
    #[error("no-version")]
    NoVersion,
    /// A variable that must be there is missing or empty.
    #[error("no {0} environment variable")]
    Missing(&'static str),
    /// A variable is not text.
    #[error("{0} is not UTF-8")]
    NotUtf8(&'static str),
    /// Not an IP address with a port; names are not resolved.
    #[error("{variable}: {value:?} is not an IP address with a port")]
    Address {
        /// The variable.
        variable: &'static str,
        /// What stands where an address should.
        value: String,
    },
    /// An entry of TOR_PT_SERVER_BINDADDR without its transport.
    #[error("TOR_PT_SERVER_BINDADDR: {0:?} is not of the form transport-address:port")]
    BindAddress(String),
    /// TOR_PT_SERVER_BINDADDR names a transport twice.
    #[error("TOR_PT_SERVER_BINDADDR: {0:?} is named twice")]
    BoundTwice(String),
    /// TOR_PT_SERVER_TRANSPORT_OPTIONS cannot be read.
    #[error("TOR_PT_SERVER_TRANSPORT_OPTIONS: {0}")]
    Options(#[from] ArgsError),
    /// Neither ORPort was given.
    #[error("need TOR_PT_ORPORT or TOR_PT_EXTENDED_SERVER_PORT environment variable")]
    NoOrPort,
    /// An Extended ORPort is of no use without its cookie.
    #[error("need TOR_PT_AUTH_COOKIE_FILE environment variable with TOR_PT_EXTENDED_SERVER_PORT")]
    NoCookieFile,
    /// TOR_PT_PROXY is not a proxy that we can use: `PROXY-ERROR`.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
}

/// What is wrong with TOR_PT_PROXY; `Display` is the text of `PROXY-ERROR`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProxyError {
    /// Not `scheme://[user:password@]address:port`.
    #[error("TOR_PT_PROXY is not of the form scheme://[user:password@]address:port")]
    Malformed,
    /// The scheme is none of `socks5`, `socks4a` and `http`. The text is that of the Go client, which takes only the first.
    #[error("proxy is not supported:unsupported proxy type")]
    UnsupportedType,
    /// User or password are not UTF-8, are badly percent-encoded, or, with SOCKS5, exceed 255 bytes (RFC 1929); or there is no
    /// user.
    #[error("TOR_PT_PROXY has a user name or password that its proxy cannot be told")]
    Credentials,
}

/// Why a `key=value` list cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArgsError {
    /// The text is not UTF-8.
    #[error("arguments are not UTF-8")]
    NotUtf8,
    /// A server option without its transport.
    #[error("an option has no transport before a colon")]
    NoTransport,
    /// A part without an equals sign.
    #[error("an argument has no equals sign")]
    NoEquals,
    /// Nothing before the equals sign.
    #[error("an argument has an empty key")]
    EmptyKey,
    /// Nothing after the last backslash.
    #[error("arguments end in a backslash")]
    DanglingEscape,
}

/// Why a SOCKS connection was turned away: tor, or whoever connected, misbehaved.
#[derive(Debug, thiserror::Error)]
pub enum SocksError {
    /// Another version of SOCKS, or no SOCKS at all.
    #[error("the SOCKS client speaks version {0}, not 5")]
    Version(u8),
    /// More bytes than the message has.
    #[error("the SOCKS client did not wait for the reply to a message")]
    ExtraBytes,
    /// Neither user name and password nor no authentication is offered.
    #[error("the SOCKS client offers no authentication method that we have")]
    NoMethod,
    /// A user name and password message that is none (RFC 1929).
    #[error("the SOCKS client sent a malformed user name and password")]
    Credentials,
    /// User name and password are not arguments.
    #[error("the SOCKS client sent bad transport arguments: {0}")]
    Args(#[from] ArgsError),
    /// A command other than CONNECT.
    #[error("the SOCKS client wants command {0}, not CONNECT")]
    Command(u8),
    /// An unknown type of address.
    #[error("the SOCKS client sent address type {0}")]
    AddressType(u8),
    /// A request that is none.
    #[error("the SOCKS client sent a malformed request")]
    Request,
    /// The connection ended in mid-handshake.
    #[error("the SOCKS client closed the connection in mid-handshake")]
    Closed,
    /// The connection failed.
    #[error("cannot talk to the SOCKS client: {0}")]
    Io(#[from] io::Error),
}

/// What is wrong with a cookie file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CookieError {
    /// Not exactly 64 bytes.
    #[error("it is not 64 bytes long")]
    Length,
    /// Another file than an Extended ORPort cookie.
    #[error("it has another header")]
    Header,
}

/// Why the Extended ORPort handshake failed: tor, or whoever listens there, misbehaved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExtOrPortError {
    /// SAFE_COOKIE is not among the types of authentication.
    #[error("the Extended ORPort does not offer SAFE_COOKIE authentication")]
    NoSafeCookie,
    /// The list of types does not end.
    #[error("the Extended ORPort offers more than 255 types of authentication")]
    TooManyTypes,
    /// The server does not know the cookie.
    #[error("the Extended ORPort does not know the cookie")]
    ServerHash,
    /// The server says that we do not know the cookie.
    #[error("the Extended ORPort refused our authentication")]
    Refused,
    /// The server answered DENY.
    #[error("the Extended ORPort denied the connection")]
    Denied,
    /// The server answered with something else.
    #[error("the Extended ORPort answered with command {0:#06x}")]
    UnexpectedCommand(u16),
}

/// Why there is no connection to the ORPort.
#[derive(Debug, thiserror::Error)]
pub enum OrPortError {
    /// There is no ORPort to be dialled.
    #[error("no ORPort is known")]
    NoPort,
    /// The cookie file cannot be read.
    #[error("cannot read the cookie file {}: {source}", path.display())]
    ReadCookie {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The cookie file is not one.
    #[error("cannot use the cookie file {}: {source}", path.display())]
    Cookie {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: CookieError,
    },
    /// The system has no random bytes.
    #[error("cannot get random bytes: {0}")]
    Random(#[from] getrandom::Error),
    /// `orport-srcaddr` and the ORPort are not of the same address family.
    #[error("orport-srcaddr is not of the address family of the ORPort {0}")]
    SourceFamily(SocketAddr),
    /// The source address cannot be used.
    #[error("cannot use an address of orport-srcaddr: {0}")]
    Bind(#[source] io::Error),
    /// Nobody answers at the ORPort.
    #[error("cannot connect to the ORPort {address}: {source}")]
    Connect {
        /// The ORPort.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The connection ended or failed in mid-handshake.
    #[error("the Extended ORPort broke off the handshake: {0}")]
    BrokenOff(#[source] io::Error),
    /// The handshake failed.
    #[error(transparent)]
    Handshake(#[from] ExtOrPortError),
    /// The ORPort is too slow.
    #[error("the ORPort {0} did not finish the handshake within 5 s")]
    TimedOut(SocketAddr),
}

/// What is wrong with a server transport option; `Display` is the text of `SMETHOD-ERROR`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServerOptionError {
    /// `orport-srcaddr` is neither an address nor a prefix.
    #[error("orport-srcaddr {0:?} is neither an IP address nor a CIDR prefix")]
    SourceAddresses(String),
    /// `num-turbotunnel` is not a number of at least 1.
    #[error("num-turbotunnel {0:?} is not a number of at least 1")]
    NumTurbotunnel(String),
    /// An item of `orport` is not the address of an ORPort.
    #[error(
        "orport {0:?} is not an address with a port, or one with the path of its cookie file after it"
    )]
    OrPort(String),
}

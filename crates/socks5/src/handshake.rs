//! What is said on the connection to the proxy, as a step machine: no sockets here.
//!
//! ```
//! use snowflake_socks5::handshake::{Command, Handshake, Step};
//!
//! let anywhere = "0.0.0.0:0".parse::<std::net::SocketAddr>().unwrap().into();
//! let mut handshake = Handshake::new(None, Command::UdpAssociate, &anywhere)?;
//! let say = |send: &[u8], expect| Step::Say { send: send.to_vec(), expect };
//! assert_eq!(handshake.step(&[])?, say(&[5, 1, 0], 2));
//! assert_eq!(handshake.step(&[5, 0])?, say(&[5, 3, 0, 1, 0, 0, 0, 0, 0, 0], 5));
//! assert_eq!(handshake.step(&[5, 0, 0, 1, 192])?, say(&[], 5));
//! assert_eq!(handshake.step(&[0, 2, 1, 0x1f, 0x90])?, Step::Done("192.0.2.1:8080".parse().ok()));
//! # Ok::<(), snowflake_socks5::error::HandshakeError>(())
//! ```

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use crate::{Credentials, error::HandshakeError, limits::MAX_FIELD};

const VERSION: u8 = 5;
const NO_AUTHENTICATION: u8 = 0;
const USER_PASSWORD: u8 = 2;
/// Version of user name and password (RFC 1929).
const CREDENTIALS_VERSION: u8 = 1;
pub(crate) const IPV4: u8 = 1;
pub(crate) const NAME: u8 = 3;
pub(crate) const IPV6: u8 = 4;

/// What the proxy is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// A connection to the target.
    Connect = 1,
    /// An address to which datagrams can be sent. The target is where they come from, if that is known.
    UdpAssociate = 3,
}

/// Whom the proxy connects us to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A host that the proxy looks up, and a port.
    Name(String, u16),
    /// An address and a port.
    Address(SocketAddr),
}

impl From<SocketAddr> for Target {
    fn from(address: SocketAddr) -> Self {
        Self::Address(address)
    }
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Send this, if anything, then read exactly so many bytes and step with them.
    Say {
        /// To the proxy.
        send: Vec<u8>,
        /// What is read must not be more: behind the last answer come the target's bytes.
        expect: usize,
    },
    /// The proxy has granted the request. The address is the one that it named, unless that was a name.
    Done(Option<SocketAddr>),
}

/// Our side of one handshake. An error ends it.
#[derive(Debug)]
pub struct Handshake {
    state: State,
    credentials: Option<Vec<u8>>,
    request: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Start,
    Method,
    Credentials,
    /// The reply, up to the first byte of its address.
    Reply,
    /// The rest of it, of this kind and with this byte before.
    Address(u8, u8),
}

impl Handshake {
    /// A handshake in which nobody has spoken yet. No authentication is offered even with credentials: a proxy may want none.
    ///
    /// # Errors
    ///
    /// Credentials or names that have no room in it.
    pub fn new(
        credentials: Option<&Credentials>,
        command: Command,
        target: &Target,
    ) -> Result<Self, HandshakeError> {
        let credentials = credentials.map(credentials_message).transpose()?;
        let mut request = vec![VERSION, command as u8, 0];
        push_target(&mut request, target)?;
        Ok(Self { state: State::Start, credentials, request })
    }

    /// Takes the bytes that the last step asked for; at first none.
    ///
    /// # Errors
    ///
    /// What the proxy said, if it does not grant the request.
    pub fn step(&mut self, answer: &[u8]) -> Result<Step, HandshakeError> {
        match self.state {
            State::Start => Ok(self.greet()),
            State::Method => self.method(answer),
            State::Credentials => match *fixed(answer)? {
                [_, 0] => Ok(self.ask()),
                [_, _] => Err(HandshakeError::Credentials),
            },
            State::Reply => self.reply(answer),
            State::Address(kind, first) => Ok(Step::Done(bound(kind, first, answer))),
        }
    }

    fn greet(&mut self) -> Step {
        self.state = State::Method;
        let send = match self.credentials {
            None => vec![VERSION, 1, NO_AUTHENTICATION],
            Some(_) => vec![VERSION, 2, NO_AUTHENTICATION, USER_PASSWORD],
        };
        Step::Say { send, expect: 2 }
    }

    fn method(&mut self, answer: &[u8]) -> Result<Step, HandshakeError> {
        let [version, method] = *fixed(answer)?;
        check_version(version)?;
        match (method, self.credentials.take()) {
            (NO_AUTHENTICATION, _) => Ok(self.ask()),
            (USER_PASSWORD, Some(send)) => {
                self.state = State::Credentials;
                Ok(Step::Say { send, expect: 2 })
            }
            _ => Err(HandshakeError::NoMethod),
        }
    }

    fn ask(&mut self) -> Step {
        self.state = State::Reply;
        Step::Say { send: std::mem::take(&mut self.request), expect: 5 }
    }

    fn reply(&mut self, answer: &[u8]) -> Result<Step, HandshakeError> {
        let [version, code, _, kind, first] = *fixed(answer)?;
        check_version(version)?;
        if code != 0 {
            return Err(HandshakeError::Refused(code));
        }
        let address = match kind {
            IPV4 => 3,
            IPV6 => 15,
            NAME => usize::from(first),
            other => return Err(HandshakeError::AddressType(other)),
        };
        self.state = State::Address(kind, first);
        Ok(Step::Say { send: Vec::new(), expect: address + 2 })
    }
}

fn fixed<const N: usize>(answer: &[u8]) -> Result<&[u8; N], HandshakeError> {
    answer.try_into().map_err(|_| HandshakeError::Length)
}

fn check_version(version: u8) -> Result<(), HandshakeError> {
    if version == VERSION { Ok(()) } else { Err(HandshakeError::Version(version)) }
}

/// RFC 1929, 2. It has no empty passwords, but proxies that know users without one take them.
fn credentials_message(credentials: &Credentials) -> Result<Vec<u8>, HandshakeError> {
    let Credentials { user, password } = credentials;
    if user.is_empty() || user.len().max(password.len()) > MAX_FIELD {
        return Err(HandshakeError::BadCredentials);
    }
    let mut message = vec![CREDENTIALS_VERSION];
    for field in [user, password] {
        message.push(field.len() as u8);
        message.extend(field.as_bytes());
    }
    Ok(message)
}

fn push_target(message: &mut Vec<u8>, target: &Target) -> Result<(), HandshakeError> {
    match target {
        Target::Address(address) => push_address(message, *address),
        Target::Name(name, port) => {
            if name.is_empty() || name.len() > MAX_FIELD {
                return Err(HandshakeError::Name);
            }
            message.extend([NAME, name.len() as u8]);
            message.extend(name.as_bytes());
            message.extend(port.to_be_bytes());
        }
    }
    Ok(())
}

/// Type, address, port: the form of addresses in all messages.
pub(crate) fn push_address(message: &mut Vec<u8>, address: SocketAddr) {
    match address.ip() {
        IpAddr::V4(ip) => {
            message.push(IPV4);
            message.extend(ip.octets());
        }
        IpAddr::V6(ip) => {
            message.push(IPV6);
            message.extend(ip.octets());
        }
    }
    message.extend(address.port().to_be_bytes());
}

fn bound(kind: u8, first: u8, rest: &[u8]) -> Option<SocketAddr> {
    let (rest, port) = rest.split_last_chunk::<2>()?;
    let ip: IpAddr = match (kind, rest) {
        (IPV4, &[b, c, d]) => [first, b, c, d].into(),
        (IPV6, rest) => {
            let mut octets = [first; 16];
            octets[1..].copy_from_slice(rest.get(..15)?);
            Ipv6Addr::from(octets).to_canonical()
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, u16::from_be_bytes(*port)))
}

#[cfg(test)]
mod tests;

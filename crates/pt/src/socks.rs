//! The SOCKS5 handshake with arguments, as a step machine: no sockets here.
//!
//! tor puts the arguments of a bridge line into user name and password (RFC 1929), because SOCKS5
//! has no better place. The target of the request is tor's idea of the bridge's address, which
//! means nothing to Snowflake; it is checked for form and dropped.
//!
//! ```
//! use snowflake_pt::socks::{Handshake, Step};
//!
//! let mut handshake = Handshake::new();
//! assert_eq!(handshake.step(&[5, 1])?, Step::NeedMore);
//! assert_eq!(handshake.step(&[2])?, Step::Send(&[5, 2]));
//! assert_eq!(handshake.step(b"\x01\x05max=2\x01\x00")?, Step::Send(&[1, 0]));
//! let Step::Finished(args) = handshake.step(&[5, 1, 0, 1, 192, 0, 2, 3, 0, 80])? else { panic!() };
//! assert_eq!(args.get("max"), Some("2"));
//! # Ok::<(), snowflake_pt::error::SocksError>(())
//! ```

use crate::{
    Args,
    error::{ArgsError, SocksError},
};

/// The reply to a request whose arguments are accepted; the bound address is 0.0.0.0:0.
pub const GRANTED: &[u8] = &[5, 0, 0, 1, 0, 0, 0, 0, 0, 0];

/// The reply to a request whose arguments are no good: general failure.
pub const REFUSED: &[u8] = &[5, 1, 0, 1, 0, 0, 0, 0, 0, 0];

const COMMAND_NOT_SUPPORTED: &[u8] = &[5, 7, 0, 1, 0, 0, 0, 0, 0, 0];
const ADDRESS_TYPE_NOT_SUPPORTED: &[u8] = &[5, 8, 0, 1, 0, 0, 0, 0, 0, 0];
const NO_ACCEPTABLE_METHOD: &[u8] = &[5, 0xff];
const CREDENTIALS_ACCEPTED: &[u8] = &[1, 0];
const CREDENTIALS_REFUSED: &[u8] = &[1, 1];

const VERSION: u8 = 5;
const CREDENTIALS_VERSION: u8 = 1;
const NO_AUTHENTICATION: u8 = 0;
const USER_PASSWORD: u8 = 2;
const CONNECT: u8 = 1;

/// A password of one NUL byte stands for none, because RFC 1929 has no empty password.
const NO_PASSWORD: &[u8] = &[0];

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Read more and step again.
    NeedMore,
    /// Send this, then read and step again.
    Send(&'static [u8]),
    /// The request is complete and waits for [`GRANTED`] or [`REFUSED`].
    Finished(Args),
}

/// The server's side of one handshake. An error ends it; there may be a [`reply`] to send first.
///
/// [`reply`]: SocksError::reply
#[derive(Debug, Default)]
pub struct Handshake {
    state: State,
    /// The message that has begun: at most 513 bytes and what was last received.
    message: Vec<u8>,
    args: Args,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    Greeting,
    Credentials,
    Request,
}

impl Handshake {
    /// A handshake in which nobody has spoken yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes bytes as they arrive.
    ///
    /// # Errors
    ///
    /// What the other side did wrong. Bytes after the end of a message count as wrong: the other
    /// side must wait for the reply.
    pub fn step(&mut self, received: &[u8]) -> Result<Step, SocksError> {
        self.message.extend_from_slice(received);
        let mut fields = Fields(&self.message);
        let step = match self.state {
            State::Greeting => greeting(&mut fields),
            State::Credentials => credentials(&mut fields),
            State::Request => request(&mut fields),
        };
        let Some(message) = step else { return Ok(Step::NeedMore) };
        if !fields.0.is_empty() {
            return Err(SocksError::ExtraBytes);
        }
        let message = message?;
        self.message.clear();
        Ok(self.advance(message))
    }

    fn advance(&mut self, message: Message) -> Step {
        match message {
            Message::Greeting { with_credentials: true } => {
                self.state = State::Credentials;
                Step::Send(&[VERSION, USER_PASSWORD])
            }
            Message::Greeting { with_credentials: false } => {
                self.state = State::Request;
                Step::Send(&[VERSION, NO_AUTHENTICATION])
            }
            Message::Credentials(args) => {
                self.args = args;
                self.state = State::Request;
                Step::Send(CREDENTIALS_ACCEPTED)
            }
            Message::Request => Step::Finished(std::mem::take(&mut self.args)),
        }
    }
}

impl SocksError {
    /// What the other side is sent before the connection is closed, if anything.
    pub const fn reply(&self) -> Option<&'static [u8]> {
        match self {
            Self::NoMethod => Some(NO_ACCEPTABLE_METHOD),
            Self::Credentials | Self::Args(_) => Some(CREDENTIALS_REFUSED),
            Self::Command(_) => Some(COMMAND_NOT_SUPPORTED),
            Self::AddressType(_) => Some(ADDRESS_TYPE_NOT_SUPPORTED),
            Self::Request => Some(REFUSED),
            Self::Version(_) | Self::ExtraBytes | Self::Closed | Self::Io(_) => None,
        }
    }
}

enum Message {
    Greeting { with_credentials: bool },
    Credentials(Args),
    Request,
}

/// The outcome of one message, or `None` if it is not complete.
type Parsed = Option<Result<Message, SocksError>>;

/// The rest of a message; `None` means that it is not complete.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    /// A length byte and as many bytes.
    fn counted(&mut self) -> Option<&'a [u8]> {
        let count = self.byte()?;
        self.take(count.into())
    }

    /// An error that needs no more of the message, which is given up.
    fn fail(&mut self, error: SocksError) -> Parsed {
        self.0 = &[];
        Some(Err(error))
    }
}

fn greeting(fields: &mut Fields<'_>) -> Parsed {
    let version = fields.byte()?;
    if version != VERSION {
        return fields.fail(SocksError::Version(version));
    }
    let methods = fields.counted()?;
    Some(if methods.contains(&USER_PASSWORD) {
        Ok(Message::Greeting { with_credentials: true })
    } else if methods.contains(&NO_AUTHENTICATION) {
        Ok(Message::Greeting { with_credentials: false })
    } else {
        Err(SocksError::NoMethod)
    })
}

fn credentials(fields: &mut Fields<'_>) -> Parsed {
    if fields.byte()? != CREDENTIALS_VERSION {
        return fields.fail(SocksError::Credentials);
    }
    let user = fields.counted()?;
    if user.is_empty() {
        return fields.fail(SocksError::Credentials);
    }
    let password = fields.counted()?;
    if password.is_empty() {
        return fields.fail(SocksError::Credentials);
    }
    let password = if password == NO_PASSWORD { &[] } else { password };
    Some(args(&[user, password].concat()).map(Message::Credentials).map_err(SocksError::Args))
}

fn args(text: &[u8]) -> Result<Args, ArgsError> {
    Args::parse(str::from_utf8(text).map_err(|_| ArgsError::NotUtf8)?)
}

fn request(fields: &mut Fields<'_>) -> Parsed {
    let [version, command, reserved, address_type] = *fields.take(4)? else { return None };
    if version != VERSION || reserved != 0 {
        return fields.fail(SocksError::Request);
    }
    if command != CONNECT {
        return fields.fail(SocksError::Command(command));
    }
    let address = match address_type {
        1 => fields.take(4)?,
        3 => fields.counted()?,
        4 => fields.take(16)?,
        other => return fields.fail(SocksError::AddressType(other)),
    };
    let is_named = !address.is_empty();
    fields.take(2)?;
    Some(if is_named { Ok(Message::Request) } else { Err(SocksError::Request) })
}

#[cfg(test)]
mod tests;

//! The Extended ORPort handshake (ext-orport-spec.txt) as a step machine: no sockets here.
//!
//! ```text
//!   tor → server   types of authentication, 00
//!   server → tor   01 (SAFE_COOKIE), ClientNonce
//!   tor → server   ServerHash, ServerNonce
//!   server → tor   ClientHash
//!   tor → server   01
//!   server → tor   USERADDR (if known), TRANSPORT, DONE
//!   tor → server   OKAY
//! ```
//!
//! Each hash is an HMAC-SHA256 with the cookie as key, over a text, ClientNonce and ServerNonce.

use std::net::SocketAddr;

use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::error::{CookieError, ExtOrPortError};

/// The length of nonces, hashes and the cookie, in bytes.
pub const SECRET_LENGTH: usize = 32;

/// The length of a cookie file, in bytes.
pub const COOKIE_FILE_LENGTH: usize = COOKIE_HEADER.len() + SECRET_LENGTH;

const COOKIE_HEADER: &[u8; 32] = b"! Extended ORPort Auth Cookie !\n";
const SERVER_HASH_TEXT: &[u8] = b"ExtORPort authentication server-to-client hash";
const CLIENT_HASH_TEXT: &[u8] = b"ExtORPort authentication client-to-server hash";

const SAFE_COOKIE: u8 = 1;
const END_OF_TYPES: u8 = 0;
const MAX_TYPES: usize = 255;
const AUTHENTICATED: u8 = 1;

const DONE: u16 = 0x0000;
const USERADDR: u16 = 0x0001;
const TRANSPORT: u16 = 0x0002;
const OKAY: u16 = 0x1000;
const DENY: u16 = 0x1001;

/// The code and the length of a command.
const COMMAND_HEADER: usize = 4;

/// The secret that tor keeps in a file, for those who may read it.
#[derive(Clone)]
pub struct Cookie([u8; SECRET_LENGTH]);

impl Cookie {
    /// Reads the content of a cookie file.
    ///
    /// # Errors
    ///
    /// It is not exactly [`COOKIE_FILE_LENGTH`] bytes long, or has another header.
    pub fn parse(file: &[u8]) -> Result<Self, CookieError> {
        let (header, cookie) =
            file.split_at_checked(COOKIE_HEADER.len()).ok_or(CookieError::Length)?;
        let cookie = cookie.try_into().map_err(|_| CookieError::Length)?;
        if header == COOKIE_HEADER { Ok(Self(cookie)) } else { Err(CookieError::Header) }
    }
}

impl std::fmt::Debug for Cookie {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cookie(hidden)")
    }
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Read this many bytes, at least one, and step with them.
    NeedMore(usize),
    /// Send this, then step without bytes.
    Send(Vec<u8>),
    /// tor has taken the connection; everything after is the stream.
    Finished,
}

/// The transport's side of one handshake. It asks for exactly the bytes it needs, so none of the
/// stream is read by mistake.
#[derive(Debug)]
pub struct Handshake {
    cookie: Cookie,
    nonce: [u8; SECRET_LENGTH],
    /// What is said once tor is convinced.
    commands: Vec<u8>,
    state: State,
    /// What was received of the message that `state` waits for: at most 64 bytes.
    received: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Types { seen: usize, safe_cookie: bool },
    Challenge,
    Verdict,
    Command,
    Body { left: usize },
    Finished,
}

impl Handshake {
    /// Begins a handshake for a user at `user`, if that is known.
    ///
    /// `nonce` must be random and new for each handshake. `transport` is the transport's name.
    pub fn new(
        cookie: Cookie,
        nonce: [u8; SECRET_LENGTH],
        user: Option<SocketAddr>,
        transport: &str,
    ) -> Self {
        let mut commands = Vec::new();
        if let Some(user) = user {
            push_command(&mut commands, USERADDR, &user.to_string());
        }
        push_command(&mut commands, TRANSPORT, transport);
        push_command(&mut commands, DONE, "");
        let state = State::Types { seen: 0, safe_cookie: false };
        Self { cookie, nonce, commands, state, received: Vec::new() }
    }

    /// Takes bytes from tor: at most as many as were asked for, none at the start and after a
    /// [`Step::Send`].
    ///
    /// # Errors
    ///
    /// What tor did wrong, or that it will not have us. The connection is then to be closed.
    pub fn step(&mut self, received: &[u8]) -> Result<Step, ExtOrPortError> {
        self.received.extend_from_slice(received);
        let needed = self.state.needed();
        if self.received.len() < needed {
            return Ok(Step::NeedMore(needed - self.received.len()));
        }
        let message = std::mem::take(&mut self.received);
        let reply = self.advance(&message)?;
        Ok(match (reply, self.state.needed()) {
            (Some(reply), _) => Step::Send(reply),
            (None, 0) => Step::Finished,
            (None, needed) => Step::NeedMore(needed),
        })
    }

    /// Takes the message that the state waits for; returns what to send.
    fn advance(&mut self, message: &[u8]) -> Result<Option<Vec<u8>>, ExtOrPortError> {
        match self.state {
            State::Types { seen, safe_cookie } => {
                return self.take_type(message, seen, safe_cookie);
            }
            State::Challenge => {
                let reply = self.answer(message)?;
                self.state = State::Verdict;
                return Ok(Some(reply));
            }
            State::Verdict if message != [AUTHENTICATED] => return Err(ExtOrPortError::Refused),
            State::Verdict => {
                self.state = State::Command;
                return Ok(Some(std::mem::take(&mut self.commands)));
            }
            State::Command => self.state = command(message)?,
            State::Body { left } => self.state = State::after_body(left - message.len().min(left)),
            State::Finished => {}
        }
        Ok(None)
    }

    fn take_type(
        &mut self,
        message: &[u8],
        seen: usize,
        safe_cookie: bool,
    ) -> Result<Option<Vec<u8>>, ExtOrPortError> {
        if message == [END_OF_TYPES] {
            if !safe_cookie {
                return Err(ExtOrPortError::NoSafeCookie);
            }
            self.state = State::Challenge;
            return Ok(Some([&[SAFE_COOKIE], &self.nonce[..]].concat()));
        }
        if seen == MAX_TYPES {
            return Err(ExtOrPortError::TooManyTypes);
        }
        let safe_cookie = safe_cookie || message == [SAFE_COOKIE];
        self.state = State::Types { seen: seen + 1, safe_cookie };
        Ok(None)
    }

    /// Checks ServerHash, in constant time, and returns ClientHash.
    fn answer(&self, challenge: &[u8]) -> Result<Vec<u8>, ExtOrPortError> {
        let (hash, server_nonce) = challenge.split_at(SECRET_LENGTH);
        let expected = self.hmac(SERVER_HASH_TEXT, server_nonce);
        expected.verify_slice(hash).map_err(|_| ExtOrPortError::ServerHash)?;
        Ok(self.hmac(CLIENT_HASH_TEXT, server_nonce).finalize().into_bytes().to_vec())
    }

    fn hmac(&self, text: &[u8], server_nonce: &[u8]) -> Hmac<Sha256> {
        let mut key = sha2::digest::Key::<Hmac<Sha256>>::default();
        key[..SECRET_LENGTH].copy_from_slice(&self.cookie.0);
        let hmac = <Hmac<Sha256> as hmac::digest::KeyInit>::new(&key);
        hmac.chain_update(text).chain_update(self.nonce).chain_update(server_nonce)
    }
}

impl State {
    /// How many bytes to wait for; none when all is done.
    const fn needed(self) -> usize {
        match self {
            Self::Types { .. } | Self::Verdict => 1,
            Self::Challenge => 2 * SECRET_LENGTH,
            Self::Command => COMMAND_HEADER,
            // A body is thrown away as it comes.
            Self::Body { left } if left > 2 * SECRET_LENGTH => 2 * SECRET_LENGTH,
            Self::Body { left } => left,
            Self::Finished => 0,
        }
    }

    const fn after_body(left: usize) -> Self {
        if left == 0 { Self::Finished } else { Self::Body { left } }
    }
}

/// What follows tor's answer to our commands.
fn command(header: &[u8]) -> Result<State, ExtOrPortError> {
    let number = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
    match number(0) {
        OKAY => Ok(State::after_body(number(2).into())),
        DENY => Err(ExtOrPortError::Denied),
        other => Err(ExtOrPortError::UnexpectedCommand(other)),
    }
}

fn push_command(out: &mut Vec<u8>, code: u16, body: &str) {
    // Addresses and names of transports are far shorter than 65535 bytes.
    let body = &body.as_bytes()[..body.len().min(u16::MAX.into())];
    out.extend_from_slice(&code.to_be_bytes());
    out.extend_from_slice(&(body.len() as u16).to_be_bytes());
    out.extend_from_slice(body);
}

#[cfg(test)]
mod tests;

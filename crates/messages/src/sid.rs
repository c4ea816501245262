//! Session ids: a proxy's name for one poll, which its answer repeats.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use crate::SidError;
use crate::limits::MAX_SID;

/// A session id, chosen by the proxy, new for each poll; 1 to [`MAX_SID`] bytes of any text.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Sid(String);

impl Sid {
    /// The id that Go's proxies would make of these random bytes: base64 without `=`.
    pub fn from_random(bytes: [u8; 16]) -> Self {
        Self(STANDARD_NO_PAD.encode(bytes))
    }

    /// The id that a probe server puts into its answer, where it means nothing.
    pub(crate) fn stub() -> Self {
        Self("stub-sid".to_owned())
    }

    /// Takes an id from a peer.
    ///
    /// # Errors
    /// If it is empty or longer than [`MAX_SID`].
    pub fn parse(text: String) -> Result<Self, SidError> {
        match text.len() {
            0 => Err(SidError::Empty),
            1..=MAX_SID => Ok(Self(text)),
            _ => Err(SidError::TooLong),
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Sid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_of_sixteen_bytes() {
        // Wire format vector: bytes f0 to ff.
        let bytes = std::array::from_fn(|i| 0xf0 + i as u8);
        assert_eq!(Sid::from_random(bytes).as_str(), "8PHy8/T19vf4+fr7/P3+/w");
    }

    #[test]
    fn bounded() {
        assert_eq!(Sid::parse(String::new()), Err(SidError::Empty));
        assert!(Sid::parse("x".repeat(MAX_SID)).is_ok());
        assert_eq!(Sid::parse("x".repeat(MAX_SID + 1)), Err(SidError::TooLong));
    }
}

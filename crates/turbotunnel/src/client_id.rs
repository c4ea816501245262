//! The name of a session.

use std::fmt;

/// Eight random bytes that name a session to the server on every carrier.
///
/// It is all that ties a new carrier to an old session, so whoever knows it can join the session: a bearer secret.
/// Neither `Debug` nor a log shows it; [`to_hex`](Self::to_hex) is the explicit way to its text.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId([u8; Self::LEN]);

impl ClientId {
    /// Its size on the wire in bytes.
    pub const LEN: usize = 8;

    /// A new one from the operating system's generator.
    ///
    /// # Panics
    ///
    /// If the operating system has no randomness to give, in which case nothing else would be safe either.
    pub fn random() -> Self {
        let mut bytes = [0; Self::LEN];
        getrandom::fill(&mut bytes).expect("the operating system provides randomness");
        Self(bytes)
    }

    /// The one that came over the wire as these bytes.
    pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// Its bytes as they go over the wire.
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// Its text form, 16 lower-case hex digits, as Go's logs show it.
    pub fn to_hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Debug for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientId([scrubbed])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_ids_differ_and_debug_hides_them() {
        let (a, b) = (ClientId::random(), ClientId::random());
        assert_ne!(a, b);
        assert!(!format!("{a:?}").contains(&a.to_hex()));
        assert_eq!(ClientId::from_bytes([0, 1, 2, 3, 4, 5, 6, 0xf7]).to_hex(), "00010203040506f7");
    }
}

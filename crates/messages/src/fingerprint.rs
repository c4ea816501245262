//! Bridge fingerprints.

use std::fmt;
use std::str::FromStr;

use crate::FingerprintError;

/// The identity of a bridge, as Bridge lines name it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fingerprint {
    /// SHA-1 of the bridge's RSA identity key.
    Rsa([u8; 20]),
    /// The bridge's Ed25519 identity key.
    Ed25519([u8; 32]),
}

impl Fingerprint {
    /// The bridge meant by clients that name none: `2B280B23E1107BB62ABFC40DDCC8824814F80A72`.
    pub const DEFAULT: Fingerprint = Fingerprint::Rsa([
        0x2b, 0x28, 0x0b, 0x23, 0xe1, 0x10, 0x7b, 0xb6, 0x2a, 0xbf, 0xc4, 0x0d, 0xdc, 0xc8, 0x82,
        0x48, 0x14, 0xf8, 0x0a, 0x72,
    ]);

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8] {
        match self {
            Fingerprint::Rsa(bytes) => bytes,
            Fingerprint::Ed25519(bytes) => bytes,
        }
    }
}

impl Default for Fingerprint {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    /// Reads hex in any case.
    fn from_str(hex: &str) -> Result<Self, FingerprintError> {
        let mut bytes = [0; 32];
        let bytes = bytes.get_mut(..hex.len() / 2).ok_or(FingerprintError)?;
        hex::decode_to_slice(hex, bytes).map_err(|_| FingerprintError)?;
        if let Ok(bytes) = <[u8; 20]>::try_from(&*bytes) {
            return Ok(Fingerprint::Rsa(bytes));
        }
        <[u8; 32]>::try_from(&*bytes).map(Fingerprint::Ed25519).map_err(|_| FingerprintError)
    }
}

impl fmt::Display for Fingerprint {
    /// Upper-case hex, as Go's clients send it.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().iter().try_for_each(|byte| write!(formatter, "{byte:02X}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_of_20_or_32_bytes_in_any_case() {
        const DEFAULT: &str = "2B280B23E1107BB62ABFC40DDCC8824814F80A72";
        assert_eq!(DEFAULT.parse(), Ok(Fingerprint::DEFAULT));
        assert_eq!(DEFAULT.to_lowercase().parse(), Ok(Fingerprint::DEFAULT));
        assert_eq!(Fingerprint::DEFAULT.to_string(), DEFAULT);
        assert_eq!("ab".repeat(32).parse(), Ok(Fingerprint::Ed25519([0xab; 32])));
    }

    #[test]
    fn everything_else_is_refused() {
        for bad in [
            "",
            "2B",
            "zz",
            "é",
            &"ab".repeat(19),
            &"ab".repeat(21),
            &"a".repeat(41),
            &"ab".repeat(33),
            &"xy".repeat(20),
        ] {
            assert_eq!(bad.parse::<Fingerprint>(), Err(FingerprintError), "{bad}");
        }
    }
}

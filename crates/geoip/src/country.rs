use std::fmt;

use tor_geoip::CountryCode;

/// A country, or none that is known.
///
/// The default, and what `Display` writes as `??`, is an unknown country. In the order of the
/// letters, the unknown one first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Country([u8; 2]);

impl Country {
    /// No country that is known.
    pub const UNKNOWN: Country = Country(*b"??");

    /// The two letters of ISO 3166-1 in upper case, or `??`.
    pub fn as_str(&self) -> &str {
        // A code is two characters of ASCII.
        std::str::from_utf8(&self.0).unwrap_or("??")
    }
}

impl Default for Country {
    fn default() -> Self {
        Self::UNKNOWN
    }
}

impl From<&CountryCode> for Country {
    fn from(code: &CountryCode) -> Self {
        code.get().as_bytes().try_into().map_or(Self::UNKNOWN, Self)
    }
}

impl fmt::Display for Country {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

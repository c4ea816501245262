//! The words of `-covertdtls-config` and `-covertdtls-fingerprint`, as client and proxy have them.

use std::fmt;

/// Whose DTLS handshake is wished for. No program here can imitate one: that is said, and connections are made all the same.
///
/// ```
/// use snowflake_cli::CovertDtls;
///
/// let wish = CovertDtls::wish("mimic", "").unwrap();
/// assert!(wish.refusal().starts_with("covertdtls-config=mimic has no effect"));
/// assert_eq!(CovertDtls::wish("disable", ""), None);
///
/// let misspelt = CovertDtls::wish("mimick", "").unwrap();
/// assert!(misspelt.refusal().starts_with("covertdtls-config is none of mimic, "));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CovertDtls {
    /// `mimic`: a handshake that was recorded.
    Mimic,
    /// `randomize`: a handshake in random order.
    Randomize,
    /// `randomizemimic`: both.
    RandomizeMimic,
    /// A fingerprint was given: that handshake.
    Fingerprint,
    /// A word that nobody knows: none.
    Unknown,
}

impl CovertDtls {
    /// What the two values ask for. A fingerprint comes first; an empty word and `disable` ask for nothing.
    pub fn wish(config: &str, fingerprint: &str) -> Option<Self> {
        if !fingerprint.is_empty() {
            return Some(Self::Fingerprint);
        }
        match config {
            "mimic" => Some(Self::Mimic),
            "randomize" => Some(Self::Randomize),
            "randomizemimic" => Some(Self::RandomizeMimic),
            "" | "disable" => None,
            _ => Some(Self::Unknown),
        }
    }

    /// What to say of the wish, without a full stop.
    pub fn refusal(self) -> String {
        match self {
            Self::Unknown => {
                format!("{self} is none of mimic, randomize, randomizemimic, disable; it is off")
            }
            known => format!("{known} has no effect in this build; going on without it"),
        }
    }
}

impl fmt::Display for CovertDtls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mimic => "covertdtls-config=mimic",
            Self::Randomize => "covertdtls-config=randomize",
            Self::RandomizeMimic => "covertdtls-config=randomizemimic",
            Self::Fingerprint => "covertdtls-fingerprint",
            Self::Unknown => "covertdtls-config",
        })
    }
}

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
}

impl CovertDtls {
    /// What the two values ask for. A fingerprint comes first; an empty word, `disable` and a word that nobody knows ask
    /// for nothing, the last with a warning in the log.
    pub fn wish(config: &str, fingerprint: &str) -> Option<Self> {
        if !fingerprint.is_empty() {
            return Some(Self::Fingerprint);
        }
        match config {
            "mimic" => Some(Self::Mimic),
            "randomize" => Some(Self::Randomize),
            "randomizemimic" => Some(Self::RandomizeMimic),
            "" | "disable" => None,
            _ => {
                tracing::warn!(
                    "covertdtls-config is none of mimic, randomize, randomizemimic, disable; it is off"
                );
                None
            }
        }
    }

    /// What to say of the wish, without a full stop.
    pub fn refusal(self) -> String {
        format!("{self} has no effect in this build; going on without it")
    }
}

impl fmt::Display for CovertDtls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mimic => "covertdtls-config=mimic",
            Self::Randomize => "covertdtls-config=randomize",
            Self::RandomizeMimic => "covertdtls-config=randomizemimic",
            Self::Fingerprint => "covertdtls-fingerprint",
        })
    }
}

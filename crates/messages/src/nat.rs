//! NAT types, and which proxies may serve which clients.

use std::fmt;
use std::str::FromStr;

use crate::NatError;

/// What a client's or proxy's NAT lets through.
///
/// Two vocabularies are in use. The old one (`restricted`, `unrestricted`) is what deployed peers
/// send; the new one (`open`, `moderate`, `strict`) is newer than Snowflake 2.14.1, whose broker
/// refuses it. Everything here accepts all six words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum NatType {
    /// Not tested, or the test failed.
    #[default]
    Unknown,
    /// Old word for a mapping that depends on the destination (or, at a proxy, a failed probe).
    Restricted,
    /// Old word for anything better.
    Unrestricted,
    /// Mapping and filtering do not depend on the destination.
    Open,
    /// Only filtering depends on the destination.
    Moderate,
    /// Mapping depends on the destination.
    Strict,
}

/// A broker's pool of waiting proxies, by what their NATs let through.
///
/// With old words only, [`Moderate`](Pool::Moderate) stays empty and the other two are the two
/// pools of Snowflake 2.14.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pool {
    /// Proxies that can serve every client.
    Open,
    /// Proxies that can serve all but clients behind strict NATs.
    Moderate,
    /// Proxies that can serve only clients behind open NATs, and those that do not know their NAT.
    Strict,
}

impl Pool {
    /// All pools, the most useful first.
    pub const ALL: [Pool; 3] = [Pool::Open, Pool::Moderate, Pool::Strict];
}

impl NatType {
    /// All types, in the order in which a broker's debug page lists them.
    pub const ALL: [NatType; 6] = [
        NatType::Restricted,
        NatType::Unrestricted,
        NatType::Strict,
        NatType::Moderate,
        NatType::Open,
        NatType::Unknown,
    ];

    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            NatType::Unknown => "unknown",
            NatType::Restricted => "restricted",
            NatType::Unrestricted => "unrestricted",
            NatType::Open => "open",
            NatType::Moderate => "moderate",
            NatType::Strict => "strict",
        }
    }

    /// The pool in which a proxy with this NAT waits.
    pub const fn pool(self) -> Pool {
        match self {
            NatType::Open | NatType::Unrestricted => Pool::Open,
            NatType::Moderate => Pool::Moderate,
            NatType::Strict | NatType::Restricted | NatType::Unknown => Pool::Strict,
        }
    }

    /// The pools whose proxies can serve a client with this NAT, the least useful to others first.
    pub const fn usable_pools(self) -> &'static [Pool] {
        match self {
            NatType::Open | NatType::Unrestricted => &[Pool::Strict, Pool::Moderate, Pool::Open],
            NatType::Moderate => &[Pool::Moderate, Pool::Open],
            NatType::Strict | NatType::Restricted | NatType::Unknown => &[Pool::Open],
        }
    }
}

impl fmt::Display for NatType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for NatType {
    type Err = NatError;

    /// Reads a word; the empty one means unknown, as in all messages.
    fn from_str(word: &str) -> Result<Self, NatError> {
        if word.is_empty() {
            return Ok(NatType::Unknown);
        }
        NatType::ALL.into_iter().find(|nat| nat.as_str() == word).ok_or(NatError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_words_and_the_empty_one() {
        for nat in NatType::ALL {
            assert_eq!(nat.to_string().parse(), Ok(nat));
        }
        assert_eq!("".parse(), Ok(NatType::Unknown));
        for bad in ["Unknown", "symmetric", " open", "unrestricted\n"] {
            assert_eq!(bad.parse::<NatType>(), Err(NatError), "{bad:?}");
        }
    }

    #[test]
    fn old_words_pair_as_with_two_pools() {
        // Wire format vectors: an unrestricted client gets restricted proxies first; all others
        // only unrestricted ones.
        assert_eq!(NatType::Unrestricted.pool(), Pool::Open);
        assert_eq!(NatType::Restricted.pool(), Pool::Strict);
        assert_eq!(NatType::Unknown.pool(), Pool::Strict);
        assert_eq!(NatType::Unrestricted.usable_pools().first(), Some(&Pool::Strict));
        assert_eq!(NatType::Unrestricted.usable_pools().last(), Some(&Pool::Open));
        for nat in [NatType::Restricted, NatType::Unknown, NatType::Strict] {
            assert_eq!(nat.usable_pools(), [Pool::Open], "{nat}");
        }
    }

    #[test]
    fn new_words_pair_as_with_three_pools() {
        assert_eq!(NatType::Open.usable_pools(), [Pool::Strict, Pool::Moderate, Pool::Open]);
        assert_eq!(NatType::Moderate.usable_pools(), [Pool::Moderate, Pool::Open]);
        assert_eq!(
            [NatType::Open, NatType::Moderate, NatType::Strict].map(NatType::pool),
            Pool::ALL
        );
    }
}

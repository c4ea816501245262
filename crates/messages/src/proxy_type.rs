//! Kinds of proxies, for statistics.

use std::fmt;

/// What a proxy says it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ProxyType {
    /// The program that volunteers run.
    Standalone,
    /// The browser extension.
    Webext,
    /// The browser page with a badge.
    Badge,
    /// The library in phone apps.
    IptProxy,
    /// The Bloco app.
    Bloco,
    /// Everything else: projects that embed a proxy may send their own word.
    #[default]
    Unknown,
}

impl ProxyType {
    /// The types that brokers count apart.
    pub const KNOWN: [ProxyType; 5] = [
        ProxyType::Standalone,
        ProxyType::Webext,
        ProxyType::Badge,
        ProxyType::IptProxy,
        ProxyType::Bloco,
    ];

    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            ProxyType::Standalone => "standalone",
            ProxyType::Webext => "webext",
            ProxyType::Badge => "badge",
            ProxyType::IptProxy => "iptproxy",
            ProxyType::Bloco => "bloco",
            ProxyType::Unknown => "unknown",
        }
    }

    /// Reads a word; every word that is not known means [`Unknown`](ProxyType::Unknown).
    pub fn from_word(word: &str) -> Self {
        Self::KNOWN.into_iter().find(|known| known.as_str() == word).unwrap_or_default()
    }
}

impl fmt::Display for ProxyType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_words_are_not_refused() {
        for known in ProxyType::KNOWN {
            assert_eq!(ProxyType::from_word(known.as_str()), known);
        }
        for other in ["", "unknown", "Standalone", "iptproxy-ios/arm64"] {
            assert_eq!(ProxyType::from_word(other), ProxyType::Unknown, "{other}");
        }
    }
}

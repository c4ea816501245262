//! The bridges that clients may ask for.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Deserialize;
use snowflake_messages::{Fingerprint, FingerprintError};
use url::Url;

use crate::limits::MAX_BRIDGE_LINE;

/// The relay of [`Fingerprint::DEFAULT`].
const DEFAULT_RELAY: &str = "wss://snowflake.torproject.net/";

/// Where proxies connect to, for each bridge.
///
/// The default list has the one bridge that clients mean when they name none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BridgeList(HashMap<Fingerprint, Arc<str>>);

/// Why a bridge list is refused, as a whole.
#[derive(Debug, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct BridgeListError {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong there.
    pub problem: BridgeProblem,
}

/// What is wrong with one line of a bridge list.
#[derive(Debug, thiserror::Error)]
pub enum BridgeProblem {
    /// Empty lines are not allowed, except that the last line may end in a line feed.
    #[error("empty")]
    Empty,
    /// Longer than 64 KiB.
    #[error("longer than 64 KiB")]
    TooLong,
    /// Not one JSON object with just the keys displayName, webSocketAddress and fingerprint.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    /// Not the hex of 20 or 32 bytes.
    #[error(transparent)]
    Fingerprint(#[from] FingerprintError),
    /// Not a URL.
    #[error("webSocketAddress is not a URL: {0}")]
    Url(#[from] url::ParseError),
    /// No proxy could connect to it.
    #[error("webSocketAddress is neither ws: nor wss:")]
    Scheme,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Line {
    #[serde(default, rename = "displayName")]
    _display_name: Option<String>,
    web_socket_address: String,
    fingerprint: String,
}

impl BridgeList {
    /// Reads a list of one JSON object a line. Of two lines with the same fingerprint the last one
    /// counts.
    ///
    /// # Errors
    /// Names the first bad line; nothing of the list is used then.
    pub fn parse(text: &str) -> Result<Self, BridgeListError> {
        let numbered = text.lines().zip(1..);
        let bridges = numbered.map(|(text, line)| {
            parse_line(text).map_err(|problem| BridgeListError { line, problem })
        });
        bridges.collect::<Result<_, _>>().map(Self)
    }

    /// The list with one bridge.
    pub fn single(fingerprint: Fingerprint, relay_url: &str) -> Self {
        Self(HashMap::from([(fingerprint, Arc::from(relay_url))]))
    }

    /// The relay of a bridge.
    pub fn relay_url(&self, bridge: &Fingerprint) -> Option<Arc<str>> {
        self.0.get(bridge).cloned()
    }
}

impl Default for BridgeList {
    fn default() -> Self {
        Self::single(Fingerprint::DEFAULT, DEFAULT_RELAY)
    }
}

fn parse_line(text: &str) -> Result<(Fingerprint, Arc<str>), BridgeProblem> {
    match text.len() {
        0 => return Err(BridgeProblem::Empty),
        1..MAX_BRIDGE_LINE => {}
        _ => return Err(BridgeProblem::TooLong),
    }
    // As with Go, only the first value of a line counts.
    let line = Line::deserialize(&mut serde_json::Deserializer::from_str(text))?;
    let fingerprint = line.fingerprint.parse()?;
    match Url::parse(&line.web_socket_address)?.scheme() {
        "ws" | "wss" => Ok((fingerprint, line.web_socket_address.into())),
        _ => Err(BridgeProblem::Scheme),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Wire format vector: the default list.
    const DEFAULT: &str = r#"{"displayName":"default", "webSocketAddress":"wss://snowflake.torproject.net/", "fingerprint":"2B280B23E1107BB62ABFC40DDCC8824814F80A72"}"#;

    #[test]
    fn default_is_the_line_it_should_be() {
        assert_eq!(BridgeList::parse(DEFAULT).unwrap(), BridgeList::default());
        assert_eq!(
            BridgeList::parse(&format!("{DEFAULT} trailing\n")).unwrap(),
            BridgeList::default()
        );
    }

    #[test]
    fn several_bridges_and_the_last_of_two() {
        let second = DEFAULT.replace("2B280B", "ABCDEF").replace("snowflake.", "02.snowflake.");
        let again = DEFAULT.replace("snowflake.", "new.snowflake.");
        let list = BridgeList::parse(&format!("{DEFAULT}\n{second}\r\n{again}\n")).unwrap();
        assert_eq!(
            list.relay_url(&Fingerprint::DEFAULT).as_deref(),
            Some("wss://new.snowflake.torproject.net/")
        );
        let second = "ABCDEF23E1107BB62ABFC40DDCC8824814F80A72".parse().unwrap();
        assert_eq!(list.relay_url(&second).as_deref(), Some("wss://02.snowflake.torproject.net/"));
        assert_eq!(list.relay_url(&Fingerprint::Ed25519([0; 32])), None);
    }

    #[test]
    fn one_bad_line_refuses_the_list_and_is_named() {
        let long = DEFAULT.replace("default", &"x".repeat(MAX_BRIDGE_LINE));
        for (bad, expected) in [
            ("", "line 2: empty"),
            (long.as_str(), "line 2: longer than 64 KiB"),
            ("{", "line 2: EOF while parsing an object at line 1 column 1"),
            (&DEFAULT.replace("displayName", "name"), "line 2: unknown field `name`"),
            (
                &DEFAULT.replace("\"wss:", "\"https:"),
                "line 2: webSocketAddress is neither ws: nor wss:",
            ),
            (&DEFAULT.replace("\"wss:", "\""), "line 2: webSocketAddress is not a URL"),
            (&DEFAULT.replace("2B280B", "2B280"), "line 2: cannot decode fingerprint"),
            (&DEFAULT.replace("2B280B", "2B28"), "line 2: cannot decode fingerprint"),
            (
                r#"{"displayName":"x","webSocketAddress":"wss://x/"}"#,
                "line 2: missing field `fingerprint`",
            ),
        ] {
            let error =
                BridgeList::parse(&format!("{DEFAULT}\n{bad}\n{DEFAULT}")).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}

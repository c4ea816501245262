//! The `key=value;…` of bridge lines, and the escapes that tor's lists share.

use std::fmt;

use crate::error::ArgsError;

/// The arguments of one connection, in the order in which they were given.
///
/// In text they are `key=value` with `;` between them. A backslash makes the character after it an
/// ordinary one, so that keys may hold `=` and both may hold `;`. No text means no arguments.
///
/// ```
/// let args = snowflake_pt::Args::parse(r"url=https://b.example/;front=a\;b;url=ignored")?;
/// assert_eq!(args.get("url"), Some("https://b.example/"));
/// assert_eq!(args.get("front"), Some("a;b"));
/// assert_eq!(args.get("ice"), None);
/// # Ok::<(), snowflake_pt::error::ArgsError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Args(Vec<(String, String)>);

impl Args {
    /// Reads arguments as they come from SOCKS: `a=b;c=d`.
    ///
    /// # Errors
    ///
    /// A part without `=` or without a key, also an empty part, or a backslash at the very end.
    pub fn parse(text: &str) -> Result<Self, ArgsError> {
        let mut args = Self::default();
        let mut rest = Some(text).filter(|text| !text.is_empty());
        while let Some(text) = rest {
            let (key, value, after) = pair(text)?;
            args.push(key, value);
            rest = after;
        }
        Ok(args)
    }

    /// The first value of `key`.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.iter().find(|(other, _)| *other == key).map(|(_, value)| value)
    }

    /// Adds a value after those that `key` has.
    pub fn push(&mut self, key: impl Into<String>, value: impl Into<String>) {
        self.0.push((key.into(), value.into()));
    }

    /// All keys with their values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The form of an SMETHOD line: `a=b,c=d`, sorted by key.
    pub(crate) fn smethod_text(&self) -> String {
        let mut sorted: Vec<_> = self.iter().collect();
        // Stable: several values of one key keep their order.
        sorted.sort_by_key(|(key, _)| *key);
        join(sorted.into_iter(), ',')
    }
}

/// The form of SOCKS, which [`Args::parse`] reads.
impl fmt::Display for Args {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&join(self.iter(), ';'))
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Args {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
    }
}

/// Reads TOR_PT_SERVER_TRANSPORT_OPTIONS, `transport:key=value;…`: each option with its transport.
pub(crate) fn server_options(text: &str) -> Result<Vec<(String, String, String)>, ArgsError> {
    let mut options = Vec::new();
    let mut rest = Some(text).filter(|text| !text.is_empty());
    while let Some(text) = rest {
        let (transport, end, after) = token(text, &[':', ';', '='])?;
        if end != Some(':') || transport.is_empty() {
            return Err(ArgsError::NoTransport);
        }
        let (key, value, after) = pair(after)?;
        options.push((transport, key, value));
        rest = after;
    }
    Ok(options)
}

/// The first key and value, and what follows their semicolon if there is one.
fn pair(text: &str) -> Result<(String, String, Option<&str>), ArgsError> {
    let (key, end, rest) = token(text, &['=', ';'])?;
    if end == Some('=') && key.is_empty() {
        return Err(ArgsError::EmptyKey);
    }
    if end != Some('=') {
        return Err(ArgsError::NoEquals);
    }
    let (value, end, rest) = token(rest, &[';'])?;
    Ok((key, value, end.map(|_| rest)))
}

/// The text up to the first of `ends` that is not escaped, that character, and what follows it.
fn token<'a>(text: &'a str, ends: &[char]) -> Result<(String, Option<char>, &'a str), ArgsError> {
    let mut token = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => token.push(characters.next().ok_or(ArgsError::DanglingEscape)?),
            end if ends.contains(&end) => return Ok((token, Some(end), characters.as_str())),
            other => token.push(other),
        }
    }
    Ok((token, None, ""))
}

fn join<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>, separator: char) -> String {
    let mut text = String::new();
    for (key, value) in pairs {
        if !text.is_empty() {
            text.push(separator);
        }
        escape(key, separator, &mut text);
        text.push('=');
        escape(value, separator, &mut text);
    }
    text
}

fn escape(text: &str, separator: char, out: &mut String) {
    for character in text.chars() {
        if character == '\\' || character == '=' || character == separator {
            out.push('\\');
        }
        out.push(character);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn args(pairs: &[(&str, &str)]) -> Args {
        pairs.iter().copied().collect()
    }

    /// The table that the Go library's rules give.
    #[test]
    fn as_the_go_client_reads_them() {
        assert_eq!(Args::parse(""), Ok(Args::default()));
        assert_eq!(Args::parse("a=b;c=d"), Ok(args(&[("a", "b"), ("c", "d")])));
        assert_eq!(Args::parse(r"a\=b=c\;d\\e"), Ok(args(&[("a=b", r"c;d\e")])));
        assert_eq!(Args::parse("a=b=c"), Ok(args(&[("a", "b=c")])));
        assert_eq!(Args::parse("a=b;a=c").unwrap().get("a"), Some("b"));
        assert_eq!(Args::parse("a="), Ok(args(&[("a", "")])));
        for (text, error) in [
            ("a", ArgsError::NoEquals),
            ("=b", ArgsError::EmptyKey),
            ("a=b;", ArgsError::NoEquals),
            (";a=b", ArgsError::NoEquals),
            ("a;b=c", ArgsError::NoEquals),
            ("a=b\\", ArgsError::DanglingEscape),
            ("a\\", ArgsError::DanglingEscape),
        ] {
            assert_eq!(Args::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn smethod_arguments_are_sorted_and_escaped() {
        let tls = args(&[("tls", "yes"), ("hostname", "b.example"), ("hostname", "a.example")]);
        assert_eq!(tls.smethod_text(), "hostname=b.example,hostname=a.example,tls=yes");
        assert_eq!(args(&[("a=,", r"\;")]).smethod_text(), r"a\=\,=\\;");
    }

    #[test]
    fn server_options_carry_their_transport() {
        let option = |t: &str, k: &str, v: &str| (t.to_owned(), k.to_owned(), v.to_owned());
        assert_eq!(
            server_options(
                "snowflake:num-turbotunnel=2;snowflake:orport-srcaddr=127.0.2.0/24;b:c="
            ),
            Ok(vec![
                option("snowflake", "num-turbotunnel", "2"),
                option("snowflake", "orport-srcaddr", "127.0.2.0/24"),
                option("b", "c", ""),
            ])
        );
        assert_eq!(server_options(""), Ok(vec![]));
        assert_eq!(server_options(r"a\:b:c=d:e"), Ok(vec![option("a:b", "c", "d:e")]));
        for (text, error) in [
            ("a=b", ArgsError::NoTransport),
            (":a=b", ArgsError::NoTransport),
            ("a", ArgsError::NoTransport),
            ("a:b", ArgsError::NoEquals),
            ("a:=b", ArgsError::EmptyKey),
            ("a:b=c;", ArgsError::NoTransport),
            ("a:b=\\", ArgsError::DanglingEscape),
        ] {
            assert_eq!(server_options(text), Err(error), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_was_written_reads_back(
            pairs in prop::collection::vec(("[a=;\\\\,é]{1,5}", "[b=;\\\\,: ]{0,5}"), 0..5),
        ) {
            let args: Args = pairs.into_iter().collect();
            prop_assert_eq!(Args::parse(&args.to_string()), Ok(args));
        }

        #[test]
        fn any_text_is_taken(text in "[ab=;:\\\\]{0,20}|\\PC{0,20}") {
            if let Ok(args) = Args::parse(&text) {
                prop_assert_eq!(Args::parse(&args.to_string()), Ok(args));
            }
            let _ = server_options(&text);
        }
    }
}

//! Reads the few keys of one JSON object that a message needs, with the leniency of Go's decoder.

use std::fmt;

use serde::Serialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
use serde_json::error::Category;

use crate::JsonError;

/// How keys of the text are compared with those we look for.
#[derive(Clone, Copy)]
pub(crate) enum Case {
    /// As Go fills a struct.
    Ignored,
    /// As Go fills a map.
    Exact,
}

/// The values found for `N` keys.
pub(crate) struct Object<const N: usize> {
    keys: [&'static str; N],
    values: [Option<Value>; N],
}

/// Reads one object (or `null`, an object without keys) that makes up the whole of `json`.
pub(crate) fn read<const N: usize>(
    json: &[u8],
    keys: [&'static str; N],
    case: Case,
) -> Result<Object<N>, JsonError> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let values = Wanted { keys: &keys, case }
        .deserialize(&mut deserializer)
        .map_err(|error| explain(&error))?;
    deserializer.end().map_err(|error| explain(&error))?;
    Ok(Object { keys, values })
}

/// Writes a message. Our messages hold only strings, numbers and options of them, for which this
/// cannot fail.
pub(crate) fn write(message: &impl Serialize) -> String {
    serde_json::to_string(message).expect("strings and numbers can always be written")
}

impl<const N: usize> Object<N> {
    /// The value of `key`, `null` included; each can be taken once.
    pub(crate) fn take(&mut self, key: &str) -> Option<Value> {
        let index = self.keys.iter().position(|known| *known == key)?;
        self.values[index].take()
    }

    /// The string of `key`; `None` if absent or `null`.
    pub(crate) fn optional_string(
        &mut self,
        key: &'static str,
    ) -> Result<Option<String>, JsonError> {
        match self.take(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(string)) => Ok(Some(string)),
            Some(_) => Err(JsonError::NotAString(key)),
        }
    }

    /// The string of `key`; empty if absent or `null`.
    pub(crate) fn string(&mut self, key: &'static str) -> Result<String, JsonError> {
        Ok(self.optional_string(key)?.unwrap_or_default())
    }

    /// The whole number of `key`; 0 if absent or `null`.
    pub(crate) fn integer(&mut self, key: &'static str) -> Result<i64, JsonError> {
        match self.take(key) {
            None | Some(Value::Null) => Ok(0),
            Some(value) => value.as_i64().ok_or(JsonError::NotAnInteger(key)),
        }
    }
}

fn explain(error: &serde_json::Error) -> JsonError {
    match error.classify() {
        Category::Eof => JsonError::Truncated,
        Category::Data => JsonError::NotAnObject,
        Category::Syntax | Category::Io => {
            JsonError::Malformed { line: error.line(), column: error.column() }
        }
    }
}

struct Wanted<'k, const N: usize> {
    keys: &'k [&'static str; N],
    case: Case,
}

impl<const N: usize> Wanted<'_, N> {
    fn index(&self, key: &str) -> Option<usize> {
        self.keys.iter().position(|known| match self.case {
            Case::Ignored => known.eq_ignore_ascii_case(key),
            Case::Exact => *known == key,
        })
    }
}

impl<'de, const N: usize> DeserializeSeed<'de> for Wanted<'_, N> {
    type Value = [Option<Value>; N];

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, const N: usize> Visitor<'de> for Wanted<'_, N> {
    type Value = [Option<Value>; N];

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok([const { None }; N])
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut values = [const { None }; N];
        while let Some(key) = map.next_key::<String>()? {
            match self.index(&key) {
                Some(index) => values[index] = Some(map.next_value()?),
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sid(json: &str) -> Result<String, JsonError> {
        read(json.as_bytes(), ["Sid", "Other"], Case::Ignored)?.string("Sid")
    }

    #[test]
    fn tolerates_what_gos_decoder_tolerates() {
        for (json, expected) in [
            (r#"{"Sid":"x"}"#, "x"),
            (r#"{"sid":"x"}"#, "x"),
            (r#"{"SID":"x","unknown":[{"Sid":"y"}]}"#, "x"),
            (r#"{"Sid":"x","sID":"y"}"#, "y"),
            (r#"{"Sid":null}"#, ""),
            ("{}", ""),
            ("null", ""),
            (" \r\n\t{ } \n", ""),
        ] {
            assert_eq!(sid(json).as_deref(), Ok(expected), "{json}");
        }
    }

    #[test]
    fn refuses_what_gos_decoder_refuses() {
        for (json, expected) in [
            ("", JsonError::Truncated),
            (r#"{"Sid":"x""#, JsonError::Truncated),
            (r#"{"Sid":"x"}}"#, JsonError::Malformed { line: 1, column: 12 }),
            (r#"{"Sid":"x"} {}"#, JsonError::Malformed { line: 1, column: 13 }),
            (r#"{"Sid":"x",}"#, JsonError::Malformed { line: 1, column: 12 }),
            (r#"{"unknown":tru}"#, JsonError::Malformed { line: 1, column: 15 }),
            (r#"["Sid"]"#, JsonError::NotAnObject),
            (r#""Sid""#, JsonError::NotAnObject),
            (r#"{"Sid":1}"#, JsonError::NotAString("Sid")),
            (r#"{"Sid":{"a":"x"}}"#, JsonError::NotAString("Sid")),
        ] {
            assert_eq!(sid(json), Err(expected), "{json}");
        }
    }

    #[test]
    fn integers_are_whole_and_fit_64_bits() {
        let read = |number: &str| {
            read(format!(r#"{{"n":{number}}}"#).as_bytes(), ["n"], Case::Ignored)?.integer("n")
        };
        assert_eq!(read("24"), Ok(24));
        assert_eq!(read("-1"), Ok(-1));
        assert_eq!(read("null"), Ok(0));
        assert_eq!(read("9223372036854775807"), Ok(i64::MAX));
        for bad in ["24.5", "24.0", "9223372036854775808", "\"24\"", "true", "[]"] {
            assert_eq!(read(bad), Err(JsonError::NotAnInteger("n")), "{bad}");
        }
    }

    #[test]
    fn exact_case_is_exact() {
        let mut object =
            read(br#"{"Type":"offer","sdp":""}"#, ["type", "sdp"], Case::Exact).unwrap();
        assert_eq!(object.take("type"), None);
        assert_eq!(object.take("sdp"), Some(Value::String(String::new())));
        assert_eq!(object.take("sdp"), None, "taken");
    }

    #[test]
    fn deep_nesting_is_an_error_and_not_a_stack_overflow() {
        let deep = format!(r#"{{"Sid":{}"#, "[".repeat(90_000));
        assert!(sid(&deep).is_err());
        let deep = format!(r#"{{"unknown":{}"#, "[".repeat(90_000));
        assert!(sid(&deep).is_err());
    }
}

//! The JSON form of an offer or answer, `{"type":"offer","sdp":"v=0\r\n..."}`, which travels as a
//! string within other messages.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::{DescriptionError, json};

/// What a session description is; the four of WebRTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SdpType {
    /// The client's.
    Offer,
    /// Provisional; nobody in Snowflake sends it.
    Pranswer,
    /// The proxy's.
    Answer,
    /// Nobody in Snowflake sends it.
    Rollback,
}

impl SdpType {
    const ALL: [SdpType; 4] =
        [SdpType::Offer, SdpType::Pranswer, SdpType::Answer, SdpType::Rollback];

    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            SdpType::Offer => "offer",
            SdpType::Pranswer => "pranswer",
            SdpType::Answer => "answer",
            SdpType::Rollback => "rollback",
        }
    }
}

/// A session description, read. Its `Debug` form hides the SDP, which holds addresses.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionDescription {
    /// Offer or answer.
    pub kind: SdpType,
    /// The SDP text, lines ended by CRLF.
    pub sdp: String,
}

/// A serialised session description that is known to be well formed; passed on byte for byte. Its
/// `Debug` form hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct DescriptionText(String);

impl SessionDescription {
    /// An offer.
    pub fn offer(sdp: impl Into<String>) -> Self {
        Self { kind: SdpType::Offer, sdp: sdp.into() }
    }

    /// An answer.
    pub fn answer(sdp: impl Into<String>) -> Self {
        Self { kind: SdpType::Answer, sdp: sdp.into() }
    }

    /// Serialises.
    pub fn to_text(&self) -> DescriptionText {
        #[derive(Serialize)]
        struct Wire<'a> {
            r#type: &'static str,
            sdp: &'a str,
        }
        DescriptionText(json::write(&Wire { r#type: self.kind.as_str(), sdp: &self.sdp }))
    }

    /// Reads the serialised form. Unlike those of other messages, its keys are matched exactly,
    /// since Go reads them so.
    ///
    /// # Errors
    /// Says which key is absent or wrong, in Go's words.
    pub fn parse(text: &str) -> Result<Self, DescriptionError> {
        let mut object = json::read(text.as_bytes(), ["type", "sdp"], json::Case::Exact)?;
        let kind = object.take("type").ok_or(DescriptionError::NoType)?;
        let sdp = object.take("sdp").ok_or(DescriptionError::NoSdp)?;
        let Value::String(kind) = kind else { return Err(DescriptionError::TypeNotAString) };
        let Value::String(sdp) = sdp else { return Err(DescriptionError::SdpNotAString) };
        let kind = SdpType::ALL
            .into_iter()
            .find(|known| known.as_str() == kind)
            .ok_or(DescriptionError::UnknownType)?;
        Ok(Self { kind, sdp })
    }
}

impl DescriptionText {
    /// Accepts `text` if [`SessionDescription::parse`] does.
    ///
    /// # Errors
    /// Those of [`SessionDescription::parse`].
    pub fn check(text: String) -> Result<Self, DescriptionError> {
        SessionDescription::parse(&text)?;
        Ok(Self(text))
    }

    /// Reads it.
    ///
    /// # Errors
    /// None in practice: the text was checked when it was made.
    pub fn parse(&self) -> Result<SessionDescription, DescriptionError> {
        SessionDescription::parse(&self.0)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, owned.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl fmt::Debug for SessionDescription {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SessionDescription({}, {} bytes)", self.kind.as_str(), self.sdp.len())
    }
}

impl fmt::Debug for DescriptionText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "DescriptionText({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::JsonError;

    #[test]
    fn written_as_go_writes_it() {
        // Wire format vector.
        let text = SessionDescription::offer("v=0\r\n").to_text();
        assert_eq!(text.as_str(), r#"{"type":"offer","sdp":"v=0\r\n"}"#);
        assert_eq!(text.parse(), Ok(SessionDescription::offer("v=0\r\n")));
    }

    #[test]
    fn reader_errors_in_gos_words() {
        // Wire format vectors: the texts are visible in broker replies.
        for (text, expected) in [
            (r#"{"sdp":"x"}"#, "cannot deserialize SessionDescription without type field"),
            ("{}", "cannot deserialize SessionDescription without type field"),
            ("null", "cannot deserialize SessionDescription without type field"),
            (
                r#"{"Type":"offer","sdp":"x"}"#,
                "cannot deserialize SessionDescription without type field",
            ),
            (r#"{"type":"offer"}"#, "cannot deserialize SessionDescription without sdp field"),
            (
                r#"{"type":"offer","SDP":"x"}"#,
                "cannot deserialize SessionDescription without sdp field",
            ),
            (r#"{"type":1,"sdp":"x"}"#, "invalid SDP type"),
            (r#"{"type":null,"sdp":2}"#, "invalid SDP type"),
            (r#"{"type":"x","sdp":{}}"#, "invalid SDP"),
            (r#"{"type":"Offer","sdp":"x"}"#, "Unknown SDP type"),
            (r#"{"type":"","sdp":""}"#, "Unknown SDP type"),
            ("", "unexpected end of JSON input"),
            ("v=0", "malformed JSON at line 1, column 1"),
        ] {
            assert_eq!(
                SessionDescription::parse(text).unwrap_err().to_string(),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn four_types_and_an_empty_sdp_are_read() {
        for kind in SdpType::ALL {
            let text = format!(r#" {{"type":"{}","sdp":"","more":[1]}} "#, kind.as_str());
            assert_eq!(
                SessionDescription::parse(&text),
                Ok(SessionDescription { kind, sdp: String::new() })
            );
        }
    }

    #[test]
    fn checked_text_is_kept_byte_for_byte() {
        let text = " {\"sdp\":\"\\u003c\", \"type\":\"answer\", \"future\":1}\n".to_owned();
        assert_eq!(DescriptionText::check(text.clone()).unwrap().as_str(), text);
        let error = DescriptionText::check("[]".to_owned()).unwrap_err();
        assert_eq!(error, DescriptionError::Json(JsonError::NotAnObject));
    }

    #[test]
    fn debug_forms_hide_the_sdp() {
        let description = SessionDescription::offer("a=candidate 203.0.113.7");
        assert_eq!(format!("{description:?}"), "SessionDescription(offer, 23 bytes)");
        assert_eq!(format!("{:?}", description.to_text()), "DescriptionText(48 bytes)");
    }
}

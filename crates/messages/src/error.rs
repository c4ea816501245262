//! What was wrong with which message. The `Display` texts go over the wire where Go's do, and are
//! then equal to Go's.

/// The text is not the JSON we need.
///
/// As with Go's decoder, keys are matched without regard to ASCII case, unknown keys are ignored,
/// `null` stands for an absent value, of a repeated key the last one wins, and anything but white
/// space after the object is an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// The text ends within the object.
    #[error("unexpected end of JSON input")]
    Truncated,
    /// Not JSON, or something follows the object.
    #[error("malformed JSON at line {line}, column {column}")]
    Malformed {
        /// Counted from 1.
        line: usize,
        /// Counted from 1, in bytes.
        column: usize,
    },
    /// JSON, but neither an object nor `null`.
    #[error("JSON value is not an object")]
    NotAnObject,
    /// A key that needs a string has another value.
    #[error("JSON value of {0} is not a string")]
    NotAString(&'static str),
    /// A key that needs a whole number of 64 bits has another value.
    #[error("JSON value of {0} is not an integer")]
    NotAnInteger(&'static str),
}

/// The text is not a serialised session description.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DescriptionError {
    /// Not a JSON object.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// No key `type`.
    #[error("cannot deserialize SessionDescription without type field")]
    NoType,
    /// No key `sdp`.
    #[error("cannot deserialize SessionDescription without sdp field")]
    NoSdp,
    /// The value of `type` is not a string.
    #[error("invalid SDP type")]
    TypeNotAString,
    /// The value of `sdp` is not a string.
    #[error("invalid SDP")]
    SdpNotAString,
    /// `type` is none of the four that WebRTC knows.
    #[error("Unknown SDP type")]
    UnknownType,
}

/// The word names no NAT type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid NAT type")]
pub struct NatError;

/// The text is not the hex of 20 or 32 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot decode fingerprint")]
pub struct FingerprintError;

/// The pattern is not one that a proxy may be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("relay pattern does not end with $")]
pub struct PatternError;

/// The session id cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SidError {
    /// Absent, `null` or the empty string.
    #[error("no supplied session id")]
    Empty,
    /// Longer than [`MAX_SID`](crate::limits::MAX_SID).
    #[error("session id is too long")]
    TooLong,
}

/// A client's poll that the broker cannot use; the text is what the client gets as `error`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientPollError {
    /// The first line is not `1.0`.
    #[error("unsupported message version")]
    UnsupportedVersion,
    /// What follows the first line is not the JSON we need.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// `offer` is absent or empty.
    #[error("no supplied offer")]
    NoOffer,
    /// `offer` is not a serialised session description.
    #[error("malformed session description: {0}")]
    MalformedOffer(#[source] DescriptionError),
    /// `fingerprint` is not the hex of 20 or 32 bytes.
    #[error(transparent)]
    Fingerprint(#[from] FingerprintError),
    /// `nat` is none of the known words.
    #[error(transparent)]
    Nat(#[from] NatError),
}

/// A broker's response that the client cannot use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientResponseError {
    /// Not the JSON we need.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// Neither `answer` nor `error`.
    #[error("received empty broker response")]
    Empty,
    /// `answer` is not a serialised session description.
    #[error("malformed session description: {0}")]
    MalformedAnswer(#[source] DescriptionError),
}

/// A proxy's poll that the broker cannot use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProxyPollError {
    /// Not the JSON we need.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// The part of `Version` before the first dot is not `1`.
    #[error("using unknown version")]
    UnknownVersion,
    /// `Sid` cannot be used.
    #[error(transparent)]
    Sid(#[from] SidError),
    /// `NAT` is none of the known words.
    #[error(transparent)]
    Nat(#[from] NatError),
}

/// A broker's response that the proxy cannot use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProxyResponseError {
    /// Not the JSON we need.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// `Status` is absent or empty.
    #[error("received invalid data")]
    NoStatus,
    /// The broker speaks of a match but sends no offer.
    #[error("no supplied offer")]
    NoOffer,
    /// `Offer` is not a serialised session description.
    #[error("malformed session description: {0}")]
    MalformedOffer(#[source] DescriptionError),
    /// The broker's reply to an answer is neither of the two known words.
    #[error("unknown status {0:?} in reply to an answer")]
    UnknownStatus(String),
}

/// A proxy's answer that the broker (or a proxy asking a probe server) cannot use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProxyAnswerError {
    /// Not the JSON we need.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// The part of `Version` before the first dot is not `1`.
    #[error("using unknown version")]
    UnknownVersion,
    /// `Sid` or `Answer` is absent or empty.
    #[error("no supplied sid or answer")]
    NoSidOrAnswer,
    /// `Sid` is longer than [`MAX_SID`](crate::limits::MAX_SID).
    #[error(transparent)]
    Sid(SidError),
    /// `Answer` is not a serialised session description.
    #[error("malformed session description: {0}")]
    MalformedAnswer(#[source] DescriptionError),
}

//! What was wrong with a path, a page or a URL.

use base64::DecodeError;

use crate::MAX_HTML;

/// The path holds no poll.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// The path is empty.
    #[error("missing format indicator")]
    MissingFormat,
    /// The first character is not `0`, the only format there is.
    #[error("unknown format indicator {0:?}")]
    UnknownFormat(char),
    /// There is no slash, after which the data would be.
    #[error("missing data")]
    MissingData,
    /// What follows the last slash is not base64 for URLs without padding.
    #[error("the data of the path is not base64")]
    Base64(#[source] DecodeError),
}

/// The page holds no armored data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArmorError {
    /// The page is longer than [`MAX_HTML`].
    #[error("the page is longer than {MAX_HTML} bytes")]
    TooLong,
    /// No `pre` element has any text.
    #[error("the page has no armor")]
    Empty,
    /// The first character is not `0`, the only version there is.
    #[error("unknown armor version indicator '{}'", .0.escape_ascii())]
    UnknownVersion(u8),
    /// A `pre` element begins within another one.
    #[error("a pre element within a pre element")]
    Nested,
    /// A `pre` element ends that has not begun.
    #[error("the end of a pre element without its beginning")]
    StrayEndTag,
    /// The page ends within a `pre` element.
    #[error("missing the end of a pre element")]
    MissingEndTag,
    /// What follows the version is not base64 with padding.
    #[error("the armor is not base64")]
    Base64(#[source] DecodeError),
}

/// No cache can serve this URL, or this is not a cache's URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CacheUrlError {
    /// Caches fetch `http` and `https` only.
    #[error("an AMP cache reaches http and https only, not the scheme of the broker's URL")]
    BrokerScheme,
    /// A cache's URL has no place for the broker's user name or password.
    #[error("an AMP cache cannot pass on the user name in the broker's URL")]
    BrokerUser,
    /// A cache's URL has no place for the broker's port.
    #[error("an AMP cache reaches a broker only at its scheme's default port")]
    BrokerPort,
    /// The broker is an IPv6 address, which has no form as a label of the cache's domain.
    #[error("an AMP cache cannot reach a broker by its IPv6 address")]
    BrokerHost,
    /// The cache's URL is neither `http` nor `https`.
    #[error("the AMP cache's URL must be http or https")]
    CacheScheme,
    /// The cache's host is not a domain, or not one that can have a subdomain.
    #[error("the AMP cache's URL must name a domain that can have subdomains")]
    CacheHost,
    /// The cache's URL has a query, whose place is the broker's.
    #[error("the AMP cache's URL may not have a query")]
    CacheQuery,
    /// The cache's URL has a fragment, whose place is the broker's.
    #[error("the AMP cache's URL may not have a fragment")]
    CacheFragment,
}

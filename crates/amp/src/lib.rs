//! A client's poll through an AMP cache, which passes on neither a body nor a method but GET: pure
//! encoding and decoding, no sockets, no clock and no random numbers.
//!
//! ```text
//!  client                             AMP cache                                broker
//!    | GET https://PREFIX.cache/c/s/broker/amp/client/PATH                        |
//!    |---------------------------------> | GET https://broker/amp/client/PATH     |
//!    |                                   |--------------------------------------> |
//!    |                                   | <------------------- page with armor --|
//!    | <------ the same, written anew ---|
//! ```
//!
//! - [`encode_path`] and [`decode_path`]: the poll as the end of a path;
//! - [`encode_armor`] and [`decode_armor`]: the response as a page that AMP caches take;
//! - [`cache_url()`]: where a cache serves a URL, and [`domain_prefix`], the name it has there.
//!
//! Poll and response are the same as without a cache. All formats are those of Go's `common/amp`.
//! Decoders never allocate more than a small multiple of their input.
//!
//! ```
//! let path = snowflake_amp::encode_path(b"a poll", [7; 9]);
//! assert_eq!(snowflake_amp::decode_path(&path).unwrap(), b"a poll");
//!
//! let page = snowflake_amp::encode_armor(b"a response");
//! assert_eq!(snowflake_amp::decode_armor(&page).unwrap(), b"a response");
//! ```

mod armor;
mod cache_url;
mod error;
mod path;
mod prefix;

pub use armor::{MAX_HTML, decode_armor, encode_armor};
pub use cache_url::cache_url;
pub use error::{ArmorError, CacheUrlError, PathError};
pub use path::{ENDPOINT, decode_path, encode_path};
pub use prefix::domain_prefix;

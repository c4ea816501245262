//! A poll as the end of a path.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::PathError;

/// Where a broker takes encoded paths: they follow this, which is relative to the broker's URL.
pub const ENDPOINT: &str = "amp/client/";

/// The only format of encoded paths.
const FORMAT: char = '0';

/// Writes data as the end of a path: `0`, the cache breaker, a slash, the data, both in base64 for
/// URLs without padding.
///
/// The broker does not read the cache breaker. It should be nine random bytes: a cache that has
/// seen the same path within its 15 s or longer answers by itself. Nine, as in Go, fill their
/// twelve characters.
///
/// ```
/// assert_eq!(snowflake_amp::encode_path(b"hello", [0; 9]), "0AAAAAAAAAAAA/aGVsbG8");
/// ```
pub fn encode_path(data: &[u8], cache_breaker: [u8; 9]) -> String {
    format!("{FORMAT}{}/{}", URL_SAFE_NO_PAD.encode(cache_breaker), URL_SAFE_NO_PAD.encode(data))
}

/// Reads the data at the end of a path; what stands between format and last slash is skipped.
///
/// The path's length is the caller's to bound, usually as part of a request's header. The data has
/// three quarters of it at most.
///
/// # Errors
/// If it is not of the only format, has no slash, or the data is not base64.
pub fn decode_path(path: &str) -> Result<Vec<u8>, PathError> {
    let rest = match path.chars().next() {
        Some(FORMAT) => &path[FORMAT.len_utf8()..],
        Some(other) => return Err(PathError::UnknownFormat(other)),
        None => return Err(PathError::MissingFormat),
    };
    let (_, data) = rest.rsplit_once('/').ok_or(PathError::MissingData)?;
    URL_SAFE_NO_PAD.decode(data).map_err(PathError::Base64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_as_go_reads_them() {
        // Wire format vectors.
        for (path, data) in [
            ("0/aGVsbG8", b"hello".as_slice()),
            ("0anything/else/aGVsbG8", b"hello"),
            ("0/", b""),
            ("0/aGVsbG8/", b""),
            ("0/-_8", b"\xfb\xff"),
        ] {
            assert_eq!(decode_path(path).as_deref(), Ok(data), "{path}");
        }
        assert_eq!(decode_path(""), Err(PathError::MissingFormat));
        assert_eq!(decode_path("1/aGVsbG8"), Err(PathError::UnknownFormat('1')));
        assert_eq!(decode_path("é/aGVsbG8"), Err(PathError::UnknownFormat('é')));
        assert_eq!(decode_path("0aGVsbG8"), Err(PathError::MissingData));
        for path in ["0/aGVsbG8=", "0/+_8", "0/a", "0/aGVs bG8", "0/é"] {
            assert!(matches!(decode_path(path), Err(PathError::Base64(_))), "{path}");
        }
    }

    #[test]
    fn paths_are_written_as_go_writes_them() {
        // Wire format vector: a client's poll, bytes 0 to 8 as cache breaker.
        let poll = "1.0\n{\"offer\":\"{\\\"type\\\":\\\"offer\\\",\\\"sdp\\\":\\\"v=0\\\\r\\\\n\\\"}\",\
            \"nat\":\"unknown\",\"fingerprint\":\"2B280B23E1107BB62ABFC40DDCC8824814F80A72\"}";
        let path = "0AAECAwQFBgcI/MS4wCnsib2ZmZXIiOiJ7XCJ0eXBlXCI6XCJvZmZlclwiLFwic2RwXCI6XCJ2PTBcXHJcXG5cIn0iLCJuYXQiOiJ1bmtub3duIiwiZmluZ2VycHJpbnQiOiIyQjI4MEIyM0UxMTA3QkI2MkFCRkM0MEREQ0M4ODI0ODE0RjgwQTcyIn0";
        assert_eq!(encode_path(poll.as_bytes(), [0, 1, 2, 3, 4, 5, 6, 7, 8]), path);
        assert_eq!(decode_path(path).as_deref(), Ok(poll.as_bytes()));
    }
}

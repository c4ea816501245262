//! Polls of clients that come through AMP caches: the poll is in the path, the response in a page.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Response, Uri};
use snowflake_amp::{ENDPOINT, decode_path, encode_armor};
use snowflake_messages::ClientPollResponse;
use tracing::debug;

use crate::Broker;
use crate::origin::{ClientOrigin, Rendezvous};

/// What a client is told whose path holds no poll; Go's text.
const BAD_PATH: &str = "cannot decode URL path";

/// The shortest time for which Google's AMP cache holds a page. Nobody will ask for this one again:
/// the path has a cache breaker.
const FRESHNESS: HeaderValue = HeaderValue::from_static("max-age=15");

/// The connection is the cache's, so the client's address is only in its offer.
const ORIGIN: ClientOrigin = ClientOrigin { rendezvous: Rendezvous::AmpCache, address: None };

/// What follows the endpoint, if the request is for it. The length is bounded with that of the
/// request's header. It is taken as it stands, where Go's broker resolves percent escapes first: what
/// clients encode has none.
pub(crate) fn encoded_path(uri: &Uri) -> Option<&str> {
    uri.path().strip_prefix('/')?.strip_prefix(ENDPOINT)
}

/// Answers a request to the endpoint, always with status 200: caches make 404 of all others.
///
/// # Cancel safety
/// As for [`Broker::client_poll`]: dropped when the cache hangs up, the client has left.
pub(crate) async fn respond(broker: &Broker, method: &Method, path: &str) -> Response<Full<Bytes>> {
    if method == Method::OPTIONS {
        return Response::default();
    }
    let text = match decode_path(path) {
        Ok(poll) => broker.client_poll(&poll, ORIGIN).await,
        Err(error) => {
            debug!(%error, "bad path of an AMP cache's request");
            ClientPollResponse::Error(BAD_PATH.to_owned()).encode()
        }
    };
    let mut response = Response::new(Full::from(encode_armor(text.as_bytes())));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
    headers.insert(CACHE_CONTROL, FRESHNESS);
    response
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::Config;

    #[tokio::test]
    async fn polls_are_counted_as_those_of_amp_caches() {
        let broker = Broker::new(Config::default());
        let poll = b"1.0\n{\"offer\":\"{\\\"type\\\":\\\"offer\\\",\\\"sdp\\\":\\\"\\\"}\"}";
        respond(&broker, &Method::GET, &snowflake_amp::encode_path(poll, [0; 9])).await;
        respond(&broker, &Method::GET, "nonsense").await;
        let block = broker.metrics.take_block(SystemTime::UNIX_EPOCH);
        for line in ["client-denied-count 8", "client-http-count 0", "client-ampcache-count 8"] {
            assert!(block.lines().any(|other| other == line), "{line} in\n{block}");
        }
    }
}

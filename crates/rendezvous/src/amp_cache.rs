//! [`AmpCache`]: through a cache of web pages, to whose operator a censor may not want to do harm.

use snowflake_amp::{CacheUrlError, ENDPOINT, cache_url, decode_armor, encode_path};
use url::Url;

use crate::{
    error::RendezvousError,
    exchange::Exchange,
    method::{Exchanging, Poll, Rendezvous},
};

/// The URL under which the AMP cache at `cache` passes polls on to the broker at `broker`: for the exchange of an
/// [`AmpCache`].
///
/// # Errors
///
/// When no cache could, or `cache` cannot be a cache's URL.
pub fn endpoint(broker: &Url, cache: &Url) -> Result<Url, CacheUrlError> {
    let inside = broker.join(ENDPOINT).map_err(|_| CacheUrlError::BrokerHost)?;
    let mut url = cache_url(&inside, cache)?;
    // The poll follows; cache URLs have no slash at their end.
    url.set_path(&format!("{}/", url.path()));
    Ok(url)
}

/// Gets the response from an AMP cache, which gets it from the broker.
///
/// The cache sees the poll; the censor sees who asks the cache, or the exchange's front. A cache that does not serve the
/// broker's page redirects to it, also with status 200; that is an error and nobody goes there. A page has at most 100000
/// bytes, as any response.
#[derive(Debug, Clone)]
pub struct AmpCache {
    broker: Url,
    exchange: Exchange,
}

impl AmpCache {
    /// The way to `broker`, with an exchange whose URL is the [`endpoint`] there.
    pub fn new(broker: Url, exchange: Exchange) -> Self {
        Self { broker, exchange }
    }
}

impl Rendezvous for AmpCache {
    fn name(&self) -> &str {
        "ampcache"
    }

    fn broker(&self) -> &str {
        self.broker.as_str()
    }

    fn exchange(&self, poll: Poll) -> Exchanging<'_> {
        Box::pin(async move {
            let connection = self.exchange.connect().await.map_err(RendezvousError::Cache)?;
            // No cache shall have seen this request, not even if there is one with the same poll.
            let mut breaker = [0; 9];
            getrandom::fill(&mut breaker).map_err(RendezvousError::Random)?;
            let path = encode_path(&poll.message().await, breaker);
            let page = connection.get(&path).await.map_err(RendezvousError::Cache)?;
            decode_armor(&page).map(Into::into).map_err(RendezvousError::Armor)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(broker: &str, cache: &str) -> Result<String, CacheUrlError> {
        endpoint(&Url::parse(broker).unwrap(), &Url::parse(cache).unwrap()).map(String::from)
    }

    #[test]
    fn the_endpoint_is_below_the_brokers_url() {
        let google = "https://cdn.ampproject.org/";
        for (broker, path) in [
            ("https://b.example", "/c/s/b.example/amp/client/"),
            ("https://b.example/x", "/c/s/b.example/amp/client/"),
            ("http://b.example/x/?y", "/c/b.example/x/amp/client/"),
        ] {
            let url = format!("https://b-example.cdn.ampproject.org{path}");
            assert_eq!(at(broker, google), Ok(url), "{broker}");
        }
        assert_eq!(at("data:,", google), Err(CacheUrlError::BrokerHost));
        assert_eq!(at("https://b.example:81/", google), Err(CacheUrlError::BrokerPort));
        assert_eq!(at("https://b.example/", "https://127.0.0.1/"), Err(CacheUrlError::CacheHost));
    }
}

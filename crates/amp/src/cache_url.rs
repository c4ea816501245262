//! Where an AMP cache serves the page at a URL.

use url::{Host, Url};

use crate::{CacheUrlError, domain_prefix};

/// How a cache is to serve what it fetches: as a document.
const DOCUMENT: &str = "c";

/// The URL at which the AMP cache `cache` serves what it fetches from `broker`.
///
/// Its host is the broker's [`domain_prefix`] under the cache's domain; its path is the cache's own,
/// `c`, `s` if the broker is to be reached by `https`, the broker's host and the broker's path.
/// Empty segments and a slash at the end are left out, as in Go. The query and the fragment are the
/// broker's; scheme, user name and port are the cache's.
///
/// ```
/// use url::Url;
///
/// let broker = Url::parse("https://broker.example/amp/client/0AAAAAAAAAAAA/aGVsbG8")?;
/// let cache = Url::parse("https://cdn.ampproject.org/")?;
/// assert_eq!(
///     snowflake_amp::cache_url(&broker, &cache)?.as_str(),
///     "https://broker-example.cdn.ampproject.org/c/s/broker.example/amp/client/0AAAAAAAAAAAA/aGVsbG8",
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If no cache could fetch the broker's URL or the cache's has parts that would be lost: see
/// [`CacheUrlError`]. An IPv6 address as broker is refused; Go makes a URL of it that leads nowhere.
pub fn cache_url(broker: &Url, cache: &Url) -> Result<Url, CacheUrlError> {
    let security = match broker.scheme() {
        "http" => "",
        "https" => "s",
        _ => return Err(CacheUrlError::BrokerScheme),
    };
    let host = broker_host(broker)?;
    let mut url = checked_cache(cache)?;
    let segments = [cache.path(), DOCUMENT, security, host, broker.path()]
        .into_iter()
        .flat_map(|part| part.split('/'))
        .filter(|segment| !segment.is_empty());
    url.set_path(&segments.collect::<Vec<_>>().join("/"));
    url.set_query(broker.query().filter(|query| !query.is_empty()));
    url.set_fragment(broker.fragment());
    let domain = format!("{}.{}", domain_prefix(host), cache.host_str().unwrap_or_default());
    url.set_host(Some(&domain)).map_err(|_| CacheUrlError::CacheHost)?;
    Ok(url)
}

/// The broker's host, if the rest of its authority is what a cache supposes.
fn broker_host(broker: &Url) -> Result<&str, CacheUrlError> {
    if !broker.username().is_empty() || broker.password().is_some() {
        return Err(CacheUrlError::BrokerUser);
    }
    // The scheme's default port is not kept by the parser.
    if broker.port().is_some() {
        return Err(CacheUrlError::BrokerPort);
    }
    match broker.host() {
        Some(Host::Domain(_) | Host::Ipv4(_)) => Ok(broker.host_str().unwrap_or_default()),
        Some(Host::Ipv6(_)) | None => Err(CacheUrlError::BrokerHost),
    }
}

/// A copy of the cache's URL to put the broker's into.
fn checked_cache(cache: &Url) -> Result<Url, CacheUrlError> {
    if !matches!(cache.scheme(), "http" | "https") {
        return Err(CacheUrlError::CacheScheme);
    }
    if !matches!(cache.host(), Some(Host::Domain(_))) {
        return Err(CacheUrlError::CacheHost);
    }
    if cache.query().is_some_and(|query| !query.is_empty()) {
        return Err(CacheUrlError::CacheQuery);
    }
    if cache.fragment().is_some_and(|fragment| !fragment.is_empty()) {
        return Err(CacheUrlError::CacheFragment);
    }
    Ok(cache.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOGLE: &str = "https://cdn.ampproject.org/";

    fn cached(broker: &str, cache: &str) -> Result<String, CacheUrlError> {
        cache_url(&Url::parse(broker).unwrap(), &Url::parse(cache).unwrap()).map(String::from)
    }

    #[test]
    fn urls_are_those_of_go() {
        // Wire format vectors.
        for (broker, cache, url) in [
            (
                "https://snowflake-broker.torproject.net/amp/client/0AAAAAAAAAAAA/aGVsbG8",
                GOOGLE,
                "https://snowflake--broker-torproject-net.cdn.ampproject.org/c/s/snowflake-broker.torproject.net/amp/client/0AAAAAAAAAAAA/aGVsbG8",
            ),
            (
                "http://example.com/a?b=c#d",
                "https://cdn.ampproject.org",
                "https://example-com.cdn.ampproject.org/c/example.com/a?b=c#d",
            ),
            (
                "https://example.com:443/a",
                "https://amp.cache:8443/pre/fix/",
                "https://example-com.amp.cache:8443/pre/fix/c/s/example.com/a",
            ),
            (
                "https://192.0.2.1/a/b",
                GOOGLE,
                "https://192-0-2-1.cdn.ampproject.org/c/s/192.0.2.1/a/b",
            ),
            (
                "https://example.com/a//b/../c",
                GOOGLE,
                "https://example-com.cdn.ampproject.org/c/s/example.com/a/c",
            ),
        ] {
            assert_eq!(cached(broker, cache).as_deref(), Ok(url));
        }
    }

    #[test]
    fn the_rest_of_each_url_stays() {
        for (broker, cache, url) in [
            // Escapes are neither undone nor done twice.
            (
                "https://b.example/%41%2F%c3%a9",
                GOOGLE,
                "https://b-example.cdn.ampproject.org/c/s/b.example/%41%2F%c3%a9",
            ),
            ("https://b.example", GOOGLE, "https://b-example.cdn.ampproject.org/c/s/b.example"),
            (
                "https://b.example/a/?",
                GOOGLE,
                "https://b-example.cdn.ampproject.org/c/s/b.example/a",
            ),
            (
                "https://b.example/",
                "http://me:pass@localhost:81",
                "http://me:pass@b-example.localhost:81/c/s/b.example",
            ),
            (
                "https://b.example/",
                "https://c.example/?#",
                "https://b-example.c.example/c/s/b.example",
            ),
            // The parser of URLs writes names in Punycode.
            (
                "https://中文.com/a",
                GOOGLE,
                "https://xn---com-zf5fy05j.cdn.ampproject.org/c/s/xn--fiq228c.com/a",
            ),
        ] {
            assert_eq!(cached(broker, cache).as_deref(), Ok(url));
        }
    }

    #[test]
    fn what_no_cache_can_serve_is_refused() {
        for (broker, cache, error) in [
            ("ftp://b.example/", GOOGLE, CacheUrlError::BrokerScheme),
            ("data:,", GOOGLE, CacheUrlError::BrokerScheme),
            ("https://me@b.example/", GOOGLE, CacheUrlError::BrokerUser),
            ("https://:pass@b.example/", GOOGLE, CacheUrlError::BrokerUser),
            ("https://b.example:80/", GOOGLE, CacheUrlError::BrokerPort),
            ("http://b.example:443/", GOOGLE, CacheUrlError::BrokerPort),
            ("https://[2001:db8::1]/", GOOGLE, CacheUrlError::BrokerHost),
            ("https://b.example/", "ftp://c.example/", CacheUrlError::CacheScheme),
            ("https://b.example/", "https://192.0.2.1/", CacheUrlError::CacheHost),
            ("https://b.example/", "https://[2001:db8::1]/", CacheUrlError::CacheHost),
            ("https://b.example/", "https://c.example/?a", CacheUrlError::CacheQuery),
            ("https://b.example/", "https://c.example/#a", CacheUrlError::CacheFragment),
        ] {
            assert_eq!(cached(broker, cache), Err(error), "{broker} {cache}");
        }
    }
}

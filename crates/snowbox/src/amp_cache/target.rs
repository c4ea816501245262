//! What a client asks the cache for.

use snowflake_amp::domain_prefix;

use crate::http::Head;

/// A page, by its URL.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Target {
    pub(super) tls: bool,
    pub(super) host: String,
    /// With the query.
    pub(super) path: String,
}

impl Target {
    /// `None` if the request is not for a page of the host that its subdomain stands for.
    pub(super) fn of(head: &Head) -> Option<Self> {
        let line = head.first_line.strip_prefix("GET /c/")?;
        let (url, _) = line.split_once(" HTTP/1.")?;
        let (tls, url) = match url.strip_prefix("s/") {
            Some(rest) => (true, rest),
            None => (false, url),
        };
        let (host, path) = url.split_once('/').unwrap_or((url, ""));
        let (subdomain, _) = head.header("host")?.split_once('.')?;
        let target = Self { tls, host: host.to_owned(), path: format!("/{path}") };
        (subdomain == domain_prefix(host)).then_some(target)
    }

    /// Where the page is without the cache.
    pub(super) fn url(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{}{}", self.host, self.path)
    }
}

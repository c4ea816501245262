//! What flags and a line say about the ways to a broker.

use super::Method;
use crate::settings::{hides_server_name, list, tls_config};
use crate::{Args, SettingsError, Upstream, sqs};
use snowflake_cli::CommaList;
use snowflake_rendezvous::limits::CLIENT_HEADERS;
use snowflake_rendezvous::{AmpCache, Exchange, Http, Rendezvous, amp_cache};
use snowflake_sqs::QueueRendezvous;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// The numbers that keys of further ways have.
const NUMBERS: std::ops::RangeInclusive<u8> = 2..=4;

/// The ways to a broker that flags and line describe, in the line's order; at least one.
pub(crate) fn methods(
    args: &Args,
    line: &snowflake_pt::Args,
    upstream: Option<&Upstream>,
) -> Result<Vec<Method>, SettingsError> {
    let common = Common { hides_server_name: hides_server_name(line), upstream };
    let mut methods = vec![Wish::first(args, line).method(&common)?];
    for number in NUMBERS {
        let wish = Wish::numbered(number, line);
        if !wish.is_empty() {
            let method = wish.method(&common);
            methods.push(method.map_err(|error| SettingsError::Further(number, error.into()))?);
        }
    }
    Ok(methods)
}

/// What holds for all ways.
struct Common<'a> {
    hides_server_name: bool,
    upstream: Option<&'a Upstream>,
}

/// One way, in Go's words.
#[derive(Debug, PartialEq, Eq)]
struct Wish {
    url: String,
    fronts: CommaList,
    ampcache: String,
    sqsqueue: String,
    sqscreds: String,
}

impl Wish {
    /// What the line says without a number, and the flags where it says nothing.
    fn first(args: &Args, line: &snowflake_pt::Args) -> Self {
        let of_flags = if args.fronts.is_empty() { &args.front } else { &args.fronts };
        Self::new(line, "", [&args.url, &args.ampcache, &args.sqsqueue, &args.sqscreds], of_flags)
    }

    /// What the line says with this number.
    fn numbered(number: u8, line: &snowflake_pt::Args) -> Self {
        Self::new(line, &number.to_string(), [""; 4], &CommaList::default())
    }

    /// `fronts` of the line, else its `front`, else the others; what is empty changes nothing.
    fn new(
        line: &snowflake_pt::Args,
        number: &str,
        others: [&str; 4],
        other_fronts: &CommaList,
    ) -> Self {
        let of_line = |key: &str| line.get(&format!("{key}{number}"));
        let word = |key: &str, other: &str| {
            of_line(key).filter(|word| !word.is_empty()).unwrap_or(other).to_owned()
        };
        let fronts = of_line("fronts").or_else(|| of_line("front")).map(list);
        let [url, ampcache, sqsqueue, sqscreds] = others;
        Self {
            url: word("url", url),
            fronts: fronts
                .filter(|fronts| !fronts.is_empty())
                .unwrap_or_else(|| other_fronts.clone()),
            ampcache: word("ampcache", ampcache),
            sqsqueue: word("sqsqueue", sqsqueue),
            sqscreds: word("sqscreds", sqscreds),
        }
    }

    fn is_empty(&self) -> bool {
        let words = [&self.url, &self.ampcache, &self.sqsqueue, &self.sqscreds];
        self.fronts.is_empty() && words.iter().all(|word| word.is_empty())
    }

    fn method(&self, common: &Common<'_>) -> Result<Method, SettingsError> {
        let is_cached = !self.ampcache.is_empty();
        let way: Arc<dyn Rendezvous> = if !self.sqsqueue.is_empty() {
            if is_cached || !self.url.is_empty() {
                return Err(SettingsError::TwoMethods);
            }
            Arc::new(self.queue(common)?)
        } else if is_cached {
            Arc::new(self.amp_cache(common)?)
        } else {
            Arc::new(Http::new(self.exchange(self.broker()?, common, CLIENT_HEADERS)?))
        };
        let mut words = vec![self.ampcache.as_str()];
        words.extend(self.fronts.iter().map(String::as_str));
        Ok(Method::new(way, &words))
    }

    fn amp_cache(&self, common: &Common<'_>) -> Result<AmpCache, SettingsError> {
        let cache = Url::parse(&self.ampcache).map_err(SettingsError::AmpCacheUrl)?;
        let broker = self.broker()?;
        let endpoint = amp_cache::endpoint(&broker, &cache).map_err(SettingsError::AmpCache)?;
        Ok(AmpCache::new(broker, self.exchange(endpoint, common, CLIENT_HEADERS)?))
    }

    fn queue(&self, common: &Common<'_>) -> Result<QueueRendezvous, SettingsError> {
        let get = |variable: &str| std::env::var(variable).ok();
        let exchange = |url, headers| self.exchange(url, common, headers);
        sqs::way(&self.sqsqueue, &self.sqscreds, get, exchange)
    }

    fn broker(&self) -> Result<Url, SettingsError> {
        if self.url.is_empty() {
            return Err(SettingsError::NoBroker);
        }
        Url::parse(&self.url).map_err(SettingsError::Url)
    }

    /// How requests get to `url`, where the headers of a response may take so long.
    fn exchange(
        &self,
        url: Url,
        common: &Common<'_>,
        headers: Duration,
    ) -> Result<Exchange, SettingsError> {
        let exchange = Exchange::new(url, self.fronts.iter(), tls_config()?, headers)
            .map_err(SettingsError::Broker)?;
        let exchange = match common.upstream {
            Some(upstream) => exchange.through(upstream.for_rendezvous()),
            None => exchange,
        };
        Ok(if common.hides_server_name { exchange.without_server_name() } else { exchange })
    }
}

#[cfg(test)]
mod tests;

//! A way to a broker as settings describe it.

use super::Way;
use crate::config_error::{ConfigError, Reason};
use crate::{Upstream, sqs};
use snowflake_rendezvous::tls::{self, TlsConfig};
use snowflake_rendezvous::{
    AmpCache, Exchange, Http, Rendezvous, amp_cache, limits::CLIENT_HEADERS,
};
use snowflake_sqs::QueueRendezvous;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use url::Url;

/// A way to a broker.
///
/// URLs and fronts are in the notation of bridge lines. `fronts` are host names, optionally with a port, of which each
/// request takes one at random in the place of the host that is asked; without any that host itself is dialled.
#[derive(Clone, Debug)]
pub struct Method {
    kind: Kind,
    /// What tells it from others of its kind to the same broker.
    words: Vec<String>,
}

#[derive(Clone, Debug)]
enum Kind {
    Http(Exchange),
    AmpCache { broker: Url, exchange: Exchange },
    Sqs { queue: sqs::Queue, exchange: Exchange },
    Own(Arc<dyn Rendezvous>),
}

impl Method {
    /// HTTPS to the broker at `url`, with Go's keys `url` and `fronts`; `http` is for local networks.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names `url` or `fronts`.
    pub fn http(url: &str, fronts: &[&str]) -> Result<Self, ConfigError> {
        let exchange = exchange(("url", broker(url)?), fronts, CLIENT_HEADERS)?;
        Ok(Self { kind: Kind::Http(exchange), words: words("", fronts) })
    }

    /// Through the AMP cache at the URL `cache`, which asks the broker at `url`; Go's `ampcache`.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names `url`, `ampcache` or `fronts`.
    pub fn amp_cache(url: &str, cache: &str, fronts: &[&str]) -> Result<Self, ConfigError> {
        let at = Url::parse(cache).map_err(ConfigError::of("ampcache", cache))?;
        let broker = broker(url)?;
        let endpoint =
            amp_cache::endpoint(&broker, &at).map_err(ConfigError::of("ampcache", cache))?;
        let exchange = exchange(("ampcache", endpoint), fronts, CLIENT_HEADERS)?;
        Ok(Self { kind: Kind::AmpCache { broker, exchange }, words: words(cache, fronts) })
    }

    /// Through the Amazon SQS queue at the URL `queue`, with a `key` as `snowflake-sqscreds` writes it; Go's `sqsqueue` and
    /// `sqscreds`. The environment's `AWS_ENDPOINT_URL_SQS` names another service than Amazon's.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names `sqsqueue`, `sqscreds`, `fronts` or the variable.
    pub fn sqs(queue: &str, key: &str, fronts: &[&str]) -> Result<Self, ConfigError> {
        let (queue, service) = sqs::queue(queue, key, |variable| std::env::var(variable).ok())?;
        let exchange = exchange(("sqsqueue", service), fronts, snowflake_sqs::limits::HEADERS)?;
        Ok(Self { kind: Kind::Sqs { queue, exchange }, words: words("", fronts) })
    }

    /// By a rendezvous of the caller's own. Neither an upstream proxy nor
    /// [`hide_server_name`](crate::ClientConfig::hide_server_name) reaches it: it does its own dialling.
    pub fn own(rendezvous: impl Rendezvous + 'static) -> Self {
        Self { kind: Kind::Own(Arc::new(rendezvous)), words: Vec::new() }
    }

    /// What kind of way it is: `http`, `ampcache`, `sqs`, or what one's own calls itself.
    pub fn name(&self) -> &str {
        match &self.kind {
            Kind::Http(_) => "http",
            Kind::AmpCache { .. } => "ampcache",
            Kind::Sqs { .. } => "sqs",
            Kind::Own(rendezvous) => rendezvous.name(),
        }
    }

    /// The way itself, through the user's proxy if there is one.
    pub(crate) fn way(&self, upstream: Option<&Upstream>, hides_server_name: bool) -> Way {
        let routed = |exchange: &Exchange| {
            let exchange = exchange.clone();
            let exchange = match upstream {
                Some(upstream) => exchange.through(upstream.for_rendezvous()),
                None => exchange,
            };
            if hides_server_name { exchange.without_server_name() } else { exchange }
        };
        let rendezvous: Arc<dyn Rendezvous> = match &self.kind {
            Kind::Http(exchange) => Arc::new(Http::new(routed(exchange))),
            Kind::AmpCache { broker, exchange } => {
                Arc::new(AmpCache::new(broker.clone(), routed(exchange)))
            }
            Kind::Sqs { queue, exchange } => {
                let sqs = queue.service(routed(exchange));
                Arc::new(QueueRendezvous::new(queue.url.clone(), sqs))
            }
            Kind::Own(rendezvous) => rendezvous.clone(),
        };
        Way::new(rendezvous, &self.words)
    }
}

fn words(cache: &str, fronts: &[&str]) -> Vec<String> {
    [cache].iter().chain(fronts).map(|&word| word.to_owned()).collect()
}

fn broker(url: &str) -> Result<Url, ConfigError> {
    if url.is_empty() {
        return Err(ConfigError::new("url", url, Reason::NoBroker));
    }
    Url::parse(url).map_err(ConfigError::of("url", url))
}

/// How requests get to a URL, which the settings know by this name, where the headers of a response may take so long.
fn exchange(
    (name, url): (&'static str, Url),
    fronts: &[&str],
    headers: Duration,
) -> Result<Exchange, ConfigError> {
    let value = url.to_string();
    let tls = tls_config().map_err(ConfigError::of(name, &value))?;
    Exchange::new(url, fronts, tls, headers).map_err(|error| match &error {
        snowflake_rendezvous::ConfigError::Front(front) => {
            let front = front.clone();
            ConfigError::new("fronts", &front, error)
        }
        _ => ConfigError::new(name, &value, error),
    })
}

/// The certificate authorities, read once for the whole program.
fn tls_config() -> Result<TlsConfig, tls::Error> {
    static CONFIG: OnceLock<TlsConfig> = OnceLock::new();
    if let Some(config) = CONFIG.get() {
        return Ok(config.clone());
    }
    let config = tls::client_config()?;
    Ok(CONFIG.get_or_init(|| config).clone())
}

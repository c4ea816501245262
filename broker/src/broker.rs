//! All that requests share.

use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, Once, PoisonError, RwLock};
use std::time::SystemTime;

use hyper::HeaderMap;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::config::{read_bridges, read_intervals};
use crate::limits::METRICS_INTERVAL;
use crate::metrics::Metrics;
use crate::origin::{self, Doubt};
use crate::proxy_protocol::Balancers;
use crate::rate_limit::RateLimit;
use crate::waiting::WaitingRoom;
use crate::{BridgeList, Config, PollIntervals, Reason, TrustedHops};

/// A broker: who waits, what is configured, what is counted. `handlers.rs` says what it does with
/// each message.
pub struct Broker {
    pub(crate) config: Config,
    pub(crate) room: WaitingRoom,
    pub(crate) metrics: Metrics,
    pub(crate) rate_limit: RateLimit,
    pub(crate) balancers: Balancers,
    /// Bytes of request bodies that may still be read into memory.
    pub(crate) body_budget: Arc<Semaphore>,
    /// Cancelled when the broker stops: ends all waits.
    pub(crate) closing: CancellationToken,
    /// At first those of `config`; read again on request, as are the intervals.
    bridges: RwLock<Arc<BridgeList>>,
    intervals: RwLock<PollIntervals>,
    doubted: [Once; 2],
}

impl Broker {
    /// A broker in which nobody waits. Warns of a configuration that works but serves nobody.
    pub fn new(config: Config) -> Arc<Self> {
        if config.allowed_relay_pattern.as_str().is_empty() {
            warn!(
                "-allowed-relay-pattern is empty: every proxy with an ordinary pattern will be refused. \
                 For the public bridges set -allowed-relay-pattern 'snowflake.torproject.net$'"
            );
        }
        let closing = CancellationToken::new();
        Arc::new(Self {
            room: WaitingRoom::new(config.limits.clone(), closing.clone()),
            metrics: Metrics::default(),
            rate_limit: RateLimit::new(config.limits.addresses),
            balancers: Balancers::new(config.balancers.clone()),
            body_budget: Arc::new(Semaphore::new(config.limits.body_bytes)),
            closing,
            bridges: RwLock::new(Arc::new(config.bridges.clone())),
            intervals: RwLock::new(config.intervals),
            doubted: [const { Once::new() }; 2],
            config,
        })
    }

    /// Reads the bridge list, the poll intervals, the countries and the certificate again, from the
    /// files they came from. A bad file leaves things as they are. Blocks, for a second if countries
    /// are read; requests are served meanwhile.
    pub fn reload(&self) {
        if let Some(tls) = &self.config.tls {
            tls.reload();
        }
        reload(self.config.bridge_list_path.as_deref(), read_bridges, |bridges| {
            *self.bridges.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(bridges);
        });
        reload(self.config.poll_interval_path.as_deref(), read_intervals, |intervals| {
            *self.intervals.write().unwrap_or_else(PoisonError::into_inner) = intervals;
        });
        if let Some(countries) = &self.config.countries {
            countries.reload();
        }
    }

    pub(crate) fn bridges(&self) -> Arc<BridgeList> {
        Arc::clone(&self.bridges.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn intervals(&self) -> PollIntervals {
        *self.intervals.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The address of a proxy that polls. The first time that headers are not believed is worth a
    /// warning: if a reverse proxy wrote them, all who come through it share one address.
    pub(crate) fn proxy_at(&self, headers: &HeaderMap, peer: IpAddr) -> IpAddr {
        // A balancer's own address means that it has named nobody: that may be anybody.
        let hops = match self.config.trusted_hops {
            TrustedHops::OfPrivatePeers if self.balancers.has(peer) => TrustedHops::Always(0),
            hops => hops,
        };
        origin::of_proxy(headers, peer, hops).unwrap_or_else(|doubt| {
            let warned = match doubt {
                Doubt::PublicPeer => &self.doubted[0],
                Doubt::Contradiction => &self.doubted[1],
            };
            warned.call_once(|| warn!("{doubt}"));
            peer
        })
    }

    /// Publishes a block of metrics each day, for ever.
    pub(crate) async fn publish_metrics(&self) {
        loop {
            tokio::time::sleep(METRICS_INTERVAL).await;
            let block = self.metrics.take_block(today());
            if let Err(error) = self.config.metrics_log.append(&block).await {
                warn!(%error, "a day's metrics are lost: cannot write them");
            }
        }
    }
}

fn reload<T>(path: Option<&Path>, read: impl Fn(&Path) -> Result<T, Reason>, set: impl FnOnce(T)) {
    let Some(path) = path else { return };
    match read(path) {
        Ok(new) => {
            set(new);
            info!(path = %path.display(), "reloaded");
        }
        Err(error) => {
            warn!(path = %path.display(), %error, "not reloaded; what was read before stays")
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the metrics are dated")]
fn today() -> SystemTime {
    SystemTime::now()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MetricsLog;
    use snowflake_messages::Fingerprint;

    #[tokio::test]
    async fn a_reload_brings_new_bridges_and_a_bad_list_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bridges");
        let list = |host: &str| {
            let line = r#"{"displayName":"x","webSocketAddress":"wss://HOST/","fingerprint":"ID"}"#;
            line.replace("HOST", host).replace("ID", &Fingerprint::DEFAULT.to_string())
        };
        let bridge_list_path = Some(path.clone());
        let broker = Broker::new(Config { bridge_list_path, ..Config::default() });
        for (text, relay) in [
            (list("a.example"), "wss://a.example/"),
            ("nonsense".to_owned(), "wss://a.example/"),
            (list("b.example"), "wss://b.example/"),
        ] {
            std::fs::write(&path, text).unwrap();
            broker.reload();
            let known = broker.bridges().relay_url(&Fingerprint::DEFAULT);
            assert_eq!(known.as_deref(), Some(relay));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_block_of_metrics_is_published_each_day() {
        let folder = tempfile::tempdir().unwrap();
        let metrics_log = MetricsLog::file(&folder.path().join("metrics")).unwrap();
        let broker = Broker::new(Config { metrics_log, ..Config::default() });
        let blocks = async || {
            let text = broker.config.metrics_log.read().await.unwrap().unwrap();
            String::from_utf8(text.to_vec()).unwrap().matches("snowflake-stats-end ").count()
        };
        let mut publishing = std::pin::pin!(broker.publish_metrics());
        for (wait, expected) in
            [(METRICS_INTERVAL / 2, 0), (METRICS_INTERVAL, 1), (METRICS_INTERVAL, 2)]
        {
            assert!(tokio::time::timeout(wait, publishing.as_mut()).await.is_err());
            assert_eq!(blocks().await, expected);
        }
    }
}

//! The parts of a running proxy.

use std::{future::pending, sync::Arc, time::Duration};

use snowflake_rendezvous::{
    Exchange, limits,
    tls::{self, TlsConfig},
};
use tokio::time::{Instant, interval_at};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    broker::Broker,
    capacity::Capacity,
    config::Config,
    error::SetupError,
    events::{self, Stats},
    nat::{Nat, Probe},
    reachability::Reachability,
};

/// A proxy: one of possibly several in a process, they share nothing.
#[derive(Debug)]
pub struct Proxy {
    pub(crate) config: Config,
    pub(crate) tls: TlsConfig,
    /// How clients are answered.
    pub(crate) webrtc: snowflake_webrtc::Config,
    pub(crate) broker: Broker,
    pub(crate) nat: Nat,
    pub(crate) reachability: Reachability,
    pub(crate) capacity: Capacity,
    pub(crate) stats: Stats,
}

impl Proxy {
    /// Sets a proxy up; reads the system's certificate authorities and does nothing else.
    ///
    /// # Errors
    ///
    /// A broker's or probe server's URL that cannot be used.
    pub fn new(config: Config) -> Result<Self, SetupError> {
        let tls = tls::client_config().map_err(SetupError::Tls)?;
        Self::with_tls(config, tls)
    }

    /// Sets a proxy up that believes other certificate authorities.
    ///
    /// # Errors
    ///
    /// As [`Proxy::new`].
    pub fn with_tls(config: Config, tls: TlsConfig) -> Result<Self, SetupError> {
        let exchange = |url: &url::Url| {
            Exchange::new(url.clone(), [""; 0], tls.clone(), limits::PROXY_HEADERS)
        };
        let broker = exchange(&config.broker).map_err(SetupError::Broker)?;
        let webrtc = webrtc_config(&config);
        let probe = Probe::new(&config, exchange).map_err(SetupError::ProbeServer)?;
        Ok(Self {
            broker: Broker::new(broker, config.relay_rules.pattern.clone()),
            nat: Nat::new(probe),
            reachability: Reachability::new(config.relay.clone(), tls.clone()),
            capacity: Capacity::new(config.capacity),
            stats: Stats::default(),
            webrtc,
            tls,
            config,
        })
    }

    /// Serves clients until `shutdown`, then closes those that are there, in a few seconds.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops the proxy as well, only that nobody waits until its clients' carriers are closed.
    pub async fn run(self, shutdown: CancellationToken) {
        events::starting();
        let proxy = Arc::new(self);
        let clients = TaskTracker::new();
        let stop = shutdown.child_token();
        // Ends the clients' tasks when this future is dropped before its time.
        let _guard = stop.clone().drop_guard();
        let serving = async {
            tokio::join!(
                proxy.nat.watch(proxy.config.nat_retest_interval),
                proxy.reachability.watch(),
                proxy.poll(&clients, &stop),
                summaries(&proxy.stats, proxy.config.summary_interval),
            )
        };
        shutdown.run_until_cancelled(serving).await;
        clients.close();
        clients.wait().await;
    }
}

pub(crate) fn webrtc_config(config: &Config) -> snowflake_webrtc::Config {
    snowflake_webrtc::Config {
        stun_servers: config.stun_servers.clone(),
        keep_local_addresses: config.keep_local_addresses,
        ephemeral_ports: config.ephemeral_ports.clone(),
        outbound_address: config.outbound_address,
        gathering_deadline: config.timers.gathering,
    }
}

async fn summaries(stats: &Stats, interval: Option<Duration>) {
    let Some(interval) = interval else { return pending().await };
    let mut ticks = interval_at(Instant::now() + interval, interval);
    loop {
        ticks.tick().await;
        events::summary(stats, interval);
    }
}

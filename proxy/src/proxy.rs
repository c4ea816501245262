//! The parts of a running proxy.

use std::{future::pending, net::SocketAddr, sync::Arc};

use snowflake_rendezvous::tls::{self, TlsConfig};
use tokio::time::{Instant, interval_at, timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{info, warn};

use crate::{
    EventStream, Shutdown,
    broker::Broker,
    capacity::Capacity,
    config::Config,
    dialer::Dialer,
    error::SetupError,
    event::Event,
    events::Events,
    metrics::Listener,
    nat::{Nat, Probe},
    outbound::OutboundCheck,
    reachability::Reachability,
};

/// A proxy: one of possibly several in a process, they share nothing.
#[derive(Debug)]
pub struct Proxy {
    pub(crate) config: Config,
    pub(crate) dialer: Dialer,
    /// How clients are answered.
    pub(crate) webrtc: snowflake_webrtc::Config,
    pub(crate) broker: Broker,
    pub(crate) nat: Nat,
    pub(crate) reachability: Reachability,
    pub(crate) capacity: Capacity,
    pub(crate) outbound: OutboundCheck,
    pub(crate) events: Arc<Events>,
    metrics: Option<Listener>,
}

impl Proxy {
    /// Sets a proxy up: reads the system's certificate authorities, listens for Prometheus, and does nothing else.
    ///
    /// # Errors
    ///
    /// A broker's or probe server's URL that cannot be used, an address for Prometheus that cannot be had.
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
        let dialer = Dialer::new(tls, config.environment.clone());
        let events = Arc::new(Events::new(config.log_summaries));
        let broker = dialer.exchange(&config.broker).map_err(SetupError::Broker)?;
        let webrtc = webrtc_config(&config);
        let probe =
            Probe::new(&config, |url| dialer.exchange(url)).map_err(SetupError::ProbeServer)?;
        let listen = |address| {
            Listener::bind(address)
                .map_err(|source| SetupError::Metrics { address: address.clone(), source })
        };
        Ok(Self {
            metrics: config.metrics.as_ref().map(listen).transpose()?,
            broker: Broker::new(broker, &config),
            nat: Nat::new(probe, events.clone()),
            reachability: Reachability::new(config.relay.clone(), dialer.clone()),
            capacity: Capacity::new(config.capacity),
            outbound: OutboundCheck::new(config.outbound_address),
            events,
            webrtc,
            dialer,
            config,
        })
    }

    /// What happens from now on, for any number of readers; see [`EventStream`].
    pub fn events(&self) -> EventStream {
        self.events.subscribe()
    }

    /// Where Prometheus can ask, if [`Config::metrics`] says that it can.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics.as_ref()?.address()
    }

    /// Serves clients until it is told to stop, and returns when the last one is closed.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops the proxy as well, only that nobody waits until its clients' carriers are closed.
    pub async fn run(mut self, shutdown: Shutdown) {
        let metrics = self.metrics.take();
        self.events.tell(Event::Starting);
        if let Some(wish) = self.config.imitation {
            warn!("{}", wish.refusal());
        }
        let proxy = Arc::new(self);
        let telling = async {
            tokio::join!(serve_metrics(metrics, &proxy.events), proxy.summaries());
        };
        tokio::select! {
            () = proxy.serve_clients(&shutdown) => {}
            () = telling => {}
        }
    }

    async fn serve_clients(self: &Arc<Self>, shutdown: &Shutdown) {
        let (clients, stop) = (TaskTracker::new(), CancellationToken::new());
        // Ends the clients' tasks also when this future is dropped before its time.
        let guard = stop.clone().drop_guard();
        let asking = async {
            tokio::join!(
                self.nat.watch(self.config.nat_retest_interval),
                self.reachability.watch(),
                self.poll(&clients, &stop),
            )
        };
        shutdown.no_more_clients().run_until_cancelled(asking).await;
        clients.close();
        self.let_finish(&clients, shutdown).await;
        drop(guard);
        clients.wait().await;
    }

    /// Waits for the clients that are there, if there is time.
    async fn let_finish(&self, clients: &TaskTracker, shutdown: &Shutdown) {
        let (limit, count) = (self.config.timers.finish, clients.len());
        if count > 0 && !shutdown.at_once().is_cancelled() {
            info!("stopping: {count} clients may finish, for {limit:?} at most");
        }
        let finished = shutdown.at_once().run_until_cancelled(clients.wait());
        // What comes of it does not matter: whoever is still there is closed.
        let _ = timeout(limit, finished).await;
    }

    async fn summaries(&self) {
        let Some(interval) = self.config.summary_interval else { return pending().await };
        let mut ticks = interval_at(Instant::now() + interval, interval);
        loop {
            ticks.tick().await;
            self.events.summarise(interval);
        }
    }
}

pub(crate) fn webrtc_config(config: &Config) -> snowflake_webrtc::Config {
    snowflake_webrtc::Config {
        stun_servers: config.stun_servers.clone(),
        keep_local_addresses: config.keep_local_addresses,
        ephemeral_ports: config.ephemeral_ports.clone(),
        outbound_address: config.outbound_address,
        gathering_deadline: config.timers.gathering,
        ..snowflake_webrtc::Config::default()
    }
}

async fn serve_metrics(listener: Option<Listener>, events: &Arc<Events>) {
    match listener {
        Some(listener) => listener.serve(events.clone()).await,
        None => pending().await,
    }
}

//! How broker, probe server and relays are reached: directly, or through a proxy that the environment names.

use std::{net::IpAddr, time::Duration};

use snowflake_rendezvous::{ConfigError, Environment, Exchange, limits, tls::TlsConfig};
use snowflake_websocket::{WebSocket, dial, dial_over};
use tokio::time::{Instant, timeout_at};
use url::Url;

use crate::error::RelayError;

/// The way out.
#[derive(Clone, Debug)]
pub(crate) struct Dialer {
    tls: TlsConfig,
    environment: Environment,
}

impl Dialer {
    pub(crate) fn new(tls: TlsConfig, environment: Environment) -> Self {
        Self { tls, environment }
    }

    /// Describes exchanges with the server at `url`.
    pub(crate) fn exchange(&self, url: &Url) -> Result<Exchange, ConfigError> {
        let exchange =
            Exchange::new(url.clone(), [""; 0], self.tls.clone(), limits::PROXY_HEADERS)?;
        Ok(match self.environment.upstream(url) {
            Some(upstream) => exchange.through(upstream.clone()),
            None => exchange,
        })
    }

    /// Opens a WebSocket to `relay`; `limit` bounds the whole.
    pub(crate) async fn dial(
        &self,
        relay: &Url,
        client_ip: Option<IpAddr>,
        limit: Duration,
    ) -> Result<WebSocket, RelayError> {
        let tls = self.tls.clone();
        let Some(upstream) = self.environment.upstream(relay) else {
            return Ok(dial(relay, client_ip, tls, limit).await?);
        };
        let end = Instant::now() + limit;
        let tcp = timeout_at(end, upstream.dial(relay))
            .await
            .map_err(|_| RelayError::TimedOut(limit))?
            .map_err(RelayError::Upstream)?;
        Ok(dial_over(tcp, relay, client_ip, tls, end - Instant::now()).await?)
    }
}

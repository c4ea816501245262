//! Where a listener comes from.

use std::net::SocketAddr;

use tokio::net::TcpListener;

use crate::{
    Listener,
    arrivals::bind,
    config::Config,
    error::{ConfigError, ListenError},
};

/// A server's settings, found to make sense: what [`Listener`]s are made of, which share nothing else.
#[derive(Clone, Debug)]
pub struct Transport {
    config: Config,
}

impl Transport {
    /// Checks the settings, and does nothing else.
    ///
    /// ```
    /// use snowflake_server::{Config, Limits, Transport};
    ///
    /// let limits = Limits { streams: 0, ..Limits::default() };
    /// let refused = Transport::new(Config { limits, ..Config::default() }).unwrap_err();
    /// assert_eq!(refused.to_string(), "the limit `streams` is 0: nobody could be served");
    /// ```
    ///
    /// # Errors
    ///
    /// A limit with which nobody could be served, or which the runtime cannot count.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        config.check()?;
        Ok(Self { config })
    }

    /// Its settings.
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Listens at an address; port 0 is whichever is free, see [`Listener::local_addr`].
    ///
    /// # Errors
    ///
    /// What the system has against it.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the port.
    pub async fn listen(&self, address: SocketAddr) -> Result<Listener, ListenError> {
        Ok(self.listen_on(bind(address).await?))
    }

    /// Takes the connections of a port that is open already, for example one that a service manager has handed over.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn listen_on(&self, socket: TcpListener) -> Listener {
        Listener::new(self.config.clone(), socket)
    }
}

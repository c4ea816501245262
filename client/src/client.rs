//! What dials: settings, and what its connections know together.

use crate::error::DialError;
use crate::settings::Settings;
use crate::{ClientConfig, ConfigError, Connection, Event, EventStream, Shared};
use std::sync::Arc;
use tokio::time::timeout;

/// Dials connections to a bridge, any number at once; clones are one.
///
/// Each connection has a session and proxies of its own. What they learn of this machine's NAT and of the ways to a broker
/// they share, and it outlives them. A client without a connection does nothing; when the last clone and the last connection
/// are dropped, nothing of it is left, no task and no socket.
#[derive(Clone, Debug)]
pub struct Client {
    settings: Arc<Settings>,
    /// What is told once, before the first connection.
    notices: Arc<[Event]>,
    shared: Shared,
}

impl Client {
    /// Checks the settings, and does nothing else.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names the field, its value and what is wrong with it.
    pub fn new(config: ClientConfig) -> Result<Self, ConfigError> {
        Self::sharing(config, &Shared::default())
    }

    /// The same for a client that knows what others know, and tells the same readers what happens.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn sharing(config: ClientConfig, shared: &Shared) -> Result<Self, ConfigError> {
        let settings = Arc::new(Settings::new(&config, shared.winners.clone())?);
        let around = config.upstream.as_ref().filter(|upstream| !upstream.carries_datagrams());
        let missing = config.imitation.missing().map(|what| Event::NoEffect(what.into()));
        let notices = around.map(|_| Event::RendezvousOnly).into_iter().chain(missing).collect();
        Ok(Self { settings, notices, shared: shared.clone() })
    }

    /// What happens from now on, for any number of readers; see [`EventStream`]. It ends with the client, its connections
    /// and those that it [shares](Shared) with.
    pub fn events(&self) -> EventStream {
        self.shared.events()
    }

    /// Connects to the bridge: waits until there is a first proxy.
    ///
    /// As long as it takes there are further attempts, each with an [`Event`], after pauses of one to ten seconds.
    ///
    /// # Errors
    ///
    /// [`DialError::NoProxy`] after [`ClientConfig::dial_limit`], with what the last attempt failed of.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves nothing behind.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime, and if the operating system has no randomness to give.
    pub async fn dial(&self) -> Result<Connection, DialError> {
        let connection = self.open()?;
        let limit = self.settings.dial_limit;
        match timeout(limit, connection.connected()).await {
            Ok(()) => Ok(connection),
            Err(_) => Err(DialError::NoProxy { limit, last: connection.last_failure() }),
        }
    }

    /// The same without waiting, as Go's client dials: proxies are looked for while the connection lives, and what is
    /// written before there is one goes out with it.
    ///
    /// # Errors
    ///
    /// [`DialError::Open`], which does not happen to new sessions.
    ///
    /// # Panics
    ///
    /// As [`dial`](Self::dial).
    pub fn open(&self) -> Result<Connection, DialError> {
        for notice in &*self.notices {
            self.shared.events.tell_once(notice.clone());
        }
        Connection::open(self.settings.clone(), &self.shared)
    }
}

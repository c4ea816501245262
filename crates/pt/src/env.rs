//! What tor wants: the `TOR_PT_*` variables, read once, into a type.
//!
//! Only `main` knows the process environment; everything here takes pairs:
//!
//! ```
//! use snowflake_pt::ClientEnv;
//!
//! let env = ClientEnv::parse([
//!     ("TOR_PT_MANAGED_TRANSPORT_VER", "1"),
//!     ("TOR_PT_CLIENT_TRANSPORTS", "snowflake,meek"),
//!     ("TOR_PT_EXIT_ON_STDIN_CLOSE", "1"),
//! ])?;
//! assert_eq!(env.transports, ["snowflake", "meek"]);
//! assert!(env.exit_on_stdin_close);
//! # Ok::<(), snowflake_pt::error::EnvError>(())
//! ```

use std::{
    collections::HashMap,
    ffi::{OsStr, OsString},
    net::SocketAddr,
    path::PathBuf,
};

use crate::{
    args::{Args, server_options},
    error::EnvError,
};

mod proxy;

pub use proxy::{Credentials, ProxyKind, UpstreamProxy};

const VERSIONS: &str = "TOR_PT_MANAGED_TRANSPORT_VER";
const STATE_LOCATION: &str = "TOR_PT_STATE_LOCATION";
const EXIT_ON_STDIN_CLOSE: &str = "TOR_PT_EXIT_ON_STDIN_CLOSE";
const CLIENT_TRANSPORTS: &str = "TOR_PT_CLIENT_TRANSPORTS";
const PROXY: &str = "TOR_PT_PROXY";
const SERVER_TRANSPORTS: &str = "TOR_PT_SERVER_TRANSPORTS";
const SERVER_BINDADDR: &str = "TOR_PT_SERVER_BINDADDR";
const SERVER_OPTIONS: &str = "TOR_PT_SERVER_TRANSPORT_OPTIONS";
const ORPORT: &str = "TOR_PT_ORPORT";
const EXTENDED_PORT: &str = "TOR_PT_EXTENDED_SERVER_PORT";
const COOKIE_FILE: &str = "TOR_PT_AUTH_COOKIE_FILE";

/// What a client is asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientEnv {
    /// Where to keep files, if tor says so. The directory may not exist yet.
    pub state_location: Option<PathBuf>,
    /// Whether the end of stdin means the end.
    pub exit_on_stdin_close: bool,
    /// The transports that tor wants, at least one; some may be unknown here.
    pub transports: Vec<String>,
    /// The proxy through which tor wants every connection made.
    pub proxy: Option<UpstreamProxy>,
}

/// What a server is asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerEnv {
    /// Where to keep files, if tor says so. The directory may not exist yet.
    pub state_location: Option<PathBuf>,
    /// Whether the end of stdin means the end.
    pub exit_on_stdin_close: bool,
    /// Where to listen, one for each transport that tor wants; some may be unknown here.
    pub bind_addresses: Vec<BindAddress>,
    /// Where streams go.
    pub or_port: OrPort,
}

/// A transport, where it should listen, and its options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindAddress {
    /// The name of the transport.
    pub transport: String,
    /// Where to listen.
    pub address: SocketAddr,
    /// Its `ServerTransportOptions`; see [`ServerOptions`](crate::ServerOptions).
    pub options: Args,
}

/// tor's side of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrPort {
    /// Takes a connection as if the user had made it.
    Plain(SocketAddr),
    /// Wants to be told where the user comes from. Preferred if tor gives both.
    Extended {
        /// Where tor listens.
        address: SocketAddr,
        /// The secret that proves each to the other.
        cookie_file: PathBuf,
    },
}

impl OrPort {
    /// Where tor listens.
    pub const fn address(&self) -> SocketAddr {
        match self {
            Self::Plain(address) | Self::Extended { address, .. } => *address,
        }
    }
}

impl ClientEnv {
    /// Reads a client's environment; variables of other programs are skipped.
    ///
    /// # Errors
    ///
    /// The first error in the order of the Go client: version, transports, proxy.
    pub fn parse<K, V>(pairs: impl IntoIterator<Item = (K, V)>) -> Result<Self, EnvError>
    where
        K: AsRef<OsStr>,
        V: Into<OsString>,
    {
        let variables = Variables::collect(pairs);
        variables.check_version()?;
        Ok(Self {
            transports: variables.list(CLIENT_TRANSPORTS)?,
            proxy: variables.text(PROXY)?.map(UpstreamProxy::parse).transpose()?,
            state_location: variables.path(STATE_LOCATION),
            exit_on_stdin_close: variables.exit_on_stdin_close(),
        })
    }
}

impl ServerEnv {
    /// Reads a server's environment; variables of other programs are skipped.
    ///
    /// # Errors
    ///
    /// The first error in the order of the Go server: version, bind addresses with their options,
    /// ORPort.
    pub fn parse<K, V>(pairs: impl IntoIterator<Item = (K, V)>) -> Result<Self, EnvError>
    where
        K: AsRef<OsStr>,
        V: Into<OsString>,
    {
        let variables = Variables::collect(pairs);
        variables.check_version()?;
        Ok(Self {
            bind_addresses: variables.bind_addresses()?,
            or_port: variables.or_port()?,
            state_location: variables.path(STATE_LOCATION),
            exit_on_stdin_close: variables.exit_on_stdin_close(),
        })
    }
}

/// The variables that tor sets. An empty one counts as missing.
struct Variables(HashMap<String, OsString>);

impl Variables {
    fn collect<K, V>(pairs: impl IntoIterator<Item = (K, V)>) -> Self
    where
        K: AsRef<OsStr>,
        V: Into<OsString>,
    {
        let ours = pairs.into_iter().filter_map(|(key, value)| {
            let key = key.as_ref().to_str().filter(|key| key.starts_with("TOR_PT_"))?;
            Some((key.to_owned(), value.into()))
        });
        let mut variables: HashMap<_, _> = ours.collect();
        variables.retain(|_, value| !value.is_empty());
        Self(variables)
    }

    fn text(&self, key: &'static str) -> Result<Option<&str>, EnvError> {
        let value = self.0.get(key);
        value.map(|value| value.to_str().ok_or(EnvError::NotUtf8(key))).transpose()
    }

    fn required(&self, key: &'static str) -> Result<&str, EnvError> {
        self.text(key)?.ok_or(EnvError::Missing(key))
    }

    fn list(&self, key: &'static str) -> Result<Vec<String>, EnvError> {
        Ok(self.required(key)?.split(',').map(str::to_owned).collect())
    }

    fn path(&self, key: &str) -> Option<PathBuf> {
        self.0.get(key).map(PathBuf::from)
    }

    fn address(&self, key: &'static str) -> Result<Option<SocketAddr>, EnvError> {
        self.text(key)?.map(|text| address(key, text)).transpose()
    }

    fn check_version(&self) -> Result<(), EnvError> {
        let offered = self.required(VERSIONS)?;
        if offered.split(',').any(|version| version == "1") {
            Ok(())
        } else {
            Err(EnvError::NoVersion)
        }
    }

    fn exit_on_stdin_close(&self) -> bool {
        self.0.get(EXIT_ON_STDIN_CLOSE).is_some_and(|value| value == "1")
    }

    fn bind_addresses(&self) -> Result<Vec<BindAddress>, EnvError> {
        let options = server_options(self.text(SERVER_OPTIONS)?.unwrap_or_default())?;
        let mut all: Vec<BindAddress> = Vec::new();
        for entry in self.required(SERVER_BINDADDR)?.split(',') {
            let (transport, text) =
                entry.split_once('-').ok_or_else(|| EnvError::BindAddress(entry.to_owned()))?;
            if all.iter().any(|other| other.transport == transport) {
                return Err(EnvError::BoundTwice(transport.to_owned()));
            }
            let own = options.iter().filter(|(name, ..)| name == transport);
            all.push(BindAddress {
                transport: transport.to_owned(),
                address: address(SERVER_BINDADDR, text)?,
                options: own.map(|(_, key, value)| (key, value)).collect(),
            });
        }
        let wanted = self.list(SERVER_TRANSPORTS)?;
        all.retain(|bind| wanted.contains(&bind.transport));
        Ok(all)
    }

    fn or_port(&self) -> Result<OrPort, EnvError> {
        let plain = self.address(ORPORT)?;
        if let Some(address) = self.address(EXTENDED_PORT)? {
            let cookie_file = self.path(COOKIE_FILE).ok_or(EnvError::NoCookieFile)?;
            return Ok(OrPort::Extended { address, cookie_file });
        }
        plain.map(OrPort::Plain).ok_or(EnvError::NoOrPort)
    }
}

fn address(variable: &'static str, text: &str) -> Result<SocketAddr, EnvError> {
    text.parse().map_err(|_| EnvError::Address { variable, value: text.to_owned() })
}

#[cfg(test)]
mod tests;

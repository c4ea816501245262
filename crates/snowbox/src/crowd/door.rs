//! Where users come in: the server's WebSocket, dialed as a proxy does.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use bytes::Bytes;
use futures_util::SinkExt;
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use snowflake_turbotunnel::Dial;
use snowflake_websocket::{DialError, WebSocket, dial, limits};
use url::Url;

/// Addresses at which the server is reached, from 127.0.0.1 on. To each of them a source port can be used once more, so
/// that users never run out of ports: with as few as 1000, for 64,000 users.
const ADDRESSES: u32 = 64;

/// The first of the users' addresses, as the proxies would tell them: those for benchmarks (RFC 2544), 198.18.0.0/15.
const USERS: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 0);
/// How many those are.
const USER_ADDRESSES: u32 = 1 << 17;

/// The way to a server that listens at every address of this machine. Clones count together.
#[derive(Debug, Clone)]
pub struct Door {
    port: u16,
    tls: Arc<ClientConfig>,
    dials: Arc<AtomicU64>,
}

/// One user's way in.
#[derive(Debug)]
pub struct Entrance {
    url: Url,
    user: IpAddr,
    door: Door,
}

impl Door {
    /// The server's port.
    pub fn new(port: u16) -> Self {
        Self { port, tls: no_tls(), dials: Arc::default() }
    }

    /// WebSockets that were dialed, with or without success.
    pub fn dials(&self) -> u64 {
        self.dials.load(Relaxed)
    }

    /// The way in for the user with this number.
    pub(crate) fn of(&self, number: u32) -> Entrance {
        let user = Ipv4Addr::from_bits(USERS.to_bits() + number % USER_ADDRESSES);
        Entrance { url: self.url(number), user: user.into(), door: self.clone() }
    }

    fn url(&self, number: u32) -> Url {
        let host = Ipv4Addr::from_bits(Ipv4Addr::LOCALHOST.to_bits() + number % ADDRESSES);
        let url = Url::parse(&format!("ws://{host}:{}/", self.port));
        // Digits and dots are a host, and every number of 16 bits is a port.
        let Ok(url) = url else { unreachable!("an address is no URL") };
        url
    }
}

impl Dial for Entrance {
    type Carrier = WebSocket;
    type Error = DialError;

    async fn dial(&self, preamble: Bytes) -> Result<WebSocket, DialError> {
        self.door.dials.fetch_add(1, Relaxed);
        let tls = self.door.tls.clone();
        let mut websocket = dial(&self.url, Some(self.user), tls, limits::DIAL).await?;
        websocket.send(preamble).await.map_err(DialError::Handshake)?;
        Ok(websocket)
    }
}

/// What the dialer wants even for `ws://`; it trusts nobody.
fn no_tls() -> Arc<ClientConfig> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    // ring has what every version needs.
    let Ok(builder) = builder.with_safe_default_protocol_versions() else {
        unreachable!("ring knows no version of TLS")
    };
    builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_come_to_different_addresses_from_different_addresses() {
        let door = Door::new(8443);
        let [first, second, again] = [0, 1, ADDRESSES].map(|number| door.of(number));
        assert_eq!(first.url.as_str(), "ws://127.0.0.1:8443/");
        assert_eq!(second.url.as_str(), "ws://127.0.0.2:8443/");
        assert_eq!(again.url, first.url);
        assert_eq!(second.user.to_string(), "198.18.0.1");
        assert_eq!(door.of(u32::MAX).user.to_string(), "198.19.255.255");
    }
}

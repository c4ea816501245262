//! The way out that tor's user has told tor of: TOR_PT_PROXY.

use snowflake_pt::{ProxyKind, UpstreamProxy};
use snowflake_rendezvous::UpstreamKind;
use snowflake_socks5::{Error, Proxy};

/// A proxy through which everything goes that it carries: all of it with SOCKS5, the rendezvous only with the others.
#[derive(Clone, Debug)]
pub struct Upstream {
    rendezvous: snowflake_rendezvous::Upstream,
    /// For WebRTC and STUN; `None` if it carries no datagrams.
    datagrams: Option<Proxy>,
}

impl Upstream {
    /// The proxy of TOR_PT_PROXY.
    pub fn new(proxy: UpstreamProxy) -> Self {
        let kind = match proxy.kind {
            ProxyKind::Socks5 => UpstreamKind::Socks5,
            ProxyKind::Socks4a => UpstreamKind::Socks4a,
            ProxyKind::Http => UpstreamKind::Http,
        };
        let UpstreamProxy { address, credentials, .. } = proxy;
        let rendezvous = snowflake_rendezvous::Upstream::new(kind, address);
        let rendezvous = match credentials.clone() {
            Some(credentials) => rendezvous.with_credentials(credentials),
            None => rendezvous,
        };
        let datagrams = (kind == UpstreamKind::Socks5).then(|| Proxy::new(address, credentials));
        Self { rendezvous, datagrams }
    }

    /// Asks the proxy for a way for datagrams, as Go's client does at its start. Others are not asked for anything.
    ///
    /// # Errors
    ///
    /// What tor is told after `PROXY-ERROR proxy test failure:`.
    pub async fn test(&self) -> Result<(), Error> {
        match &self.datagrams {
            Some(proxy) => proxy.associate().await.map(drop),
            None => Ok(()),
        }
    }

    pub(crate) fn carries_datagrams(&self) -> bool {
        self.datagrams.is_some()
    }

    /// For the way to the broker.
    pub(crate) fn for_rendezvous(&self) -> snowflake_rendezvous::Upstream {
        self.rendezvous.clone()
    }

    /// For WebRTC and STUN; `None` if it carries no datagrams.
    pub(crate) fn for_datagrams(&self) -> Option<Proxy> {
        self.datagrams.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rendezvous::Winners;
    use crate::settings::Settings;
    use crate::{ClientConfig, Method};

    /// Whether WebRTC goes through this proxy.
    fn is_for_datagrams(url: &str) -> bool {
        let upstream = Upstream::new(UpstreamProxy::parse(url).unwrap());
        let methods = vec![Method::http("https://b.example/", &[]).unwrap()];
        let carries = upstream.carries_datagrams();
        let config = ClientConfig { methods, upstream: Some(upstream), ..ClientConfig::default() };
        let settings = Settings::new(&config, Winners::default()).unwrap();
        assert_eq!(settings.webrtc.upstream.is_some(), carries);
        carries
    }

    #[test]
    fn only_socks5_carries_datagrams() {
        assert!(is_for_datagrams("socks5://127.0.0.1:1080"));
        assert!(is_for_datagrams("socks5://user:password@127.0.0.1:1080"));
        assert!(!is_for_datagrams("socks4a://127.0.0.1:1080"));
        assert!(!is_for_datagrams("http://127.0.0.1:8080"));
    }
}

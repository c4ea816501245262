//! What stands between the client and the broker, as it does where brokers are blocked.
//!
//! The client is then told of a broker that it cannot reach in any other way: its name is known here only.

use std::{collections::BTreeMap, ffi::OsString, io, net::SocketAddr, sync::Arc};

use clap::ValueEnum;
use rustls::{ClientConfig, RootCertStore, crypto::ring};

use crate::{
    amp_cache::{AmpCache, Origins},
    error::{Doing, Error},
    front::{self, BROKER, FRONT, Front},
    place::Place,
};

/// The AMP cache's URL. Its name is known to nobody: it is dialled by a front that is its address.
const CACHE: &str = "http://amp.example/";

/// How the client reaches the broker.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Rendezvous {
    /// By HTTP, with nothing between.
    #[default]
    Direct,
    /// By HTTPS through a front, which sees another name than the broker's in the ClientHello.
    Front,
    /// Through an AMP cache.
    Amp,
}

/// What stands between, running until this is dropped; and what the client has to know of it.
#[derive(Debug, Default)]
pub struct Between {
    /// What stands in the Bridge line for the broker's own `url`; if it is empty, that holds.
    pub args: Vec<(&'static str, String)>,
    /// The client's environment.
    pub env: Vec<(&'static str, OsString)>,
    _cache: Option<AmpCache>,
    _front: Option<Front>,
}

impl Between {
    /// Starts what the command line asks for.
    ///
    /// # Errors
    /// When no port can be bound, or no certificate be made.
    pub async fn start(place: &Place, broker: SocketAddr) -> Result<Self, Error> {
        match place.args.rendezvous {
            Rendezvous::Direct => Ok(Self::default()),
            Rendezvous::Front => Self::front(place, broker).await,
            Rendezvous::Amp => Self::amp(broker).await.doing("starting the AMP cache"),
        }
    }

    async fn amp(broker: SocketAddr) -> io::Result<Self> {
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth();
        let addresses = BTreeMap::from([(BROKER.to_owned(), broker)]);
        let cache = AmpCache::start(Origins { addresses, tls: Arc::new(tls) }).await?;
        let args = vec![
            ("url", format!("http://{BROKER}/")),
            ("ampcache", CACHE.to_owned()),
            ("front", cache.address().to_string()),
        ];
        Ok(Self { args, _cache: Some(cache), ..Self::default() })
    }

    async fn front(place: &Place, broker: SocketAddr) -> Result<Self, Error> {
        let front = Front::start(front::Plan::default(), broker).await;
        let front = front.doing("starting the front")?;
        let certificate = place.file("front.pem", front.pem())?;
        let args = vec![
            ("url", format!("https://{BROKER}/")),
            ("front", format!("{FRONT}:{}", front.address().port())),
        ];
        // Go's client believes these certificates, too.
        let env = vec![("SSL_CERT_FILE", certificate.into())];
        Ok(Self { args, env, _front: Some(front), ..Self::default() })
    }
}

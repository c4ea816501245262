//! What stands between the client and the broker, as it does where brokers are blocked.
//!
//! The client is then told of a broker that it cannot reach in any other way: its name is known here only.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use clap::ValueEnum;
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::ring,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tokio::{
    io::{AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

use crate::{
    amp_cache::{AmpCache, Origins},
    error::{Doing, Error},
    http::Head,
    listener::{self, MAX_CONNECTIONS},
    place::Place,
};

/// The broker's name.
const BROKER: &str = "broker.example";
/// The front's name, which every machine knows.
const FRONT: &str = "localhost";
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
    _front: JoinSet<()>,
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
        let (acceptor, certificate) =
            identity().map_err(io::Error::other).doing("making the front's certificate")?;
        let certificate = place.file("front.pem", &certificate)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.doing("starting the front")?;
        let address = listener.local_addr().doing("starting the front")?;
        let mut tasks = JoinSet::new();
        tasks.spawn(listener::serve(listener, MAX_CONNECTIONS, move |tcp| {
            let acceptor = acceptor.clone();
            // A client that is turned away, or breaks off, has lost its answer and nothing else.
            async move { drop(pass_on(tcp, acceptor, broker).await) }
        }));
        let args = vec![
            ("url", format!("https://{BROKER}/")),
            ("front", format!("{FRONT}:{}", address.port())),
        ];
        // Go's client believes these certificates, too.
        let env = vec![("SSL_CERT_FILE", certificate.into())];
        Ok(Self { args, env, _front: tasks, ..Self::default() })
    }
}

/// The front's TLS, and its certificate in PEM.
fn identity() -> Result<(TlsAcceptor, String), Box<dyn std::error::Error + Send + Sync>> {
    let key = rcgen::KeyPair::generate()?;
    let certificate = rcgen::CertificateParams::new(vec![FRONT.to_owned()])?.self_signed(&key)?;
    let pem = certificate.pem();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)?;
    Ok((TlsAcceptor::from(Arc::new(config)), pem))
}

/// Passes one request on to the broker, if the ClientHello names the front and the request names the broker.
async fn pass_on(tcp: TcpStream, acceptor: TlsAcceptor, broker: SocketAddr) -> io::Result<()> {
    let mut client = acceptor.accept(tcp).await?;
    let names_front = client.get_ref().1.server_name() == Some(FRONT);
    let head = Head::read(&mut client).await?;
    if !names_front || head.header("host") != Some(BROKER) {
        return client.write_all(b"HTTP/1.1 421 Misdirected Request\r\n\r\n").await;
    }
    let mut broker = TcpStream::connect(broker).await?;
    let length = head.content_length().unwrap_or(0);
    let request = format!(
        "{}\r\nHost: {BROKER}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n",
        head.first_line
    );
    broker.write_all(&[request.as_bytes(), &head.rest].concat()).await?;
    copy_bidirectional(&mut client, &mut broker).await.map(drop)
}

#[cfg(test)]
mod tests;

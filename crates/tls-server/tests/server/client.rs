//! Who connects, and which certificates there are.

use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring::default_provider,
    pki_types::{CertificateDer, ServerName},
};
use snowflake_tls_server::{HTTP1, Tls};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// A certificate for some names with its key, in PEM, made now.
pub(crate) fn certificate(names: &[&str]) -> (String, String) {
    signed(
        CertificateParams::new(names.iter().map(|name| name.to_string()).collect::<Vec<_>>())
            .unwrap(),
    )
}

/// A certificate signed by itself, and its key.
pub(crate) fn signed(params: CertificateParams) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

/// The certificate that is shown to somebody who asks for `name` and believes everybody in `roots`.
pub(crate) async fn shown<T: AsyncRead + AsyncWrite + Unpin>(
    transport: T,
    name: &str,
    roots: &[CertificateDer<'static>],
) -> std::io::Result<CertificateDer<'static>> {
    let stream = connect(transport, name, roots, HTTP1).await?;
    Ok(stream.get_ref().1.peer_certificates().unwrap()[0].clone())
}

/// A connection as a client makes it.
pub(crate) async fn connect<T: AsyncRead + AsyncWrite + Unpin>(
    transport: T,
    name: &str,
    roots: &[CertificateDer<'static>],
    protocol: &[u8],
) -> std::io::Result<TlsStream<T>> {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(roots.iter().cloned());
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_root_certificates(store).with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    let name = ServerName::try_from(name.to_owned()).unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, transport).await
}

/// What a server in this process shows.
pub(crate) async fn shown_by(
    tls: &Tls,
    name: &str,
    roots: &[CertificateDer<'static>],
) -> std::io::Result<CertificateDer<'static>> {
    let (client, server) = tokio::io::duplex(1 << 16);
    let (accepted, shown) = tokio::join!(tls.accept(server), shown(client, name, roots));
    drop(accepted);
    shown
}

use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use tokio::io::AsyncReadExt;
use tokio_rustls::TlsConnector;

use super::*;

/// What the front answers to a request for `host` after a ClientHello with `sni`.
async fn ask(sni: &'static str, enable_sni: bool, host: &str) -> String {
    let (acceptor, pem) = identity().unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.enable_sni = enable_sni;
    let bind = async || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let (front, broker) = (bind().await, bind().await);
    let (front_address, broker_address) =
        (front.local_addr().unwrap(), broker.local_addr().unwrap());
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        drop(pass_on(front.accept().await.unwrap().0, acceptor, broker_address).await)
    });
    tasks.spawn(async move {
        let (mut stream, _) = broker.accept().await.unwrap();
        let head = Head::read(&mut stream).await.unwrap();
        stream.write_all(format!("broker: {}", head.first_line).as_bytes()).await.unwrap();
    });
    let tcp = TcpStream::connect(front_address).await.unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    let mut tls = connector.connect(ServerName::try_from(sni).unwrap(), tcp).await.unwrap();
    let request = format!("POST /client HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n");
    tls.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // The end of the connection need not be a polite one.
    let _ = tls.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn the_front_serves_who_names_both() {
    assert_eq!(ask(FRONT, true, BROKER).await, "broker: POST /client HTTP/1.1");
    for (has_sni, host) in [(true, FRONT), (false, BROKER)] {
        let answer = ask(FRONT, has_sni, host).await;
        assert!(answer.starts_with("HTTP/1.1 421 "), "{has_sni} {host}: {answer}");
    }
}

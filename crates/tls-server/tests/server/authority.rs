//! Debian's `pebble`: a certificate authority that asks whoever has a name, as Let's Encrypt does.

use std::{fs, net::SocketAddr, process::Stdio, time::Duration};

use rustls::pki_types::{CertificateDer, pem::PemObject};
use snowflake_tls_server::Directory;
use tempfile::TempDir;
use tokio::{
    net::{TcpListener, TcpStream, UdpSocket},
    process::{Child, Command},
    time::sleep,
};
use tokio_util::task::AbortOnDropHandle;

use crate::client::certificate;

/// A running authority.
pub(crate) struct Authority {
    pub(crate) directory: Directory,
    _pebble: Child,
    _dns: AbortOnDropHandle<()>,
    _folder: TempDir,
}

impl Authority {
    /// It comes to these ports of loopback, whatever the name.
    pub(crate) async fn start(http_port: u16, tls_port: u16) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = certificate(&["localhost"]);
        let path = |name: &str| folder.path().join(name);
        fs::write(path("certificate"), &certificate).unwrap();
        fs::write(path("key"), key).unwrap();
        let address = free_address().await;
        let config = format!(
            r#"{{"pebble": {{"listenAddress": "{address}", "certificate": "{}", "privateKey": "{}",
                "httpPort": {http_port}, "tlsPort": {tls_port}}}}}"#,
            path("certificate").display(),
            path("key").display(),
        );
        fs::write(path("config"), config).unwrap();
        let dns = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let pebble = Command::new("pebble")
            .arg("-config")
            .arg(path("config"))
            .args(["-dnsserver", &dns.local_addr().unwrap().to_string()])
            // It asks at once, and does not say no for practice.
            .envs([("PEBBLE_VA_NOSLEEP", "1"), ("PEBBLE_WFE_NONCEREJECT", "0")])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("pebble, of Debian's package of that name");
        while TcpStream::connect(address).await.is_err() {
            sleep(Duration::from_millis(20)).await;
        }
        let url = format!("https://localhost:{}/dir", address.port());
        let extra_roots = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
        Self {
            directory: Directory { url, extra_roots },
            _pebble: pebble,
            _dns: AbortOnDropHandle::new(tokio::spawn(every_name_is_here(dns))),
            _folder: folder,
        }
    }
}

/// An address that was free a moment ago.
pub(crate) async fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

/// A DNS server that knows one answer: 127.0.0.1, and no IPv6 address.
async fn every_name_is_here(socket: UdpSocket) {
    const TYPE_A: [u8; 2] = [0, 1];
    let mut question = [0; 512];
    while let Ok((length, peer)) = socket.recv_from(&mut question).await {
        let question = &question[..length];
        let name_end = 12 + question[12..].iter().position(|byte| *byte == 0).unwrap() + 1;
        let wants_address = question[name_end..name_end + 2] == TYPE_A;
        let mut answer = question[..2].to_vec();
        answer.extend([0x81, 0x80, 0, 1, 0, u8::from(wants_address), 0, 0, 0, 0]);
        answer.extend(&question[12..name_end + 4]);
        if wants_address {
            answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, 127, 0, 0, 1]);
        }
        socket.send_to(&answer, peer).await.unwrap();
    }
}

//! Debian's `pebble`: a certificate authority that asks whoever has a name, as Let's Encrypt does.

use std::{
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    process::Stdio,
    sync::atomic::{AtomicU8, Ordering},
    time::Duration,
};

use rustls::pki_types::{CertificateDer, pem::PemObject};
use snowflake_tls_server::Directory;
use tempfile::TempDir;
use tokio::{
    net::{TcpListener, TcpStream, UdpSocket},
    process::{Child, Command},
    time::{sleep, timeout},
};
use tokio_util::task::AbortOnDropHandle;

use crate::client::certificate;

/// Longer than the authority takes to start.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running authority.
pub(crate) struct Authority {
    pub(crate) directory: Directory,
    _pebble: Child,
    _dns: AbortOnDropHandle<()>,
    _folder: TempDir,
}

impl Authority {
    /// It comes to these ports of this address, whatever the name.
    pub(crate) async fn start(host: Ipv4Addr, http_port: u16, tls_port: u16) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = certificate(&[&host.to_string()]);
        let path = |name: &str| folder.path().join(name);
        fs::write(path("certificate"), &certificate).unwrap();
        fs::write(path("key"), key).unwrap();
        let address = free_port(host).await;
        let config = format!(
            r#"{{"pebble": {{"listenAddress": "{address}", "certificate": "{}", "privateKey": "{}",
                "httpPort": {http_port}, "tlsPort": {tls_port}}}}}"#,
            path("certificate").display(),
            path("key").display(),
        );
        fs::write(path("config"), config).unwrap();
        let dns = UdpSocket::bind((host, 0)).await.unwrap();
        let complaint = path("stderr");
        let mut pebble = Command::new("pebble")
            .arg("-config")
            .arg(path("config"))
            .args(["-dnsserver", &dns.local_addr().unwrap().to_string()])
            // It asks at once, and does not say no for practice.
            .envs([("PEBBLE_VA_NOSLEEP", "1"), ("PEBBLE_WFE_NONCEREJECT", "0")])
            .stdout(Stdio::null())
            .stderr(File::create(&complaint).unwrap())
            .kill_on_drop(true)
            .spawn()
            .expect("pebble, of Debian's package of that name");
        let listens = wait_for(&mut pebble, address, &complaint);
        timeout(PATIENCE, listens).await.expect("pebble does not listen");
        let url = format!("https://{address}/dir");
        let extra_roots = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
        Self {
            directory: Directory { url, extra_roots },
            _pebble: pebble,
            _dns: AbortOnDropHandle::new(tokio::spawn(every_name_is_at(host, dns))),
            _folder: folder,
        }
    }
}

/// Returns when the authority listens; panics with what it says if it ends instead.
async fn wait_for(pebble: &mut Child, address: SocketAddr, complaint: &Path) {
    while TcpStream::connect(address).await.is_err() {
        if let Some(status) = pebble.try_wait().unwrap() {
            panic!("pebble, {status}: {}", fs::read_to_string(complaint).unwrap());
        }
        sleep(Duration::from_millis(20)).await;
    }
}

/// An address of loopback for one test: no other takes its ports.
pub(crate) fn own_host() -> Ipv4Addr {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let [.., second, third] = std::process::id().to_be_bytes();
    // Neither 127.0 with what everybody uses, nor the last address.
    Ipv4Addr::new(127, second.max(1), third, NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A port of a test's own host.
pub(crate) async fn free_port(host: Ipv4Addr) -> SocketAddr {
    TcpListener::bind((host, 0)).await.unwrap().local_addr().unwrap()
}

/// A DNS server that knows one answer: `host`, and no IPv6 address.
async fn every_name_is_at(host: Ipv4Addr, socket: UdpSocket) {
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
            answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4]);
            answer.extend(host.octets());
        }
        socket.send_to(&answer, peer).await.unwrap();
    }
}

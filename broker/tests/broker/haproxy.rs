//! `haproxy` itself before the broker, without taking part in HTTP and TLS: the broker sees its clients.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use crate::proxy_protocol::{behind_a_balancer, connect, is_first};
use crate::support::*;
use crate::tls;

/// Two clients.
const CLIENTS: [Ipv4Addr; 2] = [Ipv4Addr::new(127, 0, 0, 5), Ipv4Addr::new(127, 0, 0, 6)];

/// A load balancer with one server behind it.
struct Haproxy {
    address: SocketAddr,
    _process: Child,
    _files: TempDir,
}

impl Haproxy {
    /// Starts one that passes connections on to the broker with this kind of header.
    async fn start(header: &str, broker: SocketAddr) -> Self {
        let files = tempfile::tempdir().unwrap();
        let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let config = format!(
            "global\n maxconn 64\ndefaults\n mode tcp\n timeout connect 5s\n timeout client 30s\n timeout server 30s\n\
             listen broker\n bind {address}\n server broker {broker} {header}\n"
        );
        let path = files.path().join("haproxy.cfg");
        std::fs::write(&path, config).unwrap();
        // Debian has it where only root's PATH leads.
        let paths = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin";
        let process = Command::new("haproxy")
            .env("PATH", paths)
            .arg("-db")
            .arg("-f")
            .arg(&path)
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()
            .expect(
                "haproxy, of Debian's package of that name: run .ci/run test, which unpacks it",
            );
        let haproxy = Self { address, _process: process, _files: files };
        haproxy.until_it_listens().await;
        haproxy
    }

    async fn until_it_listens(&self) {
        let listening = async {
            while tokio::net::TcpStream::connect(self.address).await.is_err() {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, listening).await.expect("haproxy listens");
    }
}

#[tokio::test]
async fn haproxy_names_its_clients() {
    for header in ["send-proxy", "send-proxy-v2", "send-proxy-v2 proxy-v2-options crc32c,unique-id"]
    {
        let broker = TestBroker::with(behind_a_balancer()).await;
        let haproxy = Haproxy::start(header, broker.addr).await;
        for expected in [true, false] {
            for client in CLIENTS {
                let mut connection = Connection(connect(client, haproxy.address).await);
                assert_eq!(is_first(&mut connection).await, expected, "{header}: {client}");
            }
        }
        drop(haproxy);
        broker.stop().await;
    }
}

#[tokio::test]
async fn haproxy_passes_tls_on() {
    for header in ["send-proxy", "send-proxy-v2"] {
        let (broker, certificate) = tls::start(behind_a_balancer()).await;
        let haproxy = Haproxy::start(header, broker.addr).await;
        for expected in [true, false] {
            for client in CLIENTS {
                let tcp = connect(client, haproxy.address).await;
                let tls = tls::connect_over(tcp, &certificate, b"http/1.1").await;
                let mut connection = Connection(tls);
                assert_eq!(is_first(&mut connection).await, expected, "{header}: {client}");
            }
        }
    }
}

//! Certificates from an authority: both challenges, renewal, and what is kept.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use rcgen::{CertificateParams, date_time_ymd};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use snowflake_tls_server::{AcmeConfig, Directory, HTTP1, Tls};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::{
    authority::{Authority, free_port, own_host},
    client::{connect, shown, shown_by, signed},
};

const A: &str = "a.snowflake.example";
const B: &str = "b.snowflake.example";

/// Longer than an order takes.
const PATIENCE: Duration = Duration::from_secs(60);

struct Set {
    config: AcmeConfig,
    _folder: TempDir,
}

/// What a server for these names starts with.
fn set(names: &[&str], directory: Directory) -> Set {
    let folder = tempfile::tempdir().unwrap();
    let config = AcmeConfig {
        names: names.iter().map(|name| name.to_string()).collect(),
        email: Some("admin@snowflake.example".to_owned()),
        cache: folder.path().join("state/certificates"),
        http: Vec::new(),
        directory,
    };
    Set { config, _folder: folder }
}

/// An authority that is not there.
fn nobody() -> Directory {
    Directory { url: "https://127.0.0.1:1/dir".to_owned(), extra_roots: Vec::new() }
}

/// Takes connections and drives the certificates, until it is dropped.
fn serve(listener: TcpListener, tls: Tls) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    let keeper = tls.clone();
    tasks.spawn(async move { keeper.keep().await });
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            let tls = tls.clone();
            connections.spawn(async move { drop(tls.accept(stream).await) });
        }
    });
    tasks
}

/// The chain that is kept for a name, once it is there and not `old`.
async fn issued(cache: &Path, name: &str, old: &str) -> Vec<CertificateDer<'static>> {
    let path = cache.join(name);
    let appears = async {
        loop {
            match fs::read_to_string(&path) {
                Ok(text) if text != old => break text,
                _ => sleep(Duration::from_millis(20)).await,
            }
        }
    };
    let text = timeout(PATIENCE, appears).await.expect("no certificate");
    CertificateDer::pem_slice_iter(text.as_bytes()).map(Result::unwrap).collect()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

async fn listen(host: Ipv4Addr) -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((host, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_name_gets_a_certificate_through_the_tls_port_itself() {
    let host = own_host();
    let (listener, address) = listen(host).await;
    let authority = Authority::start(host, 1, address.port()).await;
    let mut set = set(&[A, B], authority.directory.clone());
    // Somebody else has the other port, which is no reason to give up.
    let (_taken, http) = listen(host).await;
    set.config.http = vec![http];
    let cache = set.config.cache.clone();
    let tls = Tls::from_acme(set.config.clone(), &[HTTP1]).unwrap();
    assert!(shown_by(&tls, A, &[]).await.is_err(), "nothing to show yet");
    let _server = serve(listener, tls);
    for name in [A, B] {
        let chain = issued(&cache, name, "").await;
        let stream = TcpStream::connect(address).await.unwrap();
        // Whose chain is believed, and whose certificate is for that name.
        assert_eq!(shown(stream, name, &chain[1..]).await.unwrap(), chain[0]);
        assert_eq!(mode(&cache.join(name)), 0o600);
    }
    assert_eq!(mode(&cache), 0o700);
    assert_eq!(mode(&cache.join("acme_account.p8")), 0o600);
    // When nothing is asked for, the authority's protocol is not spoken.
    let chain = issued(&cache, A, "").await;
    let stream = TcpStream::connect(address).await.unwrap();
    assert!(connect(stream, A, &chain[1..], b"acme-tls/1").await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_through_the_http_port_is_used_by_the_next_run() {
    let host = own_host();
    let http = free_port(host).await;
    let authority = Authority::start(host, http.port(), 1).await;
    let mut set = set(&[A], authority.directory.clone());
    set.config.http = vec![http];
    let tls = Tls::from_acme(set.config.clone(), &[HTTP1]).unwrap();
    let server = serve(listen(host).await.0, tls);
    let chain = issued(&set.config.cache, A, "").await;
    for (host, status, place) in [
        (A, "302 Found", Some("location: https://a.snowflake.example/page?q=1\r\n")),
        (
            "A.snowflake.example:80",
            "302 Found",
            Some("location: https://a.snowflake.example/page?q=1\r\n"),
        ),
        ("other.example", "404 Not Found", None),
    ] {
        let reply = get(http, host, "/page?q=1").await;
        assert!(reply.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{reply}");
        assert!(place.is_none_or(|place| reply.contains(place)), "{reply}");
    }
    drop(server);
    set.config.directory = nobody();
    let tls = Tls::from_acme(set.config.clone(), &[HTTP1]).unwrap();
    assert_eq!(shown_by(&tls, A, &chain[1..]).await.unwrap(), chain[0]);
}

async fn get(address: SocketAddr, host: &str, page: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {page} HTTP/1.1\r\nhost: {host}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.unwrap();
    reply
}

/// The authority does not find the HTTP port here, so it is the other challenge that helps.
#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_near_its_end_is_shown_until_the_next_one_is_there() {
    let host = own_host();
    let (listener, address) = listen(host).await;
    let authority = Authority::start(host, 1, address.port()).await;
    let mut set = set(&[A], authority.directory.clone());
    set.config.http = vec![free_port(host).await];
    let mut params = CertificateParams::new(vec![A.to_owned()]).unwrap();
    (params.not_before, params.not_after) = (date_time_ymd(1975, 1, 1), date_time_ymd(2035, 1, 1));
    let (certificate, key) = signed(params);
    // As Go's autocert leaves it.
    let old = format!("{key}{certificate}");
    fs::create_dir_all(&set.config.cache).unwrap();
    fs::write(set.config.cache.join(A), &old).unwrap();
    let tls = Tls::from_acme(set.config.clone(), &[HTTP1]).unwrap();
    let old_certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
    let believed = std::slice::from_ref(&old_certificate);
    assert_eq!(shown_by(&tls, A, believed).await.unwrap(), old_certificate);
    let _server = serve(listener, tls.clone());
    let chain = issued(&set.config.cache, A, &old).await;
    assert_eq!(shown_by(&tls, A, &chain[1..]).await.unwrap(), chain[0]);
}

/// Why a server does not start.
fn refusal(config: AcmeConfig) -> String {
    Tls::from_acme(config, &[HTTP1]).unwrap_err().to_string()
}

#[test]
fn a_directory_that_cannot_be_used_is_named() {
    let set = set(&[A], nobody());
    let with_cache = |cache: PathBuf| refusal(AcmeConfig { cache, ..set.config.clone() });
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = with_cache(file.path().to_owned());
    assert!(error.starts_with(&format!("cannot keep certificates in {}: ", file.path().display())));
    let error = with_cache("/proc/nothing".into());
    assert!(error.starts_with("cannot keep certificates in /proc/nothing: "), "{error}");
    // A directory in which nothing can be written.
    let error = with_cache("/proc/self".into());
    assert!(
        error.starts_with("cannot keep certificates in /proc/self/acme_account.p8: "),
        "{error}"
    );
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("acme_account.p8"), "nonsense").unwrap();
    let error = with_cache(folder.path().to_owned());
    assert!(error.contains("acme_account.p8 holds no account key; remove it"), "{error}");
}

#[test]
fn names_that_nobody_can_certify_are_named() {
    let set = set(&[], nobody());
    assert_eq!(refusal(set.config.clone()), "no host name to get a certificate for");
    for name in ["", "a b", "*.snowflake.example", "schnee.ö", "../etc"] {
        let names = vec![A.to_owned(), name.to_owned()];
        let error = refusal(AcmeConfig { names, ..set.config.clone() });
        assert!(error.starts_with(&format!("{name:?} is not a host name")), "{error}");
    }
}

use std::sync::atomic::{AtomicUsize, Ordering};

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use snowflake_amp::{cache_url, decode_armor, encode_armor, encode_path};
use snowflake_broker::{ALPN, Config};
use snowflake_tls_server::Tls;
use tokio_util::sync::CancellationToken;
use url::{Position, Url};

use super::*;

const HOST: &str = "broker.example";

/// A cache for one origin, and whom it trusts.
async fn cache_of(origin: SocketAddr, trusted: Option<CertificateDer<'static>>) -> AmpCache {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(trusted);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let tls = tls.unwrap().with_root_certificates(roots).with_no_client_auth();
    let addresses = BTreeMap::from([(HOST.to_owned(), origin)]);
    AmpCache::start(Origins { addresses, tls: Arc::new(tls) }).await.unwrap()
}

/// An origin that answers each request with these bytes, and counts them.
async fn origin(answer: Vec<u8>) -> (SocketAddr, Arc<AtomicUsize>, JoinSet<()>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (count, answer) = (Arc::new(AtomicUsize::new(0)), Arc::new(answer));
    let counter = Arc::clone(&count);
    let mut tasks = JoinSet::new();
    tasks.spawn(listener::serve(listener, MAX_CONNECTIONS, move |mut stream| {
        counter.fetch_add(1, Ordering::Relaxed);
        let answer = Arc::clone(&answer);
        async move {
            Head::read(&mut stream).await.unwrap();
            stream.write_all(&answer).await.unwrap();
        }
    }));
    (address, count, tasks)
}

/// What the cache says: the head and the body.
async fn get(cache: &AmpCache, host: &str, path: &str) -> (Head, Vec<u8>) {
    let mut stream = TcpStream::connect(cache.address()).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let head = timeout(LIMIT, Head::read(&mut stream)).await.unwrap().unwrap();
    let mut body = head.rest.clone();
    timeout(LIMIT, stream.read_to_end(&mut body)).await.unwrap().unwrap();
    (head, body)
}

/// As a client asks: by the cache's URL of the page.
async fn get_url(cache: &AmpCache, url: &str) -> (Head, Vec<u8>) {
    let url = cache_url(&Url::parse(url).unwrap(), &Url::parse("http://amp.cache/").unwrap());
    let url = url.unwrap();
    get(cache, url.host_str().unwrap(), &url[Position::BeforePath..Position::AfterQuery]).await
}

fn status(code: &str, body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.0 {code}\r\n\r\n").as_bytes(), body].concat()
}

#[tokio::test]
async fn a_broker_is_reached_by_http_and_by_https() {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec![HOST.to_owned()]).unwrap();
    let certificate = certificate.self_signed(&key).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (cert_path, key_path) = (folder.path().join("cert"), folder.path().join("key"));
    std::fs::write(&cert_path, certificate.pem()).unwrap();
    std::fs::write(&key_path, key.serialize_pem()).unwrap();
    let tls = Tls::from_files(&cert_path, &key_path, &ALPN).unwrap();
    for (scheme, tls) in [("http", None), ("https", Some(tls))] {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let cache = cache_of(address, Some(certificate.der().clone())).await;
        let shutdown = CancellationToken::new();
        let config = Config { tls, ..Config::default() };
        let broker = tokio::spawn(snowflake_broker::run(config, listener, shutdown.clone()));
        let path = encode_path(b"1.0\n{}", [1; 9]);
        let (head, page) = get_url(&cache, &format!("{scheme}://{HOST}/amp/client/{path}")).await;
        assert_eq!((head.status(), head.header("location")), (Some(200), None), "{scheme}");
        assert_eq!(decode_armor(&page).unwrap(), br#"{"error":"no supplied offer"}"#);
        let stranger = cache_of(address, None).await;
        let (head, _) = get_url(&stranger, &format!("{scheme}://{HOST}/amp/client/{path}")).await;
        assert_eq!(head.status() == Some(200), scheme == "http", "a certificate from nobody");
        shutdown.cancel();
        broker.await.unwrap();
    }
}

#[tokio::test]
async fn the_origin_does_not_see_who_asks_again() {
    let (origin, count, _tasks) = origin(status("200 OK", &encode_armor(b"hello"))).await;
    let cache = cache_of(origin, None).await;
    for _ in 0..3 {
        let (head, page) = get_url(&cache, "http://broker.example/a?b").await;
        assert_eq!(head.status(), Some(200));
        assert_eq!(decode_armor(&page).unwrap(), b"hello");
    }
    assert_eq!(count.load(Ordering::Relaxed), 1);
    let (head, _) = get_url(&cache, "http://broker.example/a?c").await;
    assert_eq!((head.status(), count.load(Ordering::Relaxed)), (Some(200), 2));
}

#[tokio::test]
async fn what_is_no_amp_document_is_sent_past_the_cache() {
    let (origin, _, _tasks) = origin(status("200 OK", b"<html><pre>0aGVsbG8=</pre>")).await;
    let cache = cache_of(origin, None).await;
    let (head, body) = get_url(&cache, "http://broker.example/a?b").await;
    assert_eq!(head.status(), Some(200));
    assert_eq!(head.header("location"), Some("http://broker.example/a?b"));
    assert!(decode_armor(&body).is_err());
}

#[tokio::test]
async fn an_origins_failure_is_not_found() {
    let page = encode_armor(b"hello");
    let long = [page.as_slice(), &vec![b' '; MAX_PAGE as usize]].concat();
    for answer in [
        status("500 Internal Server Error", &page),
        status("404 Not Found", &page),
        status("301 Moved Permanently\r\nLocation: http://broker.example/", &page),
        status("200 OK", &long),
        b"garbage".to_vec(),
    ] {
        let (origin, count, _tasks) = origin(answer).await;
        let cache = cache_of(origin, None).await;
        for _ in 0..2 {
            let (head, body) = get_url(&cache, "http://broker.example/a").await;
            assert_eq!((head.status(), body.as_slice()), (Some(404), b"".as_slice()));
        }
        assert_eq!(count.load(Ordering::Relaxed), 2, "failures are not kept");
    }
}

#[tokio::test]
async fn only_known_hosts_are_served_and_only_by_their_name() {
    let (origin, count, _tasks) = origin(status("200 OK", &encode_armor(b"hello"))).await;
    let cache = cache_of(origin, None).await;
    for (host, path) in [
        ("other-example.amp.cache", "/c/other.example/"),
        ("other-example.amp.cache", "/c/broker.example/"),
        ("amp.cache", "/c/broker.example/"),
        ("broker-example.amp.cache", "/i/broker.example/"),
        ("broker-example.amp.cache", "/broker.example/"),
        ("broker-example.amp.cache", "/"),
    ] {
        assert_eq!(get(&cache, host, path).await.0.status(), Some(404), "{host} {path}");
    }
    assert_eq!(count.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn an_origin_that_is_not_there_is_not_found() {
    let (origin, _, mut tasks) = origin(status("200 OK", &encode_armor(b"hello"))).await;
    let cache = cache_of(origin, None).await;
    tasks.shutdown().await;
    for url in ["http://broker.example/", "https://broker.example/"] {
        assert_eq!(get_url(&cache, url).await.0.status(), Some(404), "{url}");
    }
}

//! TLS that the server does itself, and what tor is told of it.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, time::Duration};

use rustls::pki_types::{CertificateDer, pem::PemObject};
use snowflake_cli::Program;
use snowflake_pt::{Report, ServerEnv};
use snowflake_server::{Args, Limits, Method, managed};
use snowflake_tls_server::{HTTP1, Tls};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    program::{Program as Process, method_lines},
    rig::{Client, Proxies, Rig, in_time},
    tor::{Echo, listen},
};

/// A certificate of loopback in files.
pub(crate) struct Files {
    pub(crate) cert: String,
    pub(crate) key: String,
    _folder: TempDir,
}

impl Files {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let (cert, key) = (path("cert"), path("key"));
        let pair = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        fs::write(&cert, params.self_signed(&pair).unwrap().pem()).unwrap();
        fs::write(&key, pair.serialize_pem()).unwrap();
        Self { cert, key, _folder: folder }
    }

    fn tls(&self) -> Tls {
        Tls::from_files(Path::new(&self.cert), Path::new(&self.key), &[HTTP1]).unwrap()
    }
}

#[tokio::test]
async fn websockets_come_over_tls() {
    let (tor, files) = (Echo::start().await, Files::new());
    let rig = Rig::with_tls(tor.or_port(), Limits::default(), files.tls()).await;
    let certificate = CertificateDer::from_pem_file(&files.cert).unwrap();
    let client = Client::new(Proxies::over_tls(rig.address, certificate));
    let mut stream = client.stream();
    stream.write_all(b"through TLS").await.unwrap();
    let mut echo = [0; 11];
    in_time(stream.read_exact(&mut echo)).await.unwrap();
    assert_eq!(&echo, b"through TLS");
    rig.stop().await;
}

#[tokio::test]
async fn a_handshake_that_never_comes_is_cut_off() {
    let limits = Limits { tls_handshake: Duration::from_millis(50), ..Limits::default() };
    let rig = Rig::with_tls(Echo::start().await.or_port(), limits, Files::new().tls()).await;
    let mut silent = TcpStream::connect(rig.address).await.unwrap();
    assert_eq!(in_time(silent.read(&mut [0])).await.unwrap(), 0);
}

/// The methods of a server that tor starts like that, and what tor is told of them.
async fn start(args: &Args, env: &[(&str, &str)]) -> (Vec<Method>, String) {
    let always = [("TOR_PT_MANAGED_TRANSPORT_VER", "1"), ("TOR_PT_SERVER_TRANSPORTS", "snowflake")];
    let env = ServerEnv::parse(always.into_iter().chain(env.iter().copied())).unwrap();
    let program = Program { name: "snowflake-server", version: "0" };
    let mut told = Vec::new();
    let methods = managed::start(program, args, &env, &mut Report::new(&mut told)).await.unwrap();
    (methods, String::from_utf8(told).unwrap())
}

#[tokio::test]
async fn tor_hears_of_the_names_and_certificates_are_kept_where_it_says() {
    let (address, state) = (listen().await.1, tempfile::tempdir().unwrap());
    let names = "b.example, a.example".parse().unwrap();
    let args = Args { acme_hostnames: names, ..Args::default() };
    let state = state.path().join("state");
    let env = [
        ("TOR_PT_SERVER_BINDADDR", &*format!("snowflake-{address}")),
        ("TOR_PT_ORPORT", "127.0.0.1:9"),
        ("TOR_PT_STATE_LOCATION", state.to_str().unwrap()),
    ];
    let (methods, told) = start(&args, &env).await;
    let line =
        format!("SMETHOD snowflake {address} ARGS:hostname=b.example,hostname=a.example,tls=yes\n");
    assert!(told.contains(&line), "{told}");
    assert!(methods[0].transport.config().tls.is_some());
    let kept = fs::metadata(state.join("snowflake-certificate-cache")).unwrap();
    assert_eq!(kept.permissions().mode() & 0o777, 0o700);
    let bad = Args { acme_hostnames: "a.example,b c".parse().unwrap(), ..Args::default() };
    let (_, told) = start(&bad, &env).await;
    let line = "SMETHOD-ERROR snowflake invalid value \"b c\" for flag -acme-hostnames: \"b c\" is not a host name ";
    assert!(told.contains(line), "{told}");
    // In a state directory that is a file nothing can be kept.
    let env = [env[0], env[1], ("TOR_PT_STATE_LOCATION", "/dev/null")];
    let (methods, told) = start(&args, &env).await;
    let line = "SMETHOD-ERROR snowflake cannot keep certificates in /dev/null/";
    assert!(methods.is_empty() && told.contains(line), "{told}");
}

#[tokio::test]
async fn streams_go_to_the_orports_that_are_named() {
    let (address, tor) = (listen().await.1, Echo::start().await);
    let args = Args { disable_tls: true, ..Args::default() };
    let options =
        format!("snowflake:orport=127.0.0.1\\:9,{}", tor.address.to_string().replace(':', "\\:"));
    let env = [
        ("TOR_PT_SERVER_BINDADDR", &*format!("snowflake-{address}")),
        ("TOR_PT_SERVER_TRANSPORT_OPTIONS", &*options),
        ("TOR_PT_ORPORT", "127.0.0.1:10"),
    ];
    let (methods, told) = start(&args, &env).await;
    assert!(told.contains("ARGS:tls=no"), "{told}");
    let (stream, _place) = methods[0].or_ports.dial(None).await.unwrap();
    assert_eq!(stream.peer_addr().unwrap(), tor.address);
}

#[tokio::test]
async fn a_hangup_reads_the_certificate_again() {
    let (address, files) = (listen().await.1, Files::new());
    let env = [
        ("TOR_PT_SERVER_BINDADDR", &*format!("snowflake-{address}")),
        ("TOR_PT_ORPORT", "127.0.0.1:9"),
    ];
    let mut program = Process::start(&["-cert", &files.cert, "-key", &files.key], &env);
    assert_eq!(
        method_lines(&mut program).await,
        [format!("SMETHOD snowflake {address} ARGS:tls=yes")]
    );
    program.signal("HUP").await;
    program.logged(&format!("the certificate in {} is read again", files.cert)).await;
    program.signal("TERM").await;
    assert_eq!(in_time(program.child.wait()).await.unwrap().code(), Some(0));
}

use proptest::prelude::*;

use super::*;
use crate::error::{ArgsError, ProxyError};

const VERSION: (&str, &str) = (VERSIONS, "1");

fn client(pairs: &[(&str, &str)]) -> Result<ClientEnv, EnvError> {
    ClientEnv::parse(pairs.iter().copied())
}

/// A server's environment with some variables replaced; an empty value takes one away.
fn server(changes: &[(&'static str, &'static str)]) -> Result<ServerEnv, EnvError> {
    let mut pairs = vec![
        VERSION,
        (SERVER_TRANSPORTS, "snowflake"),
        (SERVER_BINDADDR, "snowflake-0.0.0.0:443"),
        (ORPORT, "127.0.0.1:9001"),
    ];
    pairs.extend_from_slice(changes);
    ServerEnv::parse(pairs)
}

#[test]
fn a_whole_client_environment() {
    let env = client(&[
        ("PATH", "/bin"),
        (VERSIONS, "0,1,2"),
        (CLIENT_TRANSPORTS, "snowflake,meek"),
        (STATE_LOCATION, "/var/lib/tor/pt_state/"),
        (EXIT_ON_STDIN_CLOSE, "1"),
        (PROXY, "socks5://127.0.0.1:1080"),
    ]);
    assert_eq!(
        env,
        Ok(ClientEnv {
            state_location: Some("/var/lib/tor/pt_state/".into()),
            exit_on_stdin_close: true,
            transports: vec!["snowflake".into(), "meek".into()],
            proxy: Some(UpstreamProxy {
                kind: ProxyKind::Socks5,
                address: SocketAddr::from(([127, 0, 0, 1], 1080)),
                credentials: None
            }),
        })
    );
}

#[test]
fn a_whole_server_environment() {
    let env = server(&[
        (SERVER_TRANSPORTS, "snowflake,other"),
        (SERVER_BINDADDR, "other-127.0.0.1:1,snowflake-[::]:8443,unwanted-1.2.3.4:5"),
        (
            SERVER_OPTIONS,
            "snowflake:num-turbotunnel=2;other:a=b;snowflake:orport-srcaddr=127.0.2.0/24",
        ),
        (EXTENDED_PORT, "127.0.0.1:9002"),
        (COOKIE_FILE, "/var/lib/tor/cookie"),
        (EXIT_ON_STDIN_CLOSE, "true"),
    ])
    .unwrap();
    assert!(!env.exit_on_stdin_close, "only exactly 1 counts");
    assert_eq!(env.state_location, None);
    let [other, snowflake] = &env.bind_addresses[..] else { panic!("{env:?}") };
    assert_eq!((&*other.transport, other.options.get("a")), ("other", Some("b")));
    assert_eq!(snowflake.address, "[::]:8443".parse().unwrap());
    let options = "num-turbotunnel=2;orport-srcaddr=127.0.2.0/24";
    assert_eq!(snowflake.options.to_string(), options);
    let cookie_file = "/var/lib/tor/cookie".into();
    let address = SocketAddr::from(([127, 0, 0, 1], 9002));
    assert_eq!(env.or_port, OrPort::Extended { address, cookie_file });
    assert_eq!(env.or_port.address(), address);
}

#[test]
fn an_empty_extended_port_is_none() {
    let plain = OrPort::Plain(SocketAddr::from(([127, 0, 0, 1], 9001)));
    assert_eq!(server(&[(EXTENDED_PORT, "")]).unwrap().or_port, plain);
}

#[test]
fn client_errors_are_those_that_tor_is_told() {
    for (pairs, text) in [
        (&[][..], "no TOR_PT_MANAGED_TRANSPORT_VER environment variable"),
        (&[(VERSIONS, "2,10")], "no-version"),
        (&[VERSION], "no TOR_PT_CLIENT_TRANSPORTS environment variable"),
        (&[VERSION, (CLIENT_TRANSPORTS, "")], "no TOR_PT_CLIENT_TRANSPORTS environment variable"),
        (
            &[VERSION, (CLIENT_TRANSPORTS, "snowflake"), (PROXY, "https://127.0.0.1:1")],
            "proxy is not supported:unsupported proxy type",
        ),
    ] {
        assert_eq!(client(pairs).unwrap_err().to_string(), text);
    }
    assert_eq!(
        client(&[VERSION, (CLIENT_TRANSPORTS, "snowflake"), (PROXY, "socks5:nowhere")]),
        Err(EnvError::Proxy(ProxyError::Malformed))
    );
}

#[test]
fn server_errors_are_those_that_tor_is_told() {
    let address = |variable, value: &str| EnvError::Address { variable, value: value.into() };
    for (changes, error) in [
        (&[(VERSIONS, "")][..], EnvError::Missing(VERSIONS)),
        (&[(VERSIONS, "11")], EnvError::NoVersion),
        (&[(SERVER_TRANSPORTS, "")], EnvError::Missing(SERVER_TRANSPORTS)),
        (&[(SERVER_BINDADDR, "")], EnvError::Missing(SERVER_BINDADDR)),
        (&[(SERVER_BINDADDR, "snowflake")], EnvError::BindAddress("snowflake".into())),
        (&[(SERVER_BINDADDR, "snowflake-host:1")], address(SERVER_BINDADDR, "host:1")),
        (
            &[(SERVER_BINDADDR, "snowflake-1.2.3.4:1,snowflake-1.2.3.4:2")],
            EnvError::BoundTwice("snowflake".into()),
        ),
        (&[(SERVER_OPTIONS, "a")], EnvError::Options(ArgsError::NoTransport)),
        (&[(ORPORT, "")], EnvError::NoOrPort),
        (&[(ORPORT, "9001")], address(ORPORT, "9001")),
        (&[(EXTENDED_PORT, "x")], address(EXTENDED_PORT, "x")),
        (&[(EXTENDED_PORT, "127.0.0.1:1")], EnvError::NoCookieFile),
    ] {
        assert_eq!(server(changes), Err(error));
    }
}

#[test]
fn paths_need_not_be_text_but_lists_must() {
    use std::os::unix::ffi::OsStringExt;
    let bytes = OsString::from_vec(b"/\xff".to_vec());
    let pairs = |last: &'static str| {
        [
            (VERSIONS, OsString::from("1")),
            (CLIENT_TRANSPORTS, "snowflake".into()),
            (last, bytes.clone()),
        ]
    };
    let env = ClientEnv::parse(pairs(STATE_LOCATION)).unwrap();
    assert_eq!(env.state_location, Some(PathBuf::from(&bytes)));
    assert_eq!(
        ClientEnv::parse(pairs(CLIENT_TRANSPORTS)),
        Err(EnvError::NotUtf8(CLIENT_TRANSPORTS))
    );
}

proptest! {
    #[test]
    fn any_values_are_taken(values in prop::collection::vec("[a-z0-9.:,;=/@%\\\\-]{0,30}|\\PC{0,10}", 8)) {
        let keys = [
            CLIENT_TRANSPORTS, PROXY, SERVER_TRANSPORTS, SERVER_BINDADDR, SERVER_OPTIONS, ORPORT,
            EXTENDED_PORT, COOKIE_FILE,
        ];
        let pairs = || std::iter::once((VERSIONS, "1".to_owned())).chain(keys.into_iter().zip(values.clone()));
        let _ = ClientEnv::parse(pairs());
        let _ = ServerEnv::parse(pairs());
    }
}

//! The example files say what the programs understand: `torrc.client` and `torrc.server` as they stand.

use std::{net::SocketAddr, path::Path};

use snowflake_cli::{Program, parse_from};
use snowflake_snowbox::build_programs::SOURCE_ROOT;
use snowflake_snowbox::tor::{
    Torrc,
    edges::{BRIDGE_FILE, CLIENT_FILE, read},
    torrc::PluginLine,
};

/// Longest text that fits into a SOCKS user name and password; tor refuses longer Bridge lines.
const MAX_ARGS: usize = 510;

fn program(name: &'static str) -> Program {
    Program { name, version: "0" }
}

/// The only plugin line of a file, for our transport and with this program beside a release build.
fn plugin(torrc: &Torrc, option: &str, program: &str) -> PluginLine {
    let lines: Vec<&str> = torrc.values(option).collect();
    let [line] = lines[..] else { panic!("{option}: {lines:?}") };
    let plugin = PluginLine::parse(line).unwrap_or_else(|| panic!("no exec in {line:?}"));
    assert_eq!(plugin.transport, "snowflake");
    assert_eq!(plugin.program, format!("./target/release/{program}"));
    plugin
}

#[test]
fn the_clients_flags_are_known() {
    let torrc = read(CLIENT_FILE).unwrap();
    let plugin = plugin(&torrc, "ClientTransportPlugin", "snowflake-client");
    parse_from::<snowflake_client::Args>(program("snowflake-client"), plugin.flags).unwrap();
}

#[test]
fn the_servers_flags_are_known_and_it_can_start_with_them() {
    let torrc = read(BRIDGE_FILE).unwrap();
    let plugin = plugin(&torrc, "ServerTransportPlugin", "snowflake-server");
    let args: snowflake_server::Args =
        parse_from(program("snowflake-server"), plugin.flags).unwrap();
    args.check_tls().unwrap();
}

#[test]
fn the_server_listens_where_tor_can_tell_it() {
    let torrc = read(BRIDGE_FILE).unwrap();
    let [listen] = torrc.values("ServerTransportListenAddr").collect::<Vec<_>>()[..] else {
        panic!("not one address")
    };
    let address: SocketAddr = listen.strip_prefix("snowflake ").unwrap().parse().unwrap();
    assert_ne!(address.port(), 0, "the server refuses port 0");
    assert_eq!(
        torrc.values("ExtORPort").collect::<Vec<_>>(),
        ["auto"],
        "bridges count their users through it"
    );
}

#[test]
fn the_client_takes_every_bridge_line() {
    let torrc = read(CLIENT_FILE).unwrap();
    let lines: Vec<&str> = torrc.values("Bridge").collect();
    assert!(!lines.is_empty());
    assert!(lines.iter().all(|line| methods(line) == ["http"]));
}

#[test]
fn the_client_takes_the_lines_that_are_commented_out() {
    let text = std::fs::read_to_string(Path::new(SOURCE_ROOT).join(CLIENT_FILE)).unwrap();
    let lines = text.lines().filter_map(|line| line.strip_prefix("#Bridge "));
    let methods: Vec<_> = lines.map(methods).collect();
    assert_eq!(methods, [vec!["ampcache"], vec!["sqs"], vec!["http", "ampcache"]]);
}

/// The ways to a broker that a good line describes.
fn methods(line: &str) -> Vec<String> {
    let flags = parse_from::<snowflake_client::Args>(program("snowflake-client"), [""; 0]);
    let flags = flags.expect("no flags are good flags");
    let words: Vec<&str> = line.split(' ').collect();
    let [transport, address, fingerprint, ref pairs @ ..] = words[..] else { panic!("{line}") };
    assert_eq!(transport, "snowflake");
    address.parse::<SocketAddr>().expect("an address");
    // What tor sends to the client: the pairs with semicolons between them.
    let text = pairs.join(";");
    assert!(text.len() <= MAX_ARGS, "{} bytes of arguments", text.len());
    let args = snowflake_pt::Args::parse(&text).expect("good arguments");
    assert_eq!(
        args.get("fingerprint"),
        Some(fingerprint),
        "tor and the broker are told the same bridge"
    );
    let config = snowflake_client::ClientConfig::of_line(&flags, &args, None);
    let config = config.expect("a good line");
    assert_eq!(config.fingerprint.to_string(), fingerprint);
    config.methods.iter().map(|method| method.name().to_owned()).collect()
}

//! What tor is told at the start, and by which words.

use std::process::Command;

use crate::support::*;

#[test]
fn a_bad_environment_is_said_in_tors_words() {
    for (env, expected) in [
        (vec![], "ENV-ERROR no TOR_PT_MANAGED_TRANSPORT_VER environment variable"),
        (vec![("TOR_PT_MANAGED_TRANSPORT_VER", "2"), TRANSPORTS], "VERSION-ERROR no-version"),
    ] {
        let mut client = Client::start(&[], &env);
        assert_eq!(client.line(), expected);
        assert_eq!(client.close().code(), Some(1));
    }
}

#[test]
fn an_unknown_transport_is_named() {
    let mut client =
        Client::start(&[], &[VERSION, ("TOR_PT_CLIENT_TRANSPORTS", "obfs4,snowflake"), STDIN]);
    assert_eq!(client.line(), "VERSION 1");
    client.line();
    assert_eq!(client.line(), "CMETHOD-ERROR obfs4 no such method");
    assert!(client.line().starts_with("CMETHOD snowflake "));
    assert_eq!(client.line(), "CMETHODS DONE");
    assert!(client.close().success());
}

/// tor shows it. Otherwise every connection would be turned away, for a reason that nobody sees.
#[test]
fn a_flag_with_a_bad_value_is_told_to_tor() {
    let client = Command::new(env!("CARGO_BIN_EXE_snowflake-client"))
        .args(["-url", "b.example"])
        .env_clear()
        .envs([VERSION, TRANSPORTS])
        .output()
        .unwrap();
    let error = "invalid value \"b.example\" for flag -url: relative URL without a base";
    let stdout = String::from_utf8(client.stdout).unwrap();
    assert!(
        stdout.ends_with(&format!("CMETHOD-ERROR snowflake {error}\nCMETHODS DONE\n")),
        "{stdout}"
    );
    assert_eq!(String::from_utf8(client.stderr).unwrap(), format!("snowflake-client: {error}\n"));
    assert_eq!(client.status.code(), Some(1));
}

#[test]
fn a_misspelt_flag_is_named() {
    let output =
        Command::new(env!("CARGO_BIN_EXE_snowflake-client")).arg("-uri=x").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("-uri"));
    assert!(output.stdout.is_empty());
}

/// Also while a connection waits for its first proxy.
#[test]
fn sigterm_ends_it_with_status_0() {
    let mut client = Client::start(&[], &[VERSION, TRANSPORTS]);
    let address = client.socks_port();
    assert_eq!(connect(address, "url=http://127.0.0.1:9/")[1], 0);
    assert_eq!(client.terminate().code(), Some(0));
}

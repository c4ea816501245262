//! The flags as an operator sees them: which there are.

use std::process::Command;

/// What `-help` shows, in its order, without the two that every program has: a flag a line.
const FLAGS: &[&str] = &[
    "addr",
    "acme-hostnames",
    "acme-email",
    "acme-cert-cache",
    "disable-tls",
    "cert",
    "key",
    "trusted-hops",
    "proxy-protocol",
    "disable-geoip",
    "geoipdb",
    "geoip6db",
    "metrics-log",
    "ip-count-prefix",
    "ip-count-interval",
    "bridge-list-path",
    "allowed-relay-pattern",
    "poll-interval-filepath",
    "broker-sqs-name",
    "broker-sqs-region",
    "sqs-profiles",
    "unsafe-logging",
];

const GROUPS: &[&str] = &[
    "Options",
    "Listening and TLS",
    "Metrics",
    "Who is matched with whom",
    "Polls from a queue",
    "Log",
];

#[test]
fn help_shows_these_flags_in_these_groups() {
    let output =
        Command::new(env!("CARGO_BIN_EXE_snowflake-broker")).arg("-help").output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let help = String::from_utf8(output.stderr).unwrap();
    let names = help.lines().filter_map(|line| line.trim_start().strip_prefix("--"));
    let mut flags: Vec<_> = names.filter_map(|rest| rest.split([' ', '=']).next()).collect();
    flags.retain(|flag| *flag != "version");
    assert_eq!(flags, FLAGS, "{help}");
    let groups =
        help.lines().filter(|line| !line.starts_with([' ', '-']) && !line.starts_with("Usage"));
    let groups: Vec<_> = groups.filter_map(|line| line.strip_suffix(':')).collect();
    assert_eq!(groups, GROUPS, "{help}");
}

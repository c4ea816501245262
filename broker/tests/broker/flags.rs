//! The flags as an operator sees them: which there are, and in which groups.

use snowflake_help_test::{Group, assert_help_shows};

const GROUPS: &[Group<'_>] = &[
    ("Options", &["version", "help"]),
    (
        "Listening and TLS",
        &[
            "addr",
            "acme-hostnames",
            "acme-email",
            "acme-cert-cache",
            "disable-tls",
            "cert",
            "key",
            "trusted-hops",
            "proxy-protocol",
        ],
    ),
    (
        "Metrics",
        &[
            "disable-geoip",
            "geoipdb",
            "geoip6db",
            "metrics-log",
            "ip-count-prefix",
            "ip-count-interval",
        ],
    ),
    (
        "Who is matched with whom",
        &["bridge-list-path", "allowed-relay-pattern", "poll-interval-filepath"],
    ),
    ("Polls from a queue", &["broker-sqs-name", "broker-sqs-region", "sqs-profiles"]),
    ("Log", &["unsafe-logging"]),
];

#[test]
fn help_shows_these_flags_in_these_groups() {
    assert_help_shows(env!("CARGO_BIN_EXE_snowflake-broker"), GROUPS);
}

//! The flags as an operator sees them: which there are, and in which groups.

use snowflake_help_test::{Group, assert_help_shows};

const GROUPS: &[Group<'_>] = &[
    ("Options", &["version", "help"]),
    ("Rendezvous with the broker", &["broker", "poll-interval", "capacity"]),
    (
        "Relays",
        &[
            "relay",
            "allowed-relay-hostname-pattern",
            "allow-non-tls-relay",
            "allow-proxying-to-private-addresses",
        ],
    ),
    (
        "Connections to clients",
        &[
            "stun",
            "nat-probe-server",
            "nat-retest-interval",
            "keep-local-addresses",
            "outbound-address",
            "ephemeral-ports-range",
            "covertdtls-config",
            "covertdtls-fingerprint",
        ],
    ),
    (
        "Metrics",
        &[
            "summary-interval",
            "disable-stats-logger",
            "metrics",
            "metrics-address",
            "metrics-port",
            "geoipdb",
            "geoip6db",
        ],
    ),
    ("Log", &["log", "log-local-time", "verbose", "unsafe-logging"]),
];

#[test]
fn help_shows_these_flags_in_these_groups() {
    assert_help_shows(env!("CARGO_BIN_EXE_snowflake-proxy"), GROUPS);
}

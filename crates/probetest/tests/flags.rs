//! The flags as an operator sees them: which there are, and in which groups.

use snowflake_help_test::{Group, assert_help_shows};

const GROUPS: &[Group<'_>] = &[
    ("Options", &["version", "help"]),
    (
        "Listening and TLS",
        &["addr", "acme-hostnames", "acme-email", "acme-cert-cache", "disable-tls", "cert", "key"],
    ),
    (
        "NATs",
        &[
            "stun",
            "strictInteractiveConnectivitySimulationSocks5Proxy",
            "moderateInteractiveConnectivitySimulationSocks5Proxy",
        ],
    ),
    ("Log", &["unsafe-logging"]),
];

#[test]
fn help_shows_these_flags_in_these_groups() {
    assert_help_shows(env!("CARGO_BIN_EXE_snowflake-probetest"), GROUPS);
}

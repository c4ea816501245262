//! The flags as an operator sees them: which there are, and in which groups.

use snowflake_help_test::{Group, assert_help_shows};

const GROUPS: &[Group<'_>] = &[
    ("Options", &["version", "help"]),
    ("Rendezvous with the broker", &["url", "front", "fronts", "ampcache", "sqsqueue", "sqscreds"]),
    (
        "Connections to proxies",
        &["ice", "max", "covertdtls-config", "covertdtls-fingerprint", "keep-local-addresses"],
    ),
    ("Log", &["log", "log-to-state-dir", "unsafe-logging"]),
];

#[test]
fn help_shows_these_flags_in_these_groups() {
    assert_help_shows(env!("CARGO_BIN_EXE_snowflake-client"), GROUPS);
}

//! The flags as an operator sees them: which there are, and which values are refused.

use snowflake_help_test::{Group, assert_help_shows};

use crate::program::failure;

const GROUPS: &[Group<'_>] = &[
    ("Options", &["version", "help"]),
    ("TLS", &["acme-hostnames", "acme-email", "cert", "key", "disable-tls"]),
    ("Log", &["log", "unsafe-logging"]),
];

#[test]
fn help_shows_these_flags_in_these_groups() {
    assert_help_shows(env!("CARGO_BIN_EXE_snowflake-server"), GROUPS);
}

#[tokio::test]
async fn bad_values_are_named_with_flag_and_reason() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty").to_str().unwrap().to_owned();
    std::fs::write(&empty, "").unwrap();
    for (flags, flag, value, reason) in [
        (&["-cert=/nowhere", "-key=/nothing"][..], "cert", "/nowhere", "cannot read /nowhere: "),
        (
            &["-cert", &empty, "-key=/nothing"],
            "cert",
            &empty,
            &format!("no certificate in {empty}"),
        ),
    ] {
        let line = failure(flags, "snowflake-127.0.0.1:1", "").await;
        let expected = format!("invalid value {value:?} for flag -{flag}: {reason}");
        assert!(line.starts_with(&format!("SMETHOD-ERROR snowflake {expected}")), "{line}");
    }
}

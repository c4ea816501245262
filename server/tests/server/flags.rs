//! The flags as an operator sees them: which there are, and which values are refused.

use std::process::Command;

use crate::program::failure;

/// What `-help` shows, in its order, without the two that every program has: a flag a line.
const FLAGS: [&str; 7] =
    ["acme-hostnames", "acme-email", "cert", "key", "disable-tls", "log", "unsafe-logging"];

const GROUPS: &[&str] = &["Options", "TLS", "Log"];

#[test]
fn help_shows_these_flags_in_these_groups() {
    let output =
        Command::new(env!("CARGO_BIN_EXE_snowflake-server")).arg("-help").output().unwrap();
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

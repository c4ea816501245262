//! The program itself: what it prints, and how it fails.

#![allow(clippy::unwrap_used, reason = "a test's helpers may fail as loudly as the test")]

use std::process::{Command, Output};

/// Two chunks of a Go broker about one address, from the tests of a public fork of Go Snowflake.
const FILE: &str = concat!(
    r#"{"recordingStart":"2026-09-06T15:38:44Z","recordingEnd":"2026-09-06T15:39:48Z","#,
    r#""recorded":"AwoAAAYGAP0EAAADBgASAwIAARJ/BAEBA3NldAH/gAABBgECAAAK/4AAAfwC2iSOAQMGAAADCgAAAwYAAA=="}"#,
    "\n",
    r#"{"recordingStart":"2026-09-06T15:39:48Z","recordingEnd":"2026-09-06T15:41:00Z","#,
    r#""recorded":"AwoAAAYGAP0EAAADBgASAwIAARJ/BAEBA3NldAH/gAABBgECAAAK/4AAAfwC2iSOAQMGAAADCgAAAwYAAA=="}"#,
);

fn run(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_snowflake-distinctcounter")).args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).unwrap()
}

#[test]
fn it_prints_what_gos_prints() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, FILE).unwrap();
    let path = path.to_str().unwrap();
    for (from, to, printed) in [
        ("2026-09-06T15:38:44Z", "2026-09-06T16:00:00Z", "sum = 1\nchunkIncluded = 2\n"),
        ("2026-09-06T17:38:44+02:00", "2026-09-06T15:40:59Z", "sum = 1\nchunkIncluded = 1\n"),
        ("2026-09-06T15:38:44.001Z", "2026-09-06T15:40:59Z", "sum = 0\nchunkIncluded = 0\n"),
    ] {
        let output = run(&["-in", path, "-from", from, "-to", to]);
        assert_eq!(text(&output.stdout), printed, "{}", text(&output.stderr));
        assert!(output.status.success());
    }
}

#[test]
fn it_says_what_is_wrong() {
    let (from, to) = ("-from=2026-09-06T15:38:44Z", "-to=2026-09-06T15:38:44Z");
    let output = run(&["-in", "/nowhere", from, to]);
    let error = "snowflake-distinctcounter: /nowhere: No such file or directory";
    assert!(text(&output.stderr).starts_with(error), "{}", text(&output.stderr));
    assert_eq!(output.status.code(), Some(1));
    let output = run(&["-in", "/nowhere", from, "-to", "tomorrow"]);
    let error = "snowflake-distinctcounter: invalid value \"tomorrow\" for flag -to: ";
    assert!(text(&output.stderr).starts_with(error), "{}", text(&output.stderr));
    assert_eq!(output.status.code(), Some(2));
}

//! The flags as an operator sees them: which there are.

use std::process::Command;

/// What `-help` shows, in its order, without the two that every program has: a flag a line.
const FLAGS: &[&str] = &[];

#[test]
fn help_shows_these_flags() {
    let output =
        Command::new(env!("CARGO_BIN_EXE_snowflake-sqscreds")).arg("-help").output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let help = String::from_utf8(output.stderr).unwrap();
    let names = help.lines().filter_map(|line| line.trim_start().strip_prefix("--"));
    let mut flags: Vec<_> = names.filter_map(|rest| rest.split([' ', '=']).next()).collect();
    flags.retain(|flag| *flag != "version");
    assert_eq!(flags, FLAGS, "{help}");
}

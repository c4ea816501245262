//! The flags as an operator sees them: only those that every program has.

use snowflake_help_test::{Group, assert_help_shows};

const GROUPS: &[Group<'_>] = &[("Options", &["version", "help"])];

#[test]
fn help_shows_these_flags() {
    assert_help_shows(env!("CARGO_BIN_EXE_snowflake-sqscreds"), GROUPS);
}

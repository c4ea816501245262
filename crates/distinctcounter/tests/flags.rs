//! The flags as an operator sees them: which there are.

use snowflake_help_test::{Group, assert_help_shows};

const GROUPS: &[Group<'_>] = &[("Options", &["in", "from", "to", "version", "help"])];

#[test]
fn help_shows_these_flags() {
    assert_help_shows(env!("CARGO_BIN_EXE_snowflake-distinctcounter"), GROUPS);
}

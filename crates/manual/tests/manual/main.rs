//! The files as those see them who read or run them: mandoc, bash, packagers.

#![expect(clippy::unwrap_used, reason = "a test helper that fails is a failed test")]

mod completions;
mod pages;
mod program;

use snowflake_manual::Manual;

/// The long names of a program's flags, without dashes.
fn flags(manual: &Manual) -> Vec<&str> {
    manual.command.get_arguments().filter_map(|flag| flag.get_long()).collect()
}

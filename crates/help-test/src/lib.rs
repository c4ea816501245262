//! For tests: which flags a program's `-help` shows, in which groups.
//!
//! Each program pins its own, as `tests/flags.rs` or a module of that name:
//!
//! ```no_run
//! use snowflake_help_test::{Group, assert_help_shows};
//!
//! const GROUPS: &[Group<'_>] = &[
//!     ("Options", &["version", "help"]),
//!     ("Log", &["log", "unsafe-logging"]),
//! ];
//!
//! // env!("CARGO_BIN_EXE_snowflake-example") in a test.
//! assert_help_shows("target/debug/snowflake-example", GROUPS);
//! ```

use std::process::Command;

/// A heading of the help, and the flags under it, without dashes.
pub type Group<'a> = (&'a str, &'a [&'a str]);

/// How far from the left flags may begin. Their texts begin further right.
const FLAG_INDENT: usize = 6;

/// Runs the program with `-help`.
///
/// # Panics
///
/// It does not end well, writes to stdout, or shows other groups or flags than these, or the same in another order.
pub fn assert_help_shows(program: &str, groups: &[Group<'_>]) {
    let output = Command::new(program).arg("-help").output().expect("a program that runs");
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stdout.is_empty(), "stdout belongs to tor");
    let help = String::from_utf8(output.stderr).expect("help in UTF-8");
    let expected: Vec<_> =
        groups.iter().map(|(heading, flags)| (*heading, flags.to_vec())).collect();
    assert_eq!(groups_of(&help), expected, "{help}");
}

fn groups_of(help: &str) -> Vec<(&str, Vec<&str>)> {
    let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in help.lines() {
        if let Some(heading) = heading(line) {
            groups.push((heading, Vec::new()));
        } else if let (Some(flag), Some((_, flags))) = (flag(line), groups.last_mut()) {
            flags.push(flag);
        }
    }
    groups
}

/// `Log` of `Log:`.
fn heading(line: &str) -> Option<&str> {
    line.strip_suffix(':').filter(|heading| !heading.starts_with(' '))
}

/// `log` of `      --log <LOG>`, `help` of `  -h, --help`.
fn flag(line: &str) -> Option<&str> {
    let text = line.trim_start_matches(' ');
    if !text.starts_with('-') || line.len() - text.len() > FLAG_INDENT {
        return None;
    }
    text.split_once("--")?.1.split(' ').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_told_from_their_texts() {
        let help = "\
Does things: well.

Usage: snowflake-example [OPTIONS]

Options:
  -h, --help
          Print this help and exit

The other group:
      --log <LOG>
          Where to log to, or
          --nowhere

          [default: --]

      --stats  Short
";
        let expected = [("Options", vec!["help"]), ("The other group", vec!["log", "stats"])];
        assert_eq!(groups_of(help), expected);
    }
}

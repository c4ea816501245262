//! Writes man pages and shell completions of the Snowflake programs.

use std::env;
use std::error::Error;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::SystemTime;

use clap::Parser;
use snowflake_cli::{Program, parse};
use snowflake_manual::write;
use time::{Date, OffsetDateTime};

const PROGRAM: Program =
    Program { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") };

/// The day of a build that is to have the same result whenever it is made; reproducible-builds.org.
const DAY: &str = "SOURCE_DATE_EPOCH";

/// Writes man pages and shell completions of the Snowflake programs, for packages.
///
/// Pages go to DIR/man1, completions to DIR/completions/bash, fish and zsh. The pages are of today, or of the second that
/// SOURCE_DATE_EPOCH in the environment names.
#[derive(Debug, Parser)]
struct Args {
    /// Where to write to; it is made if need be.
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

fn main() -> ExitCode {
    let args: Args = match parse(PROGRAM) {
        Ok(args) => args,
        Err(stop) => return stop.report(),
    };
    let written = day().and_then(|day| Ok(write(&args.directory, day)?));
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "{}: {error}", PROGRAM.name);
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the pages are dated")]
fn day() -> Result<Date, Box<dyn Error>> {
    let Some(second) = env::var_os(DAY) else {
        return Ok(OffsetDateTime::from(SystemTime::now()).date());
    };
    let text = second.to_string_lossy();
    let bad = |error: &dyn Error| format!("invalid value {text:?} of {DAY}: {error}");
    let second = text.parse::<i64>().map_err(|error| bad(&error))?;
    Ok(OffsetDateTime::from_unix_timestamp(second).map_err(|error| bad(&error))?.date())
}

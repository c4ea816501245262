//! Writes an AWS key as `sqscreds=` in bridge lines has it.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use snowflake_cli::{Program, parse};

const PROGRAM: Program =
    Program { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") };

/// Asks for an AWS access key and its secret key, and writes them as sqscreds= in a bridge line has
/// them.
#[derive(Debug, Parser)]
struct Args {}

fn main() -> ExitCode {
    let Args {} = match parse(PROGRAM) {
        Ok(args) => args,
        Err(stop) => return stop.report(),
    };
    #[expect(clippy::disallowed_methods, reason = "no tor reads what this program writes")]
    let questions = io::stdout();
    match snowflake_sqscreds::ask(io::stdin().lock(), &questions, io::stderr()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(&questions, "{error}");
            ExitCode::FAILURE
        }
    }
}

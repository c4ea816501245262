//! Writes an AWS key as `sqscreds=` in bridge lines has it.

use std::io::{self, Write};
use std::process::ExitCode;

use snowflake_cli::{Program, parse};
use snowflake_sqscreds::{Args, ask};

const PROGRAM: Program =
    Program { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") };

fn main() -> ExitCode {
    let Args {} = match parse(PROGRAM) {
        Ok(args) => args,
        Err(stop) => return stop.report(),
    };
    #[expect(clippy::disallowed_methods, reason = "no tor reads what this program writes")]
    let questions = io::stdout();
    match ask(io::stdin().lock(), &questions, io::stderr()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(&questions, "{error}");
            ExitCode::FAILURE
        }
    }
}

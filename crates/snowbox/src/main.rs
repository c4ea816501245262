//! The local network of Snowflake, in one command.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::Parser;
use snowflake_snowbox::{Args, Error, Report, exit_code, run};

/// One thread: the programs under test need the processors more than we do, and a child that is to die with the thread that
/// started it dies with the program.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let args = Args::parse();
    let (json, hold) = (args.json, args.hold);
    let outcome = run(args).await;
    let printed = match &outcome {
        Ok(report) => print(report, json),
        Err(_) => Ok(()),
    };
    match printed {
        Ok(()) => exit_code(&outcome, hold),
        Err(error) => {
            exit_code(&Err(Error::Io { what: "printing the table", source: error }), hold)
        }
    }
}

/// The table, or the JSON, is what this program is for.
#[expect(
    clippy::disallowed_methods,
    reason = "this program is no pluggable transport: its stdout is for people and scripts"
)]
fn print(report: &Report, json: bool) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    if json {
        serde_json::to_writer_pretty(&mut stdout, report)?;
        return writeln!(stdout);
    }
    write!(stdout, "{report}")
}

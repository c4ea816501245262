//! The local network of Snowflake, in one command.

use std::{
    fmt::Display,
    io::{self, Write},
    process::ExitCode,
};

use clap::Parser;
use serde::Serialize;
use snowflake_snowbox::{Args, Error, exit_code, run, run_scenario};

/// One thread: the programs under test need the processors more than we do, and a child that is to die with the thread that
/// started it dies with the program.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let args = Args::parse();
    let (json, hold) = (args.json, args.hold);
    match args.scenario.clone() {
        None => end(run(args).await, json, hold),
        Some(scenario) => end(run_scenario(args, &scenario).await, json, false),
    }
}

/// Prints what was measured and says how it went.
fn end<T: Serialize + Display>(outcome: Result<T, Error>, json: bool, held: bool) -> ExitCode {
    let printed = outcome.and_then(|measured| {
        print(&measured, json).map_err(|source| Error::Io { what: "printing the table", source })
    });
    exit_code(&printed, held)
}

/// The table, or the JSON, is what this program is for.
#[expect(
    clippy::disallowed_methods,
    reason = "this program is no pluggable transport: its stdout is for people and scripts"
)]
fn print(measured: &(impl Serialize + Display), json: bool) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    if json {
        serde_json::to_writer_pretty(&mut stdout, measured)?;
        return writeln!(stdout);
    }
    write!(stdout, "{measured}")
}

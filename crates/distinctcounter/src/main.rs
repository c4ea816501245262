//! Counts how many different addresses there are in the chunks of a file of the broker's `-ip-count-prefix`.

mod count;
mod error;

use std::fs::File;
use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use snowflake_cli::Program;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use self::count::{Counted, Span, count};
use self::error::CountError;

const PROGRAM: Program =
    Program { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") };

/// Counts different addresses over several chunks of a file that the Snowflake broker writes with -ip-count-prefix.
///
/// Those of one file have one key, and can be counted together; those of different files cannot. Prints "sum = N" and
/// "chunkIncluded = N".
#[derive(Debug, Parser)]
struct Args {
    /// The file.
    #[arg(long = "in", value_name = "FILE")]
    input: PathBuf,
    /// Leave out chunks that begin before: a date like 2026-08-12T10:00:00Z.
    #[arg(long, value_name = "DATE", value_parser = date)]
    from: OffsetDateTime,
    /// Leave out chunks that end after.
    #[arg(long, value_name = "DATE", value_parser = date)]
    to: OffsetDateTime,
}

fn date(text: &str) -> Result<OffsetDateTime, time::error::Parse> {
    OffsetDateTime::parse(text, &Rfc3339)
}

fn main() -> ExitCode {
    let args: Args = match snowflake_cli::parse(PROGRAM) {
        Ok(args) => args,
        Err(stop) => return stop.report(),
    };
    let span = Span { from: args.from, to: args.to };
    match count_file(&args.input, span).and_then(|counted| Ok(print(counted)?)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "{}: {}: {error}", PROGRAM.name, args.input.display());
            ExitCode::FAILURE
        }
    }
}

fn count_file(path: &Path, span: Span) -> Result<Counted, CountError> {
    count(BufReader::new(File::open(path)?), span)
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is no program of tor's, and that is what it prints"
)]
fn print(Counted { sum, chunks }: Counted) -> io::Result<()> {
    write!(io::stdout(), "sum = {sum}\nchunkIncluded = {chunks}\n")
}

//! Counts how many different addresses there are in the chunks of a file of the broker's `-ip-count-prefix`.

use std::fs::File;
use std::io::{self, BufReader, Write};
use std::path::Path;
use std::process::ExitCode;

use snowflake_cli::Program;
use snowflake_distinctcounter::{Args, CountError, Counted, Span, count};

const PROGRAM: Program =
    Program { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") };

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

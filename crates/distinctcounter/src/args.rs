//! The flags, named as those of Go's program.

use std::path::PathBuf;

use clap::Parser;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Counts different addresses over several chunks of a file that the Snowflake broker writes with -ip-count-prefix.
///
/// Those of one file have one key, and can be counted together; those of different files cannot. Prints "sum = N" and
/// "chunkIncluded = N".
#[derive(Debug, Parser)]
pub struct Args {
    /// The file.
    #[arg(long = "in", value_name = "FILE")]
    pub input: PathBuf,
    /// Leave out chunks that begin before: a date like 2026-08-12T10:00:00Z.
    #[arg(long, value_name = "DATE", value_parser = date)]
    pub from: OffsetDateTime,
    /// Leave out chunks that end after.
    #[arg(long, value_name = "DATE", value_parser = date)]
    pub to: OffsetDateTime,
}

fn date(text: &str) -> Result<OffsetDateTime, time::error::Parse> {
    OffsetDateTime::parse(text, &Rfc3339)
}

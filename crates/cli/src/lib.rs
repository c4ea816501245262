//! What every program does first: Go's flag syntax, durations, version and logging.
//!
//! Operators have torrc files and service units written for the Go programs, so the flags here
//! follow the rules of Go's `flag` package while each program's `args.rs` stays a plain clap
//! derive struct:
//!
//! ```
//! use clap::Parser;
//! use snowflake_cli::{CommaList, GoDuration, Program};
//!
//! /// Serves things.
//! #[derive(Parser)]
//! struct Args {
//!     /// Broker URL.
//!     #[arg(long, default_value = "")]
//!     url: String,
//!     /// Front domains, comma-separated.
//!     #[arg(long, default_value = "")]
//!     fronts: CommaList,
//!     /// Time between summaries.
//!     #[arg(long, default_value = "1h")]
//!     summary_interval: GoDuration,
//!     /// Do not scrub the log.
//!     #[arg(long)]
//!     unsafe_logging: bool,
//! }
//!
//! const PROGRAM: Program = Program { name: "snowflake-example", version: "1.2.3" };
//! let args: Args = snowflake_cli::parse_from(PROGRAM, ["-url=https://b.example", "-fronts", "a,b"])?;
//! assert_eq!(args.url, "https://b.example");
//! assert_eq!(*args.fronts, ["a", "b"]);
//! assert_eq!(args.summary_interval.to_string(), "1h0m0s");
//! assert!(!args.unsafe_logging);
//! # Ok::<(), snowflake_cli::Stop>(())
//! ```
//!
//! * [`parse()`]: a program's flags, or the reason to [`Stop`] at once: help, version, misuse.
//! * [`command()`]: those flags with their help, of which man pages and completions are made.
//! * [`go_bool`], [`GoDuration`], [`CommaList`], [`OptionalPath`]: flag values as Go writes them.
//! * [`CovertDtls`]: the handshake that a flag wishes for.
//! * [`logging`]: where the log goes, that programs can read it, and that it is scrubbed.
//! * [`open_files`]: how many connections the system lets us have.

mod bool_value;
mod covert_dtls;
mod duration;
mod flags;
mod list;
pub mod logging;
pub mod open_files;
mod optional_path;
mod parse;
mod stop;

pub use bool_value::{NotABool, go_bool};
pub use covert_dtls::CovertDtls;
pub use duration::{DurationError, GoDuration};
pub use list::CommaList;
pub use optional_path::OptionalPath;
pub use parse::{command, parse, parse_from};
pub use stop::{Program, Stop, UsageError};

use std::{
    fmt,
    io::{self, Write},
    process::ExitCode,
};

use clap::error::{ContextKind, ContextValue, ErrorKind};

/// The status of a program that was called wrongly, as in Go's `flag` package.
const EXIT_USAGE: u8 = 2;

/// Which program speaks; its `Display` is the version line, `snowflake-client 0.1.0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Program {
    /// The name of the binary: `env!("CARGO_PKG_NAME")`.
    pub name: &'static str,
    /// The release: `env!("CARGO_PKG_VERSION")`.
    pub version: &'static str,
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.version)
    }
}

/// Why a program ends before it begins.
#[derive(Debug, thiserror::Error)]
pub enum Stop {
    /// `-h`, `-help`: the text to show.
    #[error("{0}")]
    Help(String),
    /// `-version`.
    #[error("{0}")]
    Version(Program),
    /// The flags make no sense.
    #[error("{}: {error}", program.name)]
    Usage {
        /// The program that was called.
        program: Program,
        /// What is wrong with which flag.
        error: UsageError,
    },
}

impl Stop {
    /// Tells the operator on stderr; returns what `main` returns: 0, or 2 for wrong usage.
    pub fn report(&self) -> ExitCode {
        self.report_to(&mut io::stderr().lock())
    }

    /// [`report`](Self::report) to a writer of choice. Its errors are ignored: nobody listens.
    pub fn report_to(&self, stderr: &mut impl Write) -> ExitCode {
        let _ = writeln!(stderr, "{}", self.to_string().trim_end());
        match self {
            Self::Help(_) | Self::Version(_) => ExitCode::SUCCESS,
            Self::Usage { program, .. } => {
                let _ = writeln!(stderr, "Run {} -help for its flags.", program.name);
                ExitCode::from(EXIT_USAGE)
            }
        }
    }
}

/// What is wrong with the flags. Flag names are without dashes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UsageError {
    /// More than two dashes, or no name after them.
    #[error("bad flag syntax: {0}")]
    BadSyntax(String),
    /// No such flag.
    #[error("flag provided but not defined: -{0}")]
    Unknown(String),
    /// The arguments end where a value should stand.
    #[error("flag needs an argument: -{0}")]
    MissingValue(String),
    /// A value that the flag does not take.
    #[error("invalid value {value:?} for flag -{flag}: {reason}")]
    BadValue {
        /// The flag.
        flag: String,
        /// The value as given.
        value: String,
        /// What the flag has against it.
        reason: String,
    },
    /// A word that belongs to no flag. Go programs ignore it and every flag after it.
    #[error("unexpected argument {0:?}; flags after it would not be read")]
    Stray(String),
    /// Anything else, such as a flag that must be given, in clap's words.
    #[error("{0}")]
    Other(String),
}

impl From<clap::Error> for UsageError {
    fn from(error: clap::Error) -> Self {
        let text = |kind| match error.get(kind) {
            Some(ContextValue::String(text)) => text.clone(),
            _ => String::new(),
        };
        match error.kind() {
            ErrorKind::ValueValidation | ErrorKind::InvalidValue => Self::BadValue {
                flag: bare_name(&text(ContextKind::InvalidArg)),
                value: text(ContextKind::InvalidValue),
                reason: reason(&error),
            },
            ErrorKind::UnknownArgument => Self::Stray(text(ContextKind::InvalidArg)),
            _ => Self::Other(first_paragraph(&error)),
        }
    }
}

/// `max` out of `--max <MAX>`.
fn bare_name(flag: &str) -> String {
    let name = flag.split_whitespace().next().unwrap_or_default();
    name.trim_start_matches('-').to_owned()
}

fn reason(error: &clap::Error) -> String {
    if let Some(source) = std::error::Error::source(error) {
        return source.to_string();
    }
    match error.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(valid)) => format!("must be one of {}", valid.join(", ")),
        _ => "not accepted".to_owned(),
    }
}

/// clap's message without its usage lines.
fn first_paragraph(error: &clap::Error) -> String {
    let text = error.to_string();
    let message = text.split("\n\n").next().unwrap_or_default();
    let words: Vec<_> = message.split_whitespace().collect();
    words.join(" ").trim_start_matches("error: ").to_owned()
}

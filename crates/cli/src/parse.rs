use std::ffi::OsString;

use clap::{Arg, ArgAction, Command, CommandFactory, Parser};

use crate::{
    Program, Stop, UsageError,
    flags::{Request, VERSION, rewrite},
};

/// Reads the flags of this process.
///
/// ```no_run
/// # use std::process::ExitCode;
/// # #[derive(clap::Parser)] struct Args {}
/// # const PROGRAM: snowflake_cli::Program = snowflake_cli::Program { name: "p", version: "1" };
/// fn main() -> ExitCode {
///     let args: Args = match snowflake_cli::parse(PROGRAM) {
///         Ok(args) => args,
///         Err(stop) => return stop.report(),
///     };
///     # let _ = args;
///     ExitCode::SUCCESS
/// }
/// ```
///
/// # Errors
///
/// As [`parse_from`].
pub fn parse<T: Parser>(program: Program) -> Result<T, Stop> {
    parse_from(program, std::env::args_os().skip(1))
}

/// Reads flags in Go's syntax: one dash or two, `-f value` or `-f=value`, the last of several wins.
///
/// A bool flag is `-f`, `-f=true` or `-f=false`, and the word after it is not its value. Flags end
/// at `--` or at the first word that is no flag. Every program also has `-version`.
///
/// `T` is a plain clap derive struct with `#[arg(long)]` fields; clap's other spellings of a flag,
/// such as `-u`, do not exist. `arguments` are without the program's name.
///
/// # Errors
///
/// [`Stop::Help`] and [`Stop::Version`] if that was asked for; [`Stop::Usage`] names the flag that
/// is unknown, lacks its value or got a bad one.
pub fn parse_from<T: Parser>(
    program: Program,
    arguments: impl IntoIterator<Item = impl Into<OsString>>,
) -> Result<T, Stop> {
    let mut command = command::<T>(program);
    let usage = |error| Stop::Usage { program, error };
    let arguments = match rewrite(&command, arguments.into_iter().map(Into::into)).map_err(usage)? {
        Request::Help => return Err(Stop::Help(command.render_long_help().to_string())),
        Request::Version => return Err(Stop::Version(program)),
        Request::Run(arguments) => arguments,
    };
    let parsed = command.try_get_matches_from_mut(arguments);
    parsed
        .and_then(|mut matches| T::from_arg_matches_mut(&mut matches))
        .map_err(|error| usage(UsageError::from(error)))
}

/// The flags of a program, as [`parse_from`] reads them and `-help` shows them; man pages and completions are made of it.
///
/// It is built: every flag has its final form, `-help` and `-version` are among them, and a default that is empty is not
/// shown.
pub fn command<T: CommandFactory>(program: Program) -> Command {
    let version = Arg::new(VERSION).long(VERSION).action(ArgAction::SetTrue);
    // clap's own tells a short help from a long one; there is one here.
    let help = Arg::new("help").short('h').long("help").action(ArgAction::HelpLong);
    let mut command = T::command()
        .name(program.name)
        .bin_name(program.name)
        .disable_help_flag(true)
        .arg(version.help("Print the version and exit"))
        .arg(help.help("Print this help and exit"))
        .mut_args(without_empty_default)
        .no_binary_name(true)
        .args_override_self(true);
    command.build();
    command
}

fn without_empty_default(flag: Arg) -> Arg {
    let is_empty = flag.get_default_values() == [""];
    if is_empty { flag.hide_default_value(true) } else { flag }
}
